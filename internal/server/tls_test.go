package server

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	next int64
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key, next: 2, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) pem() string { return pemOf("CERTIFICATE", a.cert.Raw) }

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// issue returns a certificate and its key in PEM.
func (a *authority) issue(key crypto.Signer, names ...string) (cert, private string) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: names[0], Organization: []string{"Tests, Inc"}}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	a.next++
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", private8)
}

func (a *authority) issueP256(names ...string) (cert, private string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.issue(key, names...)
}

func (a *authority) issueRSA(names ...string) (cert, private string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.issue(key, names...)
}

// tlsWorld is a world whose server has certificates of an authority: one.pem and two.pem with their keys, and ca.pem.
type tlsWorld struct {
	*world
	ca *authority
}

func (w *tlsWorld) file(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func prepareTLS(t *testing.T) *tlsWorld {
	w := &tlsWorld{prepareWorld(t, ""), newAuthority(t)}
	for _, name := range []string{"one", "two"} {
		cert, key := w.ca.issueP256(name + ".test")
		w.file(name+".pem", cert)
		w.file(name+".key", key)
	}
	w.file("ca.pem", w.ca.pem())
	return w
}

func (w *tlsWorld) start(config string) *tlsWorld {
	w.t.Helper()
	w.configure(config)
	s, err := Start(w.options(), NewMessages(&w.stderr))
	if err != nil {
		w.t.Fatalf("start: %s", w.stderr.String())
	}
	w.server = s
	w.t.Cleanup(func() { w.client.CloseIdleConnections() })
	w.t.Cleanup(s.Stop)
	return w
}

func newTLS(t *testing.T, config string) *tlsWorld {
	t.Helper()
	return prepareTLS(t).start(config)
}

const oneServer = `events {} http { access_log off;
	upstream back { server BACKEND; }
	server { listen LISTEN ssl; server_name one.test; ssl_certificate one.pem; ssl_certificate_key one.key;
	client_max_body_size 0; SETTINGS
	location / { proxy_pass http://back; }
	location = /v { return 200 "$scheme $https $ssl_protocol $ssl_cipher $ssl_curve $ssl_server_name $ssl_alpn_protocol"; }
	location = /offers { return 200 "$ssl_ciphers $ssl_curves $ssl_sigalgs $ssl_session_id$ssl_sigalg$ssl_client_sigalg$ssl_ech_status"; }
	location = /reused { return 200 "$ssl_session_reused"; }
	location = /client { return 200 "$ssl_client_verify $ssl_client_s_dn|$ssl_client_i_dn_legacy|$ssl_client_serial"; }
	location /files/ { root .; }
	location = /dir { return 301 /other; } } OTHERS }`

func settings(s string) string {
	return strings.NewReplacer("SETTINGS", s, "OTHERS", "").Replace(oneServer)
}

func (w *tlsWorld) config(name string) *tls.Config {
	return &tls.Config{RootCAs: w.ca.pool, ServerName: name}
}

// dial makes a TLS connection.
func (w *tlsWorld) dial(config *tls.Config) (*tls.Conn, error) {
	c, err := tls.Dial("tcp", w.listen, config)
	if err == nil {
		w.t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return c, err
}

// ask requests a path on a new connection and returns status and body.
func (w *tlsWorld) ask(config *tls.Config, host, path string) string {
	w.t.Helper()
	c, err := w.dial(config)
	if err != nil {
		return "ERROR " + err.Error()
	}
	defer c.Close()
	return askOn(c, host, path)
}

func askOn(c net.Conn, host, path string) string {
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "ERROR " + err.Error()
	}
	body, _ := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

func (w *tlsWorld) wantAnswer(got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("answer %q, want %q; log:\n%s", got, want, w.log())
	}
}

func TestHTTPSIsServedInEveryVersion(t *testing.T) {
	w := newTLS(t, settings("ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL;"))
	for _, tt := range []struct {
		version uint16
		want    string
	}{
		{tls.VersionTLS13, "200 https on TLSv1.3 TLS_AES_128_GCM_SHA256 X25519 one.test "},
		{tls.VersionTLS12, "200 https on TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 X25519 one.test "},
		{tls.VersionTLS10, "200 https on TLSv1 ECDHE-ECDSA-AES128-SHA X25519 one.test "},
	} {
		config := w.config("one.test")
		config.MinVersion, config.MaxVersion, config.CurvePreferences = tt.version, tt.version, []tls.CurveID{tls.X25519}
		w.wantAnswer(w.ask(config, "one.test", "/v"), tt.want)
	}
	config := w.config("one.test")
	config.NextProtos = []string{"h2", "http/1.1"}
	if got := w.ask(config, "one.test", "/v"); !strings.HasSuffix(got, " one.test http/1.1") {
		t.Error(got)
	}
}

func TestRequestsFollowOneAnotherAndRedirectsAreHTTPS(t *testing.T) {
	w := newTLS(t, settings(""))
	c, err := w.dial(w.config("one.test"))
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for range 3 { // pipelined, then alone
		io.WriteString(c, "GET /a HTTP/1.1\r\nHost: one.test\r\n\r\nGET /b HTTP/1.1\r\nHost: one.test\r\n\r\n")
		for _, want := range []string{"backend /a", "backend /b"} {
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(res.Body); string(body) != want {
				t.Fatalf("%q", body)
			}
		}
	}
	io.WriteString(c, "GET /dir HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(w.listen)
	if got := res.Header.Get("Location"); got != "https://one.test:"+port+"/other" {
		t.Error(got)
	}
	io.Copy(io.Discard, res.Body)
	if _, err := in.ReadByte(); err != io.EOF { // close_notify, not a bare end
		t.Errorf("%v at the end of the connection", err)
	}
}

func TestPlainRequestsToATLSPortAreToldSo(t *testing.T) {
	w := newTLS(t, settings(""))
	c, err := net.Dial("tcp", w.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := askOn(c, "one.test", "/"); !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "The plain HTTP request was sent to HTTPS port") {
		t.Error(got)
	}
	w.wantLog("client sent plain HTTP request to HTTPS port while reading client request headers, client: ")
}

func TestLargeBodiesPassBothWays(t *testing.T) {
	w := prepareTLS(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echo := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Write(body)
	})}
	go echo.Serve(ln)
	t.Cleanup(func() { echo.Close() })
	os.Mkdir(filepath.Join(w.dir, "files"), 0o755)
	big := make([]byte, 5<<20+3)
	rand.Read(big)
	w.file("files/big", string(big))
	w.start(strings.ReplaceAll(settings("ssl_buffer_size 4k;"), "BACKEND", ln.Addr().String()))
	transport := &http.Transport{TLSClientConfig: w.config("one.test")}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	for i, send := range []io.Reader{bytes.NewReader(big), io.MultiReader(bytes.NewReader(big))} { // with a length, and chunked
		res, err := client.Post("https://"+w.listen+"/", "", send)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || !bytes.Equal(body, big) {
			t.Fatalf("body %d: %d bytes, %v, status %d", i, len(body), err, res.StatusCode)
		}
	}
	res, err := client.Get("https://" + w.listen + "/files/big")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(body, big) {
		t.Fatalf("file: %d bytes, %v", len(body), err)
	}
}

func TestSessionsResumeAndTicketsCanBeOff(t *testing.T) {
	for _, tt := range []struct{ name, settings, want string }{
		{"by default", "", "200 r"},
		{"with keys from a file", "ssl_session_ticket_key tickets;", "200 r"},
		{"tickets off", "ssl_session_tickets off;", "200 ."},
		{"too old at once", "ssl_session_timeout 0;", "200 ."},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+" "+tls.VersionName(version), func(t *testing.T) {
				w := prepareTLS(t)
				w.file("tickets", strings.Repeat("k", 80))
				w.start(settings(tt.settings))
				config := w.config("one.test")
				config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
				w.wantAnswer(w.ask(config, "one.test", "/reused"), "200 .")
				w.wantAnswer(w.ask(config, "one.test", "/reused"), tt.want)
			})
		}
	}
}

func TestTheServerIsChosenByTheNameInTheHandshake(t *testing.T) {
	w := newTLS(t, strings.NewReplacer("SETTINGS", "return 200 one;", "OTHERS", `
		server { listen LISTEN ssl; server_name two.test; ssl_certificate two.pem; ssl_certificate_key two.key; return 200 two; }
		server { listen LISTEN ssl; server_name none.test; return 200 none; }
		server { listen LISTEN ssl; server_name no.test; ssl_reject_handshake on; }`).Replace(oneServer))
	w.wantAnswer(w.ask(w.config("one.test"), "one.test", "/"), "200 one")
	w.wantAnswer(w.ask(w.config("two.test"), "two.test", "/"), "200 two")
	w.wantAnswer(w.ask(w.config("two.test"), "one.test", "/"), "200 one") // Host decides
	config := w.config("none.test")
	config.InsecureSkipVerify = true
	w.wantAnswer(w.ask(config, "none.test", "/"), "200 none")
	if got := w.ask(w.config("no.test"), "no.test", "/"); !strings.Contains(got, "unrecognized name") {
		t.Error(got)
	}
}

func (w *tlsWorld) certificate(name string) tls.Certificate {
	cert, key := w.ca.issueP256(name)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		w.t.Fatal(err)
	}
	return pair
}

func TestClientCertificates(t *testing.T) {
	w := prepareTLS(t)
	stranger := newAuthority(t)
	good := w.certificate("good")
	bad := w.certificate("revoked")
	crl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(w.ca.next - 1), RevocationTime: time.Now()}},
	}, w.ca.cert, w.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	w.file("crl.pem", pemOf("X509 CRL", crl))
	unknownCert, unknownKey := stranger.issueP256("unknown")
	unknown, _ := tls.X509KeyPair([]byte(unknownCert), []byte(unknownKey))
	other := `server { listen LISTEN ssl; server_name two.test; ssl_certificate two.pem; ssl_certificate_key two.key;
		ssl_verify_client on; ssl_client_certificate ca.pem; ssl_session_ticket_key tickets; return 200 two; }`
	w.file("tickets", strings.Repeat("k", 48))
	with := func(mode string) string {
		return strings.NewReplacer("SETTINGS", "ssl_client_certificate ca.pem; ssl_crl crl.pem; ssl_session_ticket_key tickets; ssl_verify_client "+mode+";", "OTHERS", other).Replace(oneServer)
	}
	w.start(with("on"))
	const none, refused = "No required SSL certificate was sent", "The SSL certificate error"
	check := func(mode string, certs []tls.Certificate, want string) {
		t.Helper()
		config := w.config("one.test")
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certs) == 0 {
				return &tls.Certificate{}, nil
			}
			return &certs[0], nil
		}
		if got := w.ask(config, "one.test", "/client"); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q; log:\n%s", mode, got, want, w.log())
		}
	}
	const success = "200 SUCCESS CN=good,O=Tests\\, Inc|/CN=test root|04"
	check("on", nil, none)
	check("on", []tls.Certificate{good}, success)
	check("on", []tls.Certificate{bad}, refused)
	check("on", []tls.Certificate{unknown}, refused)
	w.wantLog("client SSL certificate verify error: (23:certificate revoked) while reading client request headers, client: ")
	w.wantLog("client SSL certificate verify error: (21:unable to verify the first certificate)")

	// A connection made to a server with rules serves no other.
	config := w.config("one.test")
	config.Certificates = []tls.Certificate{good}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	if got := w.ask(config, "two.test", "/"); !strings.HasPrefix(got, "421 ") {
		t.Error(got)
	}
	// Nor does a session resume into a server with other rules, though the keys of the tickets are the same.
	w.wantAnswer(w.ask(config, "one.test", "/reused"), "200 r")
	to := config.Clone()
	to.ServerName = "two.test"
	to.InsecureSkipVerify = true
	to.ClientSessionCache = oneSession{config.ClientSessionCache}
	c, err := w.dial(to)
	if err != nil {
		t.Fatal(err)
	}
	if c.ConnectionState().DidResume {
		t.Error("a session of one.test was resumed by two.test")
	}

	for _, tt := range []struct {
		mode  string
		certs []tls.Certificate
		want  string
	}{
		{"optional", nil, "200 NONE |"},
		{"optional", []tls.Certificate{good}, success},
		{"optional", []tls.Certificate{unknown}, refused},
		{"optional_no_ca", []tls.Certificate{unknown}, "200 FAILED:unable to verify the first certificate CN=unknown"},
		{"off", []tls.Certificate{good}, "200 NONE |"},
	} {
		w.configure(with(tt.mode))
		if err := w.server.Reload(); err != nil {
			t.Fatal(w.log())
		}
		check(tt.mode, tt.certs, tt.want)
	}
}

// oneSession gives whatever session there is for any server.
type oneSession struct{ tls.ClientSessionCache }

func (o oneSession) Get(string) (*tls.ClientSessionState, bool) {
	return o.ClientSessionCache.Get("one.test")
}

func TestTheKindOfCertificateIsTheClientsChoice(t *testing.T) {
	w := prepareTLS(t)
	cert, key := w.ca.issueRSA("one.test")
	w.file("rsa.pem", cert)
	w.file("rsa.key", key)
	w.start(settings("ssl_certificate rsa.pem; ssl_certificate_key rsa.key; ssl_ciphers HIGH;"))
	for _, tt := range []struct {
		suite uint16
		want  string
	}{
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"},
		{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256"},
	} {
		config := w.config("one.test")
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tt.suite}
		if got := w.ask(config, "one.test", "/v"); !strings.Contains(got, " "+tt.want+" ") {
			t.Errorf("%s: %s", tt.want, got)
		}
	}
}

func TestAReloadPicksUpNewCertificates(t *testing.T) {
	w := newTLS(t, settings(""))
	before, err := w.dial(w.config("one.test"))
	if err != nil {
		t.Fatal(err)
	}
	w.wantAnswer(askOn(before, "one.test", "/x"), "200 backend /x")
	cert, key := w.ca.issueP256("one.test")
	w.file("one.pem", cert)
	if w.server.Reload() == nil {
		t.Error("a reload with a wrong key has succeeded")
	}
	w.wantLog("key values mismatch")
	w.file("one.key", key)
	if err := w.server.Reload(); err != nil {
		t.Fatal(w.log())
	}
	after, err := w.dial(w.config("one.test"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := before.ConnectionState(), after.ConnectionState(); a.PeerCertificates[0].Equal(b.PeerCertificates[0]) {
		t.Error("the certificate is the old one")
	}
	w.wantAnswer(askOn(before, "one.test", "/y"), "200 backend /y")
}

func TestASlowHandshakeTimesOut(t *testing.T) {
	w := newTLS(t, settings("client_header_timeout 200ms;"))
	c, err := net.Dial("tcp", w.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte{0x16, 3, 1, 2})
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v", err)
	}
	w.wantLog("client timed out (110: Connection timed out) while SSL handshaking, client: 127.0.0.1, server: " + w.listen)
}

func TestGarbageEndsTheHandshake(t *testing.T) {
	w := newTLS(t, settings(""))
	for _, garbage := range []string{"\x16\x03\x01\x00\x05hello", "\x80\x2e\x01\x03\x01", "\x16\xff\xff\xff\xff", "\x16\x03\x01\x02\x00\x01"} {
		c, err := net.Dial("tcp", w.listen)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, garbage)
		c.(*net.TCPConn).CloseWrite()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		io.Copy(io.Discard, c)
		c.Close()
	}
	w.wantLog("SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking, client: 127.0.0.1, server: " + w.listen)
	w.wantLog("peer closed connection in SSL handshake while SSL handshaking, client: 127.0.0.1, server: " + w.listen)
}

func TestAClientThatEndsItsSideGetsItsAnswer(t *testing.T) {
	w := newTLS(t, settings("location = /plain { return 200 yes; }"))
	c, err := w.dial(w.config("one.test"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /plain HTTP/1.1\r\nHost: one.test\r\n\r\n")
	c.CloseWrite()
	if got, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(got), "\r\n\r\nyes") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestASlowReaderGetsAllOfIt(t *testing.T) {
	w := prepareTLS(t)
	os.Mkdir(filepath.Join(w.dir, "files"), 0o755)
	big := bytes.Repeat([]byte("0123456789abcdef"), 16<<20/16)
	w.file("files/big", string(big))
	w.start(settings(""))
	raw, err := net.Dial("tcp", w.listen)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, w.config("one.test"))
	defer c.Close()
	io.WriteString(c, "GET /files/big HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n")
	got, err := io.ReadAll(c)
	if err != nil || !bytes.HasSuffix(got, big) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestToolsOfOthersAreServed(t *testing.T) {
	for _, tool := range []string{"openssl", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is missing")
		}
	}
	w := newTLS(t, settings("ssl_session_timeout 1m;"))
	_, port, _ := net.SplitHostPort(w.listen)
	run := func(stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin, cmd.Dir = strings.NewReader(stdin), w.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	url := "https://one.test:" + port
	resolve := []string{"-sS", "--cacert", "ca.pem", "--resolve", "one.test:" + port + ":127.0.0.1"}
	for _, version := range []string{"--tlsv1.3", "--tls-max=1.2"} {
		args := append(strings.SplitN(version, "=", 2), resolve...)
		if version == "--tls-max=1.2" {
			args = append([]string{"--tls-max", "1.2"}, resolve...)
		}
		if got := run("", "curl", append(args, url+"/a", url+"/b")...); got != "backend /abackend /b" {
			t.Errorf("curl %s: %s", version, got)
		}
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		const request = "GET /reused HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n"
		base := []string{"s_client", "-connect", w.listen, "-servername", "one.test", "-CAfile", "ca.pem", "-ign_eof", version}
		if got := run(request, "openssl", append(base, "-sess_out", "session")...); !strings.Contains(got, "Verify return code: 0 (ok)") {
			t.Errorf("openssl %s: %s", version, got)
		}
		if got := run(request, "openssl", append(base, "-sess_in", "session")...); !strings.Contains(got, "Reused, TLS") || !strings.Contains(got, "\r\n\r\nr") {
			t.Errorf("openssl %s does not resume: %s", version, got)
		}
	}
}

func TestKeysCanBeEncrypted(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is missing")
	}
	w := prepareTLS(t)
	w.file("passwords", "wrong\nsecret\n")
	for name, args := range map[string][]string{
		"pbes2":       {"pkcs8", "-topk8", "-in", "one.key", "-out", "pbes2", "-passout", "pass:secret"},
		"des3":        {"pkcs8", "-topk8", "-v2", "des3", "-in", "one.key", "-out", "des3", "-passout", "pass:secret"},
		"traditional": {"ec", "-aes128", "-in", "one.key", "-out", "traditional", "-passout", "pass:secret"},
	} {
		cmd := exec.Command("openssl", args...)
		cmd.Dir = w.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", name, out)
		}
		w.configure(strings.Replace(settings("ssl_password_file passwords;"), "one.key", name, 1))
		if _, err := loadOnly(w.world); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.configure(strings.Replace(settings(""), "one.key", name, 1))
		if _, err := loadOnly(w.world); err == nil || !strings.Contains(err.Error(), "PEM_read_bio_PrivateKey() failed") {
			t.Errorf("%s without a password: %v", name, err)
		}
	}
}

func loadOnly(w *world) (*Setup, error) {
	o := w.options()
	o.Complete()
	return Load(&o, NewMessages(io.Discard))
}

func TestBadTLSSettingsAreRefusedWithTheirPlace(t *testing.T) {
	w := prepareTLS(t)
	w.file("short", "x")
	for _, tt := range []struct{ settings, want string }{
		{"ssl_certificate none.pem;", "no \"ssl_certificate_key\" is defined for certificate"},
		{"ssl_certificate none.pem; ssl_certificate_key one.key;", "none.pem\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:calling fopen("},
		{"ssl_certificate short; ssl_certificate_key one.key;", "short\": PEM_read_bio_X509_AUX() failed"},
		{"ssl_certificate two.pem; ssl_certificate_key one.key;", "key values mismatch"},
		{"ssl_certificate two.pem; ssl_certificate_key short;", "short\": PEM_read_bio_PrivateKey() failed"},
		{"ssl_certificate one.pem; ssl_certificate_key engine:a:b;", "keys of engines and stores are not supported by hearth yet"},
		{"ssl_certificate one.pem; ssl_certificate_key store:a;", "keys of engines and stores are not supported by hearth yet"},
		{"ssl_certificate_cache max=0;", "invalid parameter \"max=0\""},
		{"ssl_ciphers NOTHING;", "SSL_CTX_set_cipher_list(\"NOTHING\") failed (SSL: error:0A0000B9:SSL routines::no cipher match)"},
		{"ssl_ecdh_curve nothing;", "SSL_CTX_set1_curves_list(\"nothing\") failed"},
		{"ssl_protocols SSLv3;", "no protocol of \"ssl_protocols\" is available"},
		{"ssl_protocols TLSv9;", "invalid value \"TLSv9\""},
		{"ssl_verify_client on;", "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client"},
		{"ssl_client_certificate none.pem; ssl_verify_client on;", "SSL_CTX_load_verify_locations(\""},
		{"ssl_trusted_certificate none.pem;", "SSL_CTX_load_verify_locations(\""},
		{"ssl_crl short;", "X509_LOOKUP_load_file(\""},
		{"ssl_session_ticket_key short;", "short\" must be 48 or 80 bytes"},
		{"ssl_session_cache shared:a:1k;", "session cache \"shared:a:1k\" is too small"},
		{"ssl_session_cache what;", "invalid session cache \"what\""},
		{"ssl_password_file none;", "none\" failed (2: No such file or directory)"},
		{"ssl_dhparam short;", "PEM_read_bio_DHparams(\""},
		{"ssl_buffer_size 0;", "\"ssl_buffer_size\" cannot be zero"},
		{"ssl_conf_command Foo bar;", "\"ssl_conf_command\" Foo is not supported by hearth yet"},
		{"ssl_stapling on; ssl_stapling_file none;", "BIO_new_file(\""},
		{"ssl_stapling on; ssl_stapling_file short;", "d2i_OCSP_RESPONSE_bio(\""},
		{"ssl_ocsp maybe;", "invalid value \"maybe\""},
		{"ssl_ocsp on; ssl_verify_client optional_no_ca;", "\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\""},
		{"ssl_ocsp on; ssl_ocsp_responder https://a/;", "invalid URL prefix in OCSP responder \"https://a/\" in \"ssl_ocsp_responder\""},
		{"ssl_ocsp_cache a;", "invalid OCSP cache \"a\""},
		{"ssl_ocsp_cache shared:a:1k;", "OCSP cache \"shared:a:1k\" is too small"},
	} {
		w.configure(settings(tt.settings))
		_, err := loadOnly(w.world)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "nginx.conf:") {
			t.Errorf("%s: %v", tt.settings, err)
		}
	}
	w.configure(settings("ssl_dhparam \"\"; ssl_session_cache builtin:1000 shared:a:1m; ssl_protocols SSLv2 SSLv3 TLSv1.2; ssl_prefer_server_ciphers on; ssl_client_certificate none.pem;"))
	if _, err := loadOnly(w.world); err != nil {
		t.Error(err)
	}
	w.configure("events {} http { server { listen LISTEN ssl; } }")
	if s, err := Start(w.options(), NewMessages(&w.stderr)); err == nil {
		s.Stop()
		t.Error("a server without a certificate has started")
	} else if !strings.Contains(w.stderr.String(), "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive in ") {
		t.Error(w.stderr.String())
	}
}

func TestSessionsOutliveAReload(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			w := newTLS(t, settings("ssl_session_cache shared:x:1m;"))
			config := w.config("one.test")
			config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
			w.wantAnswer(w.ask(config, "one.test", "/reused"), "200 .")
			if err := w.server.Reload(); err != nil {
				t.Fatal(err)
			}
			w.wantAnswer(w.ask(config, "one.test", "/reused"), "200 r")
			cert, key := w.ca.issueP256("one.test")
			w.file("one.pem", cert)
			w.file("one.key", key)
			if err := w.server.Reload(); err != nil {
				t.Fatal(err)
			}
			w.wantAnswer(w.ask(config, "one.test", "/reused"), "200 .") // as in nginx a new certificate ends them
		})
	}
}

func TestCertificatesCanBeNamedByVariables(t *testing.T) {
	const named = `events {} http { access_log off; map $ssl_server_name $which { default one; two.test two; none.test none; }
		SETTINGS
		server { listen LISTEN ssl; ssl_certificate $which.pem; ssl_certificate_key $which.key; return 200 "$ssl_server_name"; } }`
	for _, cache := range []string{"", "ssl_certificate_cache max=2 valid=1h inactive=1h;"} {
		t.Run("with "+cache, func(t *testing.T) {
			w := newTLS(t, strings.Replace(named, "SETTINGS", cache, 1))
			for _, name := range []string{"one.test", "two.test", "two.test"} {
				w.wantAnswer(w.ask(w.config(name), name, "/"), "200 "+name)
			}
			if got := w.ask(w.config("none.test"), "none.test", "/"); !strings.Contains(got, "tls: internal error") {
				t.Errorf("without a file: %q", got)
			}
			w.wantLog("[error]")
			w.wantLog("SSL_do_handshake() failed (SSL: error:0A000179:SSL routines::cert cb error) while SSL handshaking")
			w.wantLog("none.pem\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:calling fopen(")
			cert, key := w.ca.issueP256("two.test", "new.test")
			w.file("two.pem", cert)
			w.file("two.key", key)
			c, err := w.dial(w.config("two.test"))
			if err != nil {
				t.Fatal(err)
			}
			if renewed, want := len(c.ConnectionState().PeerCertificates[0].DNSNames) == 2, cache == ""; renewed != want {
				t.Errorf("a new certificate is seen at once: %v, want %v", renewed, want)
			}
		})
	}
}

func TestSecretsAreLoggedForDebugging(t *testing.T) {
	w := newTLS(t, settings("ssl_key_log keys;"))
	w.wantAnswer(w.ask(w.config("one.test"), "one.test", "/x"), "200 backend /x")
	keys, err := os.ReadFile(filepath.Join(w.dir, "keys"))
	if err != nil || !strings.Contains(string(keys), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("%q, %v", keys, err)
	}
}

func TestWhatTheClientOffersIsInVariables(t *testing.T) {
	w := newTLS(t, settings(""))
	config := w.config("one.test")
	config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	got := w.ask(config, "one.test", "/offers")
	want := "200 ECDHE-ECDSA-AES128-GCM-SHA256 X25519:prime256v1 "
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256:ed25519") {
		t.Errorf("%q, want %q and schemes", got, want)
	}
}

// A server that the handshake chooses has its own size of records.
func TestTheSizeOfRecordsIsTheServers(t *testing.T) {
	two := "server { listen LISTEN ssl; server_name two.test; ssl_certificate two.pem; ssl_certificate_key two.key; ssl_buffer_size 4k; location / { root .; } }"
	w := prepareTLS(t)
	os.Mkdir(filepath.Join(w.dir, "files"), 0o755)
	w.file("files/body", strings.Repeat("x", 40000))
	w.start(strings.NewReplacer("SETTINGS", "", "OTHERS", two).Replace(oneServer))
	for name, want := range map[string]int{"one.test": 16 << 10, "two.test": 4 << 10} {
		raw, err := net.Dial("tcp", w.listen)
		if err != nil {
			t.Fatal(err)
		}
		seen := &recordSizes{Conn: raw}
		c := tls.Client(seen, w.config(name))
		if got := askOn(c, name, "/files/body"); len(got) != len("200 ")+40000 {
			t.Errorf("%s: %.100q", name, got)
		}
		c.Close()
		if most := seen.most - 17; most != want {
			t.Errorf("%s: records of %d bytes, want %d", name, most, want)
		}
	}
}

// recordSizes reads as crypto/tls asks, header by header, and notes the longest record.
type recordSizes struct {
	net.Conn
	buf  []byte
	most int
}

func (r *recordSizes) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		header := make([]byte, 5)
		if _, err := io.ReadFull(r.Conn, header); err != nil {
			return 0, err
		}
		n := int(header[3])<<8 | int(header[4])
		r.most = max(r.most, n)
		r.buf = append(header, make([]byte, n)...)
		if _, err := io.ReadFull(r.Conn, r.buf[5:]); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

func TestATunnelOverTLSPassesBothWays(t *testing.T) {
	w := prepareTLS(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // a backend that upgrades, and echoes what comes until its client ends
		defer close(ended)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{r}) // not by the pipes that Go keeps
	}()
	t.Cleanup(func() { ln.Close(); <-ended })
	w.start(settings(`location /tunnel { proxy_pass http://` + ln.Addr().String() + `; proxy_http_version 1.1;
		proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`))
	c, err := w.dial(w.config("one.test"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /tunnel HTTP/1.1\r\nHost: one.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 200<<10) // 3 MB: more than any buffer on the way
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- err
	}()
	got := make([]byte, len("hello ")+len(data))
	if _, err := io.ReadFull(r, got); err != nil || string(got[:6]) != "hello " || !bytes.Equal(got[6:], data) {
		t.Errorf("%v, equal %v", err, bytes.Equal(got[6:], data))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	c.Close()
}
