package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/internal/modules/nginxtest"
)

// behind is a TLS server of the test's, which notes what the connections to it were like.
type behind struct {
	address string
	mu      sync.Mutex
	seen    []tls.ConnectionState
	served  int
}

// behind starts one. Without serve it answers every request with the name in the handshake.
func (w *tlsWorld) behind(config *tls.Config, serve func(c *tls.Conn)) *behind {
	b := &behind{}
	b.address = w.listener(func(c net.Conn) {
		s := tls.Server(c, config)
		if s.Handshake() != nil {
			return
		}
		b.mu.Lock()
		b.seen = append(b.seen, s.ConnectionState())
		b.mu.Unlock()
		if serve != nil {
			serve(s)
			return
		}
		in := bufio.NewReader(s)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			b.mu.Lock()
			b.served++
			b.mu.Unlock()
			body := s.ConnectionState().ServerName
			fmt.Fprintf(s, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	return b
}

// listener has handle called for each connection, which is closed behind it. All have ended when the test has.
func (w *tlsWorld) listener(handle func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	w.t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

// wantConnections wants connections with these names in their handshakes, in any order.
func (b *behind) wantConnections(t *testing.T, names ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var got []string
	for _, s := range b.seen {
		got = append(got, s.ServerName)
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("connections with the names %q, want %q", got, names)
	}
}

// signed returns a certificate of the authority's that template says more of.
func (a *authority) signed(template x509.Certificate, name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(a.next)
	a.next++
	template.Subject = pkix.Name{CommonName: name}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// crl is a revocation list, good until then.
func (a *authority) crl(until time.Time, revoked ...int64) string {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-2 * time.Hour), NextUpdate: until}
	for _, serial := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: until.Add(-time.Hour)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pemOf("X509 CRL", der)
}

const oneBehind = `events {} http { access_log off; server { listen LISTEN; LOCATIONS } }`

// TestFailuresBehindAreLoggedAsByNginx runs the same failing configurations through both.
func TestFailuresBehindAreLoggedAsByNginx(t *testing.T) {
	w := prepareTLS(t)
	names := x509.Certificate{DNSNames: []string{"one.test", "*.wild.test"}}
	good := w.ca.signed(names, "one.test")
	usual := &tls.Config{Certificates: []tls.Certificate{good}}
	with := func(change func(c *tls.Config)) string {
		c := usual.Clone()
		change(c)
		return w.behind(c, nil).address
	}
	show := func(cert tls.Certificate) string {
		return with(func(c *tls.Config) { c.Certificates = []tls.Certificate{cert} })
	}
	stranger := newAuthority(t)
	self := selfSigned(t, names)
	expired := names
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	early := names
	early.NotBefore, early.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	forClients := names
	forClients.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	withChain := stranger.signed(names, "one.test")
	withChain.Certificate = append(withChain.Certificate, stranger.cert.Raw)
	revoked := w.ca.signed(names, "one.test")
	w.file("crl.pem", w.ca.crl(time.Now().Add(time.Hour), w.ca.next-1))
	w.file("oldcrl.pem", w.ca.crl(time.Now().Add(-time.Hour)))
	w.file("othercrl.pem", stranger.crl(time.Now().Add(time.Hour)))
	fine := w.behind(usual, nil).address

	const verify = "proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; "
	const named = verify + "proxy_ssl_name one.test; "
	rows := []struct{ name, address, directives string }{
		{"nothing is wrong", fine, named + "proxy_ssl_crl crl.pem;"},
		{"a wildcard", fine, verify + "proxy_ssl_name a.wild.test;"},
		{"a wildcard is for one label", fine, verify + "proxy_ssl_name a.b.wild.test;"},
		{"the name of an address", fine, verify},
		{"another name", fine, verify + "proxy_ssl_name two.test;"},
		{"a name with a port", fine, verify + "proxy_ssl_name one.test:99;"},
		{"an empty name", fine, verify + `proxy_ssl_name "";`},
		{"self-signed", show(self), named},
		{"a stranger's", show(stranger.signed(names, "one.test")), named},
		{"a stranger's with its root", show(withChain), named},
		{"expired", show(w.ca.signed(expired, "one.test")), named},
		{"not yet valid", show(w.ca.signed(early, "one.test")), named},
		{"for clients", show(w.ca.signed(forClients, "one.test")), named},
		{"only a common name", show(w.ca.signed(x509.Certificate{}, "one.test")), named},
		{"revoked", show(revoked), named + "proxy_ssl_crl crl.pem;"},
		{"a list that has expired", fine, named + "proxy_ssl_crl oldcrl.pem;"},
		{"no list of its issuer", fine, named + "proxy_ssl_crl othercrl.pem;"},
		{"no version in common", with(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }), "proxy_ssl_protocols TLSv1.2;"},
		{"no version in common, the other way", with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), "proxy_ssl_protocols TLSv1.3;"},
		{"no suite in common", with(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}), "proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;"},
		{"a certificate is wanted, TLS 1.2", with(func(c *tls.Config) { c.MaxVersion, c.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert }), ""},
		{"a certificate is wanted, TLS 1.3", with(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), ""},
		{"the name is not known", with(func(c *tls.Config) {
			c.Certificates = nil
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
		}), "proxy_ssl_server_name on; proxy_ssl_name nobody.test;"},
		{"no TLS at all", w.listener(func(c net.Conn) {
			c.Read(make([]byte, 1000))
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, c)
		}), ""},
		{"closed after the greeting", w.listener(func(c net.Conn) { c.Read(make([]byte, 64<<10)) }), ""},
		{"reset after the greeting", w.listener(func(c net.Conn) { c.Read(make([]byte, 1)); c.(*net.TCPConn).SetLinger(0) }), ""},
		{"silence", w.listener(func(c net.Conn) { io.Copy(io.Discard, c) }), "proxy_connect_timeout 200ms;"},
		{"nobody listens", "127.0.0.1:1", ""},
		{"closed instead of an answer", w.behind(usual, func(c *tls.Conn) { c.Read(make([]byte, 1000)); c.CloseWrite() }).address, ""},
		{"a certificate of ours that is not there", fine, "proxy_ssl_certificate $arg_x.pem; proxy_ssl_certificate_key one.key;"},
		{"a key that is none of its certificate", fine, "proxy_ssl_certificate one$arg_x.pem; proxy_ssl_certificate_key two.key;"},
	}
	var locations strings.Builder
	for i, row := range rows {
		protocols := "proxy_ssl_protocols TLSv1.2 TLSv1.3; "
		if strings.Contains(row.directives, "_protocols") {
			protocols = ""
		}
		fmt.Fprintf(&locations, "location = /%d { proxy_pass https://%s; proxy_ssl_session_reuse off; %s }\n", i, row.address, protocols+row.directives)
	}
	config := strings.Replace(oneBehind, "LOCATIONS", locations.String(), 1)
	nginx := nginxtest.Start(t, strings.ReplaceAll(strings.Replace(config, "events {} ", "", 1), "listen LISTEN", "listen 80"), func(dir string) {
		for _, name := range []string{"ca.pem", "one.pem", "one.key", "two.key", "crl.pem", "oldcrl.pem", "othercrl.pem"} {
			copyFile(t, w.dir+"/"+name, dir+"/"+name)
		}
	})
	w.start(config)
	for i, row := range rows {
		path := fmt.Sprintf("/%d", i)
		from := len(w.log())
		res, err := w.client.Get("http://" + w.listen + path)
		if err != nil {
			t.Fatal(row.name, err)
		}
		res.Body.Close()
		want := nginx.Get(path)
		wantLog := strings.Join(essence(nginx.Log()), "\n")
		if strings.Contains(wantLog, ":SSL alert number ") { // some of them nginx takes to be critical
			wantLog = strings.Replace(wantLog, "[crit]", "[error]", 1)
		}
		gotLog := strings.Join(essence(strings.Split(strings.ReplaceAll(w.log()[from:], w.dir+"/", ""), "\n")), "\n")
		if res.StatusCode != want.Status || gotLog != wantLog {
			t.Errorf("%s:\n got %d %s\nwant %d %s", row.name, res.StatusCode, gotLog, want.Status, wantLog)
		}
	}
}

// essence is what lines say, without when, by whom, and of whom.
func essence(lines []string) (list []string) {
	for _, line := range lines {
		if m := logEssence.FindStringSubmatch(line); m != nil && m[1] != "[info]" {
			list = append(list, m[1]+" "+m[2])
		}
	}
	return list
}

var logEssence = regexp.MustCompile(`(\[\w+\]) (?:\S+ \*\d+ )?(.*), client: `)

func selfSigned(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: "self"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// usualBehind is a backend with a certificate for one.test and two.test.
func (w *tlsWorld) usualBehind() (*tls.Config, *behind) {
	cert := w.ca.signed(x509.Certificate{DNSNames: []string{"one.test", "two.test"}}, "one.test")
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	return config, w.behind(config, nil)
}

func behindConfig(upstream, locations string) string {
	return strings.NewReplacer("server {", upstream+" server {", "LOCATIONS", locations).Replace(oneBehind)
}

// nginx matches pooled connections by address alone, so that a request for one name may travel on a connection that
// was made, and verified, for another.
func TestConnectionsForDifferentNamesAreNotMixed(t *testing.T) {
	w := prepareTLS(t)
	_, b := w.usualBehind()
	w.start(behindConfig("upstream back { server "+b.address+"; keepalive 32; }", `
		proxy_ssl_server_name on;
		location /one { proxy_pass https://back; proxy_ssl_name one.test; }
		location /two { proxy_pass https://back; proxy_ssl_name two.test; }
		location /verified { proxy_pass https://back; proxy_ssl_name one.test; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; }
		location /refused { proxy_pass https://back; proxy_ssl_name two.test; proxy_ssl_verify on; proxy_ssl_trusted_certificate two.pem; }
		location /asked { proxy_pass https://back; proxy_ssl_name $arg_name; }
		location /default { proxy_pass https://back; }`))
	for range 2 {
		w.want("/one", "one.test")
		w.want("/two", "two.test")
		w.want("/verified", "one.test")
		w.want("/asked?name=a.test", "a.test")
		w.want("/asked?name=b.test", "b.test")
		w.want("/asked?name=one.test", "one.test")
		w.want("/default", "back")
	}
	// /asked?name=one.test shares with /one, what is verified does not.
	b.wantConnections(t, "one.test", "two.test", "one.test", "a.test", "b.test", "back")
	if got := w.get("/refused"); got != "ERROR status 502" {
		t.Error(got)
	}
}

func TestConnectionsAndSessionsOutliveAReload(t *testing.T) {
	w := prepareTLS(t)
	_, b := w.usualBehind()
	config := func(more string) string {
		return behindConfig("upstream back { server "+b.address+"; "+more+" }",
			`location / { proxy_pass https://back; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name one.test; proxy_ssl_server_name on; }`)
	}
	reload := func(more string) {
		t.Helper()
		w.configure(config(more))
		if err := w.server.Reload(); err != nil {
			t.Fatal(err, w.log())
		}
	}
	w.start(config("keepalive 4;"))
	w.want("/", "one.test")
	reload("keepalive 5;")
	w.want("/", "one.test")
	b.wantConnections(t, "one.test")

	reload("keepalive 0;")
	w.want("/", "one.test")
	w.want("/", "one.test")
	b.mu.Lock()
	resumed := b.seen[len(b.seen)-1].DidResume
	b.mu.Unlock()
	if !resumed {
		t.Error("the session has not outlived the reload")
	}
}

func TestSessionReuseCanBeOff(t *testing.T) {
	w := prepareTLS(t)
	_, b := w.usualBehind()
	w.start(behindConfig("upstream back { server "+b.address+"; keepalive 0; }", `
		location /on { proxy_pass https://back; }
		location /off { proxy_pass https://back; proxy_ssl_session_reuse off; }`))
	for range 2 {
		w.want("/on", "")
		w.want("/off", "")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var resumed []bool
	for _, s := range b.seen {
		resumed = append(resumed, s.DidResume)
	}
	if !slices.Equal(resumed, []bool{false, false, true, false}) {
		t.Error(resumed)
	}
}

func TestCertificatesAreShownToBackends(t *testing.T) {
	w := prepareTLS(t)
	config, _ := w.usualBehind()
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, w.ca.pool
	b := w.behind(config, nil)
	cert, key := w.ca.issueRSA("rsa")
	w.file("rsa.pem", cert)
	w.file("rsa.key", key)
	w.start(behindConfig("", `
		set $key one.key;
		location /fixed { proxy_pass https://`+b.address+`; proxy_ssl_certificate one.pem; proxy_ssl_certificate_key one.key; }
		location /rsa { proxy_pass https://`+b.address+`; proxy_ssl_certificate rsa.pem; proxy_ssl_certificate_key rsa.key; }
		location /named { proxy_pass https://`+b.address+`; proxy_ssl_certificate $arg_name.pem; proxy_ssl_certificate_key $arg_name.key; }
		location /kept { proxy_pass https://`+b.address+`; proxy_ssl_certificate $arg_name.pem; proxy_ssl_certificate_key $arg_name.key;
			proxy_ssl_certificate_cache max=10; }
		location /none { proxy_pass https://`+b.address+`; proxy_ssl_certificate $arg_none; proxy_ssl_certificate_key $key; }`))
	for range 2 {
		for _, path := range []string{"/fixed", "/rsa", "/named?name=one", "/named?name=two", "/kept?name=two"} {
			w.want(path, "")
		}
	}
	if got := w.get("/none"); got != "ERROR status 502" {
		t.Error(got)
	}
	var shown []string
	b.mu.Lock()
	for _, s := range b.seen {
		shown = append(shown, s.PeerCertificates[0].Subject.CommonName)
	}
	b.mu.Unlock()
	if want := []string{"one.test", "rsa", "one.test", "two.test", "two.test"}; !slices.Equal(shown, want) {
		t.Errorf("%q, want %q", shown, want)
	}
}

// A body that ends with the connection is whole only if the backend has said goodbye. nginx cannot tell.
func TestABodyThatWasCutIsNotComplete(t *testing.T) {
	w := prepareTLS(t)
	config, _ := w.usualBehind()
	const head = "HTTP/1.1 200 OK\r\n\r\nhalf a body"
	ended := w.behind(config, func(c *tls.Conn) { c.Read(make([]byte, 1000)); io.WriteString(c, head); c.CloseWrite() })
	cut := w.behind(config, func(c *tls.Conn) { c.Read(make([]byte, 1000)); io.WriteString(c, head) })
	w.start(behindConfig("", "location /ended { proxy_pass https://"+ended.address+"; } location /cut { proxy_pass https://"+cut.address+"; }"))
	w.want("/ended", "half a body")
	if got := w.get("/cut"); !strings.HasPrefix(got, "ERROR unexpected EOF") {
		t.Errorf("%q", got)
	}
	w.wantLog("upstream prematurely closed connection while reading upstream")
}

func TestTheNextServerIsTriedAfterAFailedHandshake(t *testing.T) {
	w := prepareTLS(t)
	_, good := w.usualBehind()
	closes := w.listener(func(c net.Conn) { c.Read(make([]byte, 64<<10)) }) // unread bytes would make it a reset
	w.start(behindConfig("upstream back { server "+closes+" max_fails=0; server "+good.address+"; keepalive 0; }",
		`location / { proxy_pass https://back; add_header X-Tried $upstream_status; }`))
	for range 3 {
		w.want("/", "")
	}
	w.wantLog("peer closed connection in SSL handshake while SSL handshaking to upstream")
}

func TestHTTPSByVariablesAndOverUnixSockets(t *testing.T) {
	w := prepareTLS(t)
	config, b := w.usualBehind()
	l, err := net.Listen("unix", w.dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	unix := &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		io.WriteString(out, r.Host+" "+r.URL.Path)
	})}
	go unix.Serve(tls.NewListener(l, config))
	t.Cleanup(func() { unix.Close() })
	w.start(behindConfig("", `
		location /scheme { set $to $arg_scheme://$arg_at; proxy_pass $to; proxy_ssl_server_name on; proxy_ssl_name x.test; }
		location /unix/ { proxy_pass https://unix:`+w.dir+`/socket:/under/; }
		location /ports { return 200 "$proxy_port"; }
		location /standard { proxy_pass https://127.0.0.1; }`))
	w.want("/scheme?scheme=https&at="+b.address, "x.test")
	w.want("/scheme?scheme=http&at="+w.back.address, "backend /scheme")
	w.want("/unix/here", "localhost /under/here")
	if got := w.get("/scheme?scheme=ftp&at=x"); got != "ERROR status 500" {
		t.Error(got)
	}
	w.get("/standard")
	w.wantLog(`upstream: "https://127.0.0.1:443/standard"`)
}

func TestSecretsAreLogged(t *testing.T) {
	w := prepareTLS(t)
	_, b := w.usualBehind()
	w.start(behindConfig("", "location / { proxy_pass https://"+b.address+"; proxy_ssl_key_log secrets; }"))
	w.want("/", "")
	data, err := os.ReadFile(w.dir + "/secrets")
	if err != nil || !strings.Contains(string(data), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("%q, %v", data, err)
	}
}

func TestBadSettingsTowardsBackendsAreRefused(t *testing.T) {
	w := prepareTLS(t)
	for directives, want := range map[string]string{
		"proxy_ssl_verify on;": `no proxy_ssl_trusted_certificate for proxy_ssl_verify`,
		"proxy_ssl_verify on; proxy_ssl_trusted_certificate no.pem;":        `SSL_CTX_load_verify_locations("DIR/no.pem") failed (SSL: error:80000002:system library::No such file or directory:calling fopen(DIR/no.pem, r) error:10000080:BIO routines::no such file) in DIR/nginx.conf:3`,
		"proxy_ssl_certificate one.pem;":                                    `no "proxy_ssl_certificate_key" is defined for certificate "DIR/one.pem" in DIR/nginx.conf:3`,
		"proxy_ssl_certificate $host.pem;":                                  `no "proxy_ssl_certificate_key" is defined for certificate "$host.pem"`,
		"proxy_ssl_certificate one.pem; proxy_ssl_certificate_key two.key;": `SSL_CTX_use_PrivateKey("DIR/two.key") failed (SSL: error:05800074:x509 certificate routines::key values mismatch) in DIR/nginx.conf:3`,
		"proxy_ssl_ciphers NOTHING;":                                        `SSL_CTX_set_cipher_list("NOTHING") failed (SSL: error:0A0000B9:SSL routines::no cipher match) in DIR/nginx.conf:3`,
		"proxy_ssl_protocols SSLv3;":                                        `no protocol of "proxy_ssl_protocols" is available`,
		"proxy_ssl_certificate_cache valid=1s;":                             `"proxy_ssl_certificate_cache" directive must have the "max" parameter in DIR/nginx.conf:3`,
		"proxy_ssl_certificate_cache max=x;":                                `invalid parameter "max=x" in DIR/nginx.conf:3`,
		"proxy_ssl_key_log no/secrets;":                                     `open() "DIR/no/secrets" failed (2: No such file or directory) in DIR/nginx.conf:3`,
	} {
		w.configure(behindConfig("", "location / { proxy_pass https://127.0.0.1; "+directives+" }"))
		w.stderr.Reset()
		want = strings.ReplaceAll(want, "DIR", w.dir)
		if s, err := Start(w.options(), NewMessages(&w.stderr)); err == nil {
			s.Stop()
			t.Errorf("%s is accepted", directives)
		} else if !strings.Contains(w.stderr.String(), want) {
			t.Errorf("%s:\n got %s\nwant %s", directives, w.stderr.String(), want)
		}
	}
}
