package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"syscall"
	"testing"
)

func TestErrorsAreSaidAsOpenSSLDoes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "error:0A00010B:SSL routines::wrong version number"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, "error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: unknown certificate authority")}, "error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: no alert of ours")}, "remote error: tls: no alert of ours"},
		{&net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, "error:0A000119:SSL routines::decryption failed or bad record mac"},
		{errors.New("tls: server selected unsupported protocol version 301"), "error:0A000102:SSL routines::unsupported protocol"},
		{errors.New("something new"), "something new"},
	} {
		if got := Reason(tt.err); got != tt.want {
			t.Errorf("%v:\n got %s\nwant %s", tt.err, got, tt.want)
		}
	}
}

// TestHandshakesThatFailAreLoggedAsByNginx has crypto/tls itself fail, whose words nothing promises.
func TestHandshakesThatFailAreLoggedAsByNginx(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	own := func(c *tls.Config) *tls.Config { c.Certificates = []tls.Certificate{cert}; return c }
	const failed = "SSL_do_handshake() failed (SSL: error:"
	for _, tt := range []struct {
		server, client *tls.Config
		want           string
	}{
		{own(&tls.Config{MinVersion: tls.VersionTLS13}), &tls.Config{MaxVersion: tls.VersionTLS12}, failed + "0A000102:SSL routines::unsupported protocol)"},
		{own(&tls.Config{NextProtos: []string{"h2"}}), &tls.Config{NextProtos: []string{"foo"}}, failed + "0A0000EB:SSL routines::no application protocol)"},
		{own(&tls.Config{MaxVersion: tls.VersionTLS12}), &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
			failed + "0A0000C1:SSL routines::no shared cipher)"},
		{own(&tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}), &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}},
			failed + "0A000065:SSL routines::no suitable key share)"},
		{own(&tls.Config{}), &tls.Config{ServerName: "x"}, failed + "0A000412:SSL routines::sslv3 alert bad certificate:SSL alert number 42)"},
		{&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}, &tls.Config{}, "handshake rejected"},
		{own(&tls.Config{}), nil, "peer closed connection in SSL handshake"},
	} {
		a, b := net.Pipe()
		go func() {
			if tt.client != nil {
				tt.client.InsecureSkipVerify = tt.client.ServerName == ""
				tls.Client(b, tt.client).Handshake()
			}
			b.Close()
		}()
		server := tls.Server(a, tt.server)
		err := server.Handshake()
		if err == nil {
			_, err = server.Read(make([]byte, 1))
		}
		if err == nil || HandshakeFailure(err) != tt.want {
			t.Errorf("%v:\n got %s\nwant %s", err, HandshakeFailure(err), tt.want)
		}
		a.Close()
	}
	if got := HandshakeFailure(syscall.ECONNRESET); got != "peer closed connection in SSL handshake (104: Connection reset by peer)" {
		t.Error(got)
	}
}

// TestAlertsAreNamedAsByCryptoTLS has crypto/tls itself name the alerts, whose words nothing promises.
func TestAlertsAreNamedAsByCryptoTLS(t *testing.T) {
	for words, a := range alerts {
		if got := "tls: " + words; got != tls.AlertError(a.number).Error() {
			t.Errorf("alert %d is %q", a.number, tls.AlertError(a.number).Error())
		}
	}
}
