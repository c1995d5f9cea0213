package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// responder is an OCSP responder of an authority. By default it says that every certificate is good.
type responder struct {
	*httptest.Server
	ca    *authority
	asked atomic.Int64

	mu     sync.Mutex
	status map[int64]int // by serial number
	signer *x509.Certificate
	key    crypto.Signer
	age    time.Duration // the answer is that old; it holds for an hour
	broken bool
}

func newResponder(t *testing.T, ca *authority) *responder {
	r := &responder{ca: ca, status: map[int64]int{}, signer: ca.cert, key: ca.key}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *responder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.asked.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	path, _ := url.PathUnescape(strings.TrimPrefix(q.URL.EscapedPath(), "/"))
	der, err := base64.StdEncoding.DecodeString(path)
	question, err2 := ocsp.ParseRequest(der)
	if err != nil || err2 != nil || r.broken {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	now := time.Now().Add(-r.age)
	answer := ocsp.Response{Status: r.status[question.SerialNumber.Int64()], SerialNumber: question.SerialNumber, ThisUpdate: now,
		NextUpdate: now.Add(time.Hour), RevokedAt: now}
	if r.signer != r.ca.cert {
		answer.Certificate = r.signer
	}
	der, err = ocsp.CreateResponse(r.ca.cert, r.signer, answer, r.key)
	if err != nil {
		r.ca.t.Error(err)
	}
	w.Write(der)
}

func (r *responder) set(change func()) {
	r.mu.Lock()
	change()
	r.mu.Unlock()
}

// signBy has answers signed by a certificate of the authority's with that usage.
func (r *responder) signBy(usage x509.ExtKeyUsage) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1000), Subject: pkix.Name{CommonName: "responder"}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, r.ca.cert, key.Public(), r.ca.key)
	if err != nil {
		r.ca.t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	r.set(func() { r.signer, r.key = cert, key })
}

// stapled makes handshakes until one has a response, or asked questions have been answered and more would change nothing.
func (w *tlsWorld) stapled(r *responder, questions int64) []byte {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := w.dial(w.config("one.test"))
		if err != nil {
			w.t.Fatal(err)
		}
		staple := c.ConnectionState().OCSPResponse
		c.Close()
		if staple != nil {
			return staple
		}
		if questions > 0 && r.asked.Load() >= questions && strings.Contains(w.log(), "while requesting certificate status") {
			return nil
		}
	}
	w.t.Fatalf("no response after %d questions; log:\n%s", r.asked.Load(), w.log())
	return nil
}

func TestAnOCSPResponseIsStapledAndOutlivesAReload(t *testing.T) {
	w := prepareTLS(t)
	r := newResponder(t, w.ca)
	w.start(settings("ssl_stapling on; ssl_trusted_certificate ca.pem; ssl_stapling_responder " + r.URL + ";"))
	said, err := ocsp.ParseResponse(w.stapled(r, 0), w.ca.cert)
	if err != nil || said.Status != ocsp.Good {
		t.Fatalf("%+v, %v", said, err)
	}
	if err := w.server.Reload(); err != nil {
		t.Fatal(err)
	}
	c, err := w.dial(w.config("one.test"))
	if err != nil || c.ConnectionState().OCSPResponse == nil {
		t.Errorf("no response after a reload; %v", err)
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
}

func TestABadOCSPResponseIsNotStapled(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(r *responder)
		want string
	}{
		{"revoked", func(r *responder) { r.status[2] = ocsp.Revoked }, "certificate status \"revoked\" in the OCSP response"},
		{"unknown", func(r *responder) { r.status[2] = ocsp.Unknown }, "certificate status \"unknown\" in the OCSP response"},
		{"old", func(r *responder) { r.age = 2 * time.Hour }, "the OCSP response is not of now"},
		{"no answer", func(r *responder) { r.broken = true }, "OCSP responder sent status 500"},
		{"of another authority", func(r *responder) {
			other := newAuthority(r.ca.t)
			r.signer, r.key = other.cert, other.key
		}, "while requesting certificate status, responder: http://127.0.0.1:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := prepareTLS(t)
			r := newResponder(t, w.ca)
			r.set(func() { tt.set(r) })
			w.start(settings("ssl_stapling on; ssl_trusted_certificate ca.pem; ssl_stapling_responder " + r.URL + ";"))
			if w.stapled(r, 1) != nil {
				t.Error("stapled")
			}
			w.wantLog(tt.want)
		})
	}
}

func TestOnlyWhoMaySignsOCSPResponses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		usage x509.ExtKeyUsage
		may   bool
	}{{"who may", x509.ExtKeyUsageOCSPSigning, true}, {"who may not", x509.ExtKeyUsageServerAuth, false}} {
		t.Run(tt.name, func(t *testing.T) {
			w := prepareTLS(t)
			r := newResponder(t, w.ca)
			r.signBy(tt.usage)
			w.start(settings("ssl_stapling on; ssl_trusted_certificate ca.pem; ssl_stapling_responder " + r.URL + ";"))
			if got := w.stapled(r, 1) != nil; got != tt.may {
				t.Errorf("stapled %v; log:\n%s", got, w.log())
			}
		})
	}
}

func TestAResponseFromAFileIsStapled(t *testing.T) {
	w := prepareTLS(t)
	der, err := ocsp.CreateResponse(w.ca.cert, w.ca.cert, ocsp.Response{SerialNumber: big.NewInt(2), ThisUpdate: time.Now()}, w.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	w.file("response", string(der))
	w.start(settings("ssl_stapling on; ssl_stapling_file response;"))
	c, err := w.dial(w.config("one.test"))
	if err != nil || string(c.ConnectionState().OCSPResponse) != string(der) {
		t.Errorf("%v", err)
	}
}

func TestRespondersAreAskedAboutClients(t *testing.T) {
	const ask = "ssl_verify_client on; ssl_client_certificate ca.pem; ssl_ocsp leaf; ssl_ocsp_cache shared:x:1m; ssl_ocsp_responder "
	for _, tt := range []struct {
		name      string
		set       func(r *responder)
		want, log string
		questions int64
	}{
		{"good", func(*responder) {}, "200 SUCCESS", "", 1},
		{"revoked", func(r *responder) { r.status[4] = ocsp.Revoked }, "400 ", "client SSL certificate verify error: certificate revoked", 1},
		{"unknown", func(r *responder) { r.status[4] = ocsp.Unknown }, "400 ", "client SSL certificate verify error: certificate status request failed", 1},
		{"no answer", func(r *responder) { r.broken = true }, "400 ", "client SSL certificate verify error: certificate status request failed", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := prepareTLS(t)
			r := newResponder(t, w.ca)
			r.set(func() { tt.set(r) })
			w.start(settings(ask + r.URL + ";"))
			config := w.config("one.test")
			config.Certificates = []tls.Certificate{w.certificate("two")}
			for range 2 {
				if got := w.ask(config, "one.test", "/client"); !strings.HasPrefix(got, tt.want) {
					t.Errorf("answer %q, want %q; log:\n%s", got, tt.want, w.log())
				}
			}
			if n := r.asked.Load(); n != tt.questions {
				t.Errorf("%d questions, want %d", n, tt.questions)
			}
		})
	}
}

// OpenSSL understands what we ask, we what its responder answers, and its client what we staple.
func TestOpenSSLsResponderAndClient(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is missing")
	}
	w := prepareTLS(t)
	key, err := x509.MarshalPKCS8PrivateKey(w.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	w.file("ca.key", pemOf("PRIVATE KEY", key))
	w.file("index", "V\t351120000000Z\t\t02\tunknown\t/CN=one.test\n")
	openssl := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir, cmd.Stdin = w.dir, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	// Its own server listens on every address of the machine, so it answers from files.
	r := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		path, _ := url.PathUnescape(strings.TrimPrefix(q.URL.EscapedPath(), "/"))
		question, err := base64.StdEncoding.DecodeString(path)
		if err != nil {
			t.Error(err)
		}
		w.file("question", string(question))
		openssl("", "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "1", "-reqin", "question", "-respout", "answer")
		answer, err := os.ReadFile(filepath.Join(w.dir, "answer"))
		if err != nil {
			t.Error(err)
		}
		rw.Write(answer)
	}))
	defer r.Close()
	w.start(settings("ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate ca.pem; ssl_stapling_responder " + r.URL + "/;"))
	w.stapled(nil, 0)
	got := openssl("", "s_client", "-connect", w.listen, "-servername", "one.test", "-CAfile", "ca.pem", "-status")
	if !strings.Contains(got, "OCSP Response Status: successful") || !strings.Contains(got, "Cert Status: good") {
		t.Error(got)
	}
}
