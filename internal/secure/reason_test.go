package secure

import (
	"crypto/tls"
	"errors"
	"net"
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

// TestAlertsAreNamedAsByCryptoTLS has crypto/tls itself name the alerts, whose words nothing promises.
func TestAlertsAreNamedAsByCryptoTLS(t *testing.T) {
	for words, a := range alerts {
		if got := "tls: " + words; got != tls.AlertError(a.number).Error() {
			t.Errorf("alert %d is %q", a.number, tls.AlertError(a.number).Error())
		}
	}
}
