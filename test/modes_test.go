package test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mode is how two sides speak: clients with hearth, and hearth with its backends.
type mode struct {
	name   string
	secure bool // over TLS
	two    bool // HTTP/2
	grpc   bool // behind only: by grpc_pass
}

var fronts = []mode{
	{name: "h1"},
	{name: "h1+TLS", secure: true},
	{name: "h2c", two: true},
	{name: "h2", secure: true, two: true},
}

var behinds = []mode{
	{name: "h1"},
	{name: "h1+TLS", secure: true},
	{name: "h2c", two: true},
	{name: "h2", secure: true, two: true},
	{name: "gRPC", two: true, grpc: true},
	{name: "gRPC+TLS", secure: true, two: true, grpc: true},
}

// Every case holds in every pair of modes. What a case needs of its backend is its own handler, which runs in this process:
// a case sees both ends, and never has to guess what the other has got.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, front := range fronts {
		for _, behind := range behinds {
			t.Run(front.name+" to "+behind.name, func(t *testing.T) {
				t.Parallel()
				c := newCell(t, front, behind)
				for _, test := range modeCases {
					t.Run(test.name, func(t *testing.T) {
						test.run(&cell{T: t, pair: c})
					})
				}
			})
		}
	}
}

// pair is hearth between one mode in front and one behind.
type pair struct {
	front, behind mode
	proxy         *Proxy
	addr          string // of hearth
	transport     *http.Transport
	server        *http.Server
	accepted      atomic.Int64 // connections of hearth's to the backend

	mu       sync.Mutex // guards handlers
	handlers map[string]http.HandlerFunc
}

// cell is a pair while one case runs.
type cell struct {
	*testing.T
	*pair
}

func newCell(t *testing.T, front, behind mode) *pair {
	l := newLab(t)
	p := &pair{front: front, behind: behind, handlers: map[string]http.HandlerFunc{}}
	p.serve(l)
	p.proxy = l.prepare(hearthBinary, p.configuration())
	p.proxy.File("cert.pem", identity().cert)
	p.proxy.File("key.pem", identity().key)
	p.proxy.launch()
	p.proxy.waitListening()
	p.addr = p.proxy.Addr(1)
	p.proxy.opened = p.proxy.descriptors()
	p.transport = newTransport(front)
	t.Cleanup(p.transport.CloseIdleConnections) // before the lab looks for what is still open
	return p
}

// configuration has the same places in every pair:
//
//	/          as it is by default, which for proxy_pass is buffered both ways
//	/direct/   nothing buffered
//	/hints/    103 from the backend is passed on
func (p *pair) configuration() string {
	pass := fmt.Sprintf("proxy_pass %s://backend; proxy_pass_trailers on; ", scheme(p.behind, "http"))
	direct := "proxy_buffering off; proxy_request_buffering off; "
	switch {
	case p.behind.grpc:
		pass, direct = fmt.Sprintf("grpc_pass %s://backend; ", scheme(p.behind, "grpc")), ""
	case p.behind.two:
		pass += "proxy_http_version 2; "
	default:
		pass += `proxy_http_version 1.1; proxy_set_header Connection ""; `
	}
	listen, two := "listen %PORT1%", ""
	if p.front.secure {
		listen += " ssl"
		two += "ssl_certificate %DIR%/cert.pem; ssl_certificate_key %DIR%/key.pem; "
	}
	if p.front.two {
		two += "http2 on; "
	}
	return site(`
	upstream backend { server %BACK1%; keepalive 32; }
	server {
		` + listen + `; ` + two + `
		client_max_body_size 0;
		location / { ` + pass + ` }
		location /direct/ { ` + pass + direct + ` }
		location /hints/ { ` + pass + direct + ` early_hints 1; }
	}`)
}

func scheme(m mode, name string) string {
	if m.secure {
		return name + "s"
	}
	return name
}

func (m mode) protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!m.two)
	p.SetHTTP2(m.two && m.secure)
	p.SetUnencryptedHTTP2(m.two && !m.secure)
	return p
}

// kernelBuffer is small for what a reader's kernel takes in, and a writer's has to send: the kernel would take several megabytes.
const kernelBuffer = 256 << 10

// newTransport is Go's client of a mode. It trusts the tests' certificate alone.
func newTransport(m mode) *http.Transport {
	return &http.Transport{
		Protocols:             m.protocols(),
		TLSClientConfig:       &tls.Config{RootCAs: identity().pool, ServerName: "localhost"},
		DialContext:           dial,
		DisableCompression:    true,
		ExpectContinueTimeout: 100 * time.Millisecond,
		MaxIdleConnsPerHost:   100,
	}
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		c.(*net.TCPConn).SetReadBuffer(kernelBuffer)
	}
	return c, err
}

// backendListener is hearth's view of the backend: it counts connections, and ends the server with them.
type backendListener struct {
	net.Listener
	*pair
}

func (b backendListener) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err == nil {
		c.(*net.TCPConn).SetWriteBuffer(kernelBuffer)
		b.accepted.Add(1)
	}
	return c, err
}

// serve starts Go's server of the mode behind.
func (p *pair) serve(l *Lab) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.Fatal(err)
	}
	p.server = &http.Server{
		Handler:   http.HandlerFunc(p.answer),
		Protocols: p.behind.protocols(),
		ErrorLog:  log.New(io.Discard, "", 0), // a client that left is no news
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{identity().pair}},
	}
	l.backends = append(l.backends, &Backend{Addr: ln.Addr().String(), ln: endsServer{ln, p.server}})
	if p.behind.secure {
		go p.server.ServeTLS(backendListener{ln, p}, "", "")
	} else {
		go p.server.Serve(backendListener{ln, p})
	}
}

// endsServer lets a lab's backend be a server of net/http.
type endsServer struct {
	net.Listener
	server *http.Server
}

func (e endsServer) Close() error { return e.server.Close() }

// answer gives a request to the handler its path ends with.
func (p *pair) answer(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	h := p.handlers[path.Base(r.URL.Path)]
	p.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h(w, r)
}

// handle lets the backend answer with h, and returns the URL at which it does, below a place of the configuration.
func (c *cell) handle(place string, h http.HandlerFunc) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := fmt.Sprint(len(c.handlers))
	c.handlers[name] = h
	return c.url(place + name)
}

func (p *pair) url(path string) string { return scheme(p.front, "http") + "://" + p.addr + path }

// request makes a request that ends with the case, or when patience does. A body's length is said if it is a *bytes.Reader.
func (c *cell) request(method, url string, body io.Reader) (*http.Request, context.CancelFunc) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	c.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		c.Fatal(err)
	}
	return r, cancel
}

// do sends a request, which is to be answered.
func (c *cell) do(r *http.Request) *http.Response {
	c.Helper()
	a, err := c.transport.RoundTrip(r)
	if err != nil {
		c.Fatalf("%s %s: %v\n%s", r.Method, r.URL.Path, err, tail(c.proxy.Read("error.log")))
	}
	c.Cleanup(func() { a.Body.Close() })
	if a.ProtoMajor != c.front.major() {
		c.Errorf("answered in %s", a.Proto)
	}
	return a
}

func (m mode) major() int {
	if m.two {
		return 2
	}
	return 1
}

// get asks without a body and returns the answer's, whole.
func (c *cell) get(url string) (*http.Response, string) {
	c.Helper()
	r, _ := c.request("GET", url, nil)
	a := c.do(r)
	body, err := io.ReadAll(a.Body)
	if err != nil {
		c.Fatalf("%s: after %d bytes: %v", url, len(body), err)
	}
	return a, string(body)
}

// wantAlive sees to it that what happened has disturbed nothing else.
func (c *cell) wantAlive() {
	c.Helper()
	a, body := c.get(c.handle("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "alive") }))
	if a.StatusCode != 200 || body != "alive" {
		c.Errorf("after that: %s, %q", a.Status, body)
	}
}

// await waits for something that the other end of this process does.
func await[T any](c *cell, what string, ch <-chan T) (v T) {
	c.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		c.Fatalf("waited in vain: %s", what)
	}
	return v
}

// data is what bodies are made of: no two parts of it are alike.
var data = sync.OnceValue(func() []byte {
	b := make([]byte, 20<<20)
	rand.Read(b)
	return b
})

// differs compares what a reader has with what it should have.
func differs(r io.Reader, want []byte) error {
	buf := make([]byte, 64<<10)
	for at := 0; ; {
		n, err := r.Read(buf)
		if at+n > len(want) {
			return fmt.Errorf("more than %d bytes", len(want))
		}
		if !bytes.Equal(buf[:n], want[at:at+n]) {
			return fmt.Errorf("other bytes than there should be among the %d after %d of %d", n, at, len(want))
		}
		at += n
		if err != nil && (!errors.Is(err, io.EOF) || at < len(want)) {
			return fmt.Errorf("after %d of %d bytes: %w", at, len(want), err)
		}
		if err != nil {
			return nil
		}
	}
}

// identity is the certificate of both hearth and the backends.
var identity = sync.OnceValue(func() (id struct {
	cert, key string
	pair      tls.Certificate
	pool      *x509.CertPool
}) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost", "backend"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	id.cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	id.key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	id.pair, _ = tls.X509KeyPair([]byte(id.cert), []byte(id.key))
	id.pool = x509.NewCertPool()
	id.pool.AppendCertsFromPEM([]byte(id.cert))
	return id
})
