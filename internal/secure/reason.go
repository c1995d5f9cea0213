package secure

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// alerts are crypto/tls's words for the alerts of TLS (RFC 8446, section 6), their numbers, and OpenSSL's words.
var alerts = map[string]struct {
	number int
	text   string
}{
	"unexpected message":              {10, "sslv3 alert unexpected message"},
	"bad record MAC":                  {20, "sslv3 alert bad record mac"},
	"record overflow":                 {22, "tlsv1 alert record overflow"},
	"handshake failure":               {40, "sslv3 alert handshake failure"},
	"bad certificate":                 {42, "sslv3 alert bad certificate"},
	"unsupported certificate":         {43, "sslv3 alert unsupported certificate"},
	"revoked certificate":             {44, "sslv3 alert certificate revoked"},
	"expired certificate":             {45, "sslv3 alert certificate expired"},
	"unknown certificate":             {46, "sslv3 alert certificate unknown"},
	"illegal parameter":               {47, "sslv3 alert illegal parameter"},
	"unknown certificate authority":   {48, "tlsv1 alert unknown ca"},
	"access denied":                   {49, "tlsv1 alert access denied"},
	"error decoding message":          {50, "tlsv1 alert decode error"},
	"error decrypting message":        {51, "tlsv1 alert decrypt error"},
	"protocol version not supported":  {70, "tlsv1 alert protocol version"},
	"insufficient security level":     {71, "tlsv1 alert insufficient security"},
	"internal error":                  {80, "tlsv1 alert internal error"},
	"inappropriate fallback":          {86, "tlsv1 alert inappropriate fallback"},
	"user canceled":                   {90, "tlsv1 alert user cancelled"},
	"no renegotiation":                {100, "tlsv1 alert no renegotiation"},
	"missing extension":               {109, "tlsv13 alert missing extension"},
	"unsupported extension":           {110, "tlsv1 unsupported extension"},
	"unrecognized name":               {112, "tlsv1 unrecognized name"},
	"bad certificate status response": {113, "tlsv1 bad certificate status response"},
	"certificate required":            {116, "tlsv13 alert certificate required"},
	"no application protocol":         {120, "tlsv1 alert no application protocol"},
}

// reasons are OpenSSL's words for crypto/tls's own refusals, by the beginnings of these.
var reasons = []struct{ begins, says string }{
	{"tls: server selected unsupported protocol version", "error:0A000102:SSL routines::unsupported protocol"},
	{"tls: client offered only unsupported versions", "error:0A000102:SSL routines::unsupported protocol"},
	{"tls: client requested unsupported application protocols", "error:0A0000EB:SSL routines::no application protocol"},
	{"tls: peer doesn't support any of the certificate's", "error:0A000178:SSL routines::no shared signature algorithms"},
	{"tls: no key exchanges supported by both", "error:0A000065:SSL routines::no suitable key share"},
	{"tls: no cipher suite supported by both", "error:0A0000C1:SSL routines::no shared cipher"},
	{"tls: no supported versions satisfy", "error:0A0000BF:SSL routines::no protocols available"},
	{"tls: server chose an unconfigured cipher suite", "error:0A000105:SSL routines::wrong cipher returned"},
	{"local error: tls: bad record MAC", "error:0A000119:SSL routines::decryption failed or bad record mac"},
	{"local error: tls: unexpected message", "error:0A0000F4:SSL routines::unexpected message"},
	{"tls: too many", "error:0A000124:SSL routines::too many warn alerts"},
}

// Reason is what OpenSSL would say of an error of crypto/tls, as far as there is a word for it, so that what looks for it in a
// log finds it. Otherwise it is crypto/tls's.
func Reason(err error) string {
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		return "error:0A00010B:SSL routines::wrong version number"
	}
	text := err.Error()
	if alert, ok := strings.CutPrefix(text, "remote error: tls: "); ok {
		if a, ok := alerts[alert]; ok {
			return fmt.Sprintf("error:%08X:SSL routines::%s:SSL alert number %d", sslReasons|1000+a.number, a.text, a.number)
		}
	}
	for _, r := range reasons {
		if strings.HasPrefix(text, r.begins) {
			return r.says
		}
	}
	return text
}

// noCertificate is what crypto/tls says where there is none to show, as with ssl_reject_handshake.
const noCertificate = "tls: no certificates configured"

// HandshakeFailure is what nginx says of a handshake that has failed.
func HandshakeFailure(err error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "peer closed connection in SSL handshake"
	case errors.As(err, &errno):
		return fmt.Sprintf("peer closed connection in SSL handshake (%d: %s)", int(errno), reason(errno))
	case err.Error() == noCertificate:
		return "handshake rejected"
	}
	return "SSL_do_handshake() failed (SSL: " + Reason(err) + ")"
}

// sslReasons is OpenSSL's number of its TLS library, as error codes have it.
const sslReasons = 0x0A000000
