package proxy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
)

// securedBackend is a TLS server at an address of the fake network. It acts when the test says so.
type securedBackend struct {
	w      *world
	config *tls.Config
	peers  []*conn.Peer
}

func (w *world) secured(addr string) *securedBackend {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &securedBackend{w: w, config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
	w.net.Listen(conn.MustAddr(addr), func(p *conn.Peer) { b.peers = append(b.peers, p) })
	return b
}

// shake takes the next connection and shakes hands.
func (b *securedBackend) shake() *tls.Conn {
	b.w.t.Helper()
	b.w.sim.Run()
	if len(b.peers) == 0 {
		b.w.t.Fatal("nobody has connected")
	}
	c := tls.Server(b.peers[0].NetConn(b.w.sim), b.config)
	b.peers = b.peers[1:]
	if err := c.Handshake(); err != nil {
		b.w.t.Fatal(err)
	}
	b.w.sim.Run()
	return c
}

// takes reads a request off a connection.
func (b *securedBackend) takes(c *tls.Conn) *http.Request {
	b.w.t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		b.w.t.Fatal(err)
	}
	io.Copy(io.Discard, r.Body)
	return r
}

func (b *securedBackend) answers(c *tls.Conn, text string) {
	io.WriteString(c, crlf(text))
	b.w.sim.Run()
}

const (
	toSecured = "location / { proxy_pass https://127.0.0.1:9443; add_up }"
	question  = "GET / HTTP/1.1\nHost: x\n\n"
)

func secured(directives string) string { return strings.Replace(toSecured, "add_up", directives, 1) }

func TestRequestsGoOverTLSAndConnectionsAreReused(t *testing.T) {
	w := newWorld(t, secured(""))
	b := w.secured("127.0.0.1:9443")
	cl := w.connect().send(question)
	c := b.shake()
	for i := range 3 {
		if i > 0 {
			cl.send(question)
		}
		if r := b.takes(c); r.Host != "127.0.0.1:9443" {
			t.Error(r.Host)
		}
		b.answers(c, hello)
		wantBody(t, cl.receive(), "hello")
	}
	if len(b.peers) > 0 {
		t.Error("dialled again")
	}
}

// "proxy_connect_timeout: defines a timeout for establishing a connection with a proxied server": one time for the
// connect and the handshake, as in nginx.
func TestTheConnectTimeoutCoversTheHandshake(t *testing.T) {
	w := newWorld(t, secured("proxy_connect_timeout 3s;"))
	w.secured("127.0.0.1:9443")
	cl := w.connect().send(question)
	w.advance(2999 * time.Millisecond)
	if got := cl.receive(); got != "" {
		t.Fatal(got)
	}
	w.advance(time.Millisecond)
	wantStatus(t, cl.receive(), "504")
	w.wantError(`[error] `, `upstream timed out (110: Connection timed out) while SSL handshaking to upstream, client: `, `upstream: "https://127.0.0.1:9443/"`)
}

func TestTheConnectTimeIncludesTheHandshake(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass https://127.0.0.1:9443; proxy_redirect ~(.*) $upstream_connect_time; }`)
	b := w.secured("127.0.0.1:9443")
	cl := w.connect().send(question)
	w.advance(300 * time.Millisecond)
	c := b.shake()
	b.takes(c)
	b.answers(c, "HTTP/1.1 302 Found\nLocation: x\nContent-Length: 0\n\n")
	wantIn(t, cl.receive(), "0.300\r\n")
}

// CVE-2026-1642: what comes before the handshake is done is nobody's answer.
func TestAPlainAnswerToAGreetingIsNoAnswer(t *testing.T) {
	for _, before := range []bool{true, false} {
		w := newWorld(t, secured(""))
		w.net.Listen(conn.MustAddr("127.0.0.1:9443"), func(p *conn.Peer) {
			if before {
				p.Send([]byte(crlf(hello)))
				return
			}
			p.OnData = func(p *conn.Peer) { p.Send([]byte(crlf(hello))) }
		})
		got := w.get("/")
		wantStatus(t, got, "502")
		wantNotIn(t, got, "hello")
		w.wantError("while SSL handshaking to upstream")
	}
}

func TestTheBackendOfATriedHandshakeCountsAsFailed(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9444 max_fails=1 fail_timeout=10s; server 127.0.0.1:9443; }
		server { listen 80; location / { proxy_pass https://u; } }`)
	w.net.Listen(conn.MustAddr("127.0.0.1:9444"), func(p *conn.Peer) { p.Close() })
	b := w.secured("127.0.0.1:9443")
	for range 3 {
		cl := w.connect().send(question)
		var c *tls.Conn
		if len(b.peers) > 0 {
			c = b.shake()
			t.Cleanup(func() { c.Close() })
			b.takes(c)
			b.answers(c, "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 5\n\nhello")
		}
		wantBody(t, cl.receive(), "hello")
	}
	if n := w.net.Dials[conn.MustAddr("127.0.0.1:9444")]; n != 1 {
		t.Errorf("the failed server was asked %d times", n)
	}
}

// "keepalive_min N: idle connections kept ready per peer, dialled and TLS-handshaken ahead of need"
func TestSecuredConnectionsAreMadeAheadOfNeed(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9443; keepalive_min 1; }
		server { listen 80; location / { proxy_pass https://u; } }`)
	b := w.secured("127.0.0.1:9443")
	w.sim.Run()
	if len(b.peers) == 0 {
		w.advance(time.Second) // the backend was not there when the generation began
	}
	c := b.shake()
	cl := w.connect().send(question)
	b.takes(c)
	b.answers(c, hello)
	wantBody(t, cl.receive(), "hello")
	b.shake() // the next one
}

func TestATLSBodyThatIsCutIsNotPassedOnAsWhole(t *testing.T) {
	w := newWorld(t, secured(""))
	b := w.secured("127.0.0.1:9443")
	for _, goodbye := range []bool{true, false} {
		cl := w.connect().send(question)
		p := b.peers[0]
		c := b.shake()
		b.takes(c)
		b.answers(c, "HTTP/1.1 200 OK\n\nhalf")
		if goodbye {
			c.CloseWrite()
		}
		p.Close()
		got := cl.receive()
		wantIn(t, got, "half")
		if whole := strings.HasSuffix(got, "0\r\n\r\n"); whole != goodbye {
			t.Errorf("goodbye %v: whole %v, %q", goodbye, whole, got)
		}
	}
	w.wantError("upstream prematurely closed connection while reading upstream")
}
