package ssl

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hearth/internal/core"
	"hearth/internal/secure"
)

// variables tell of the connection and of the client's certificate. On a plain connection none has a value.
func variables() []core.Variable {
	return []core.Variable{
		ofConnection("ssl_protocol", func(t *core.TLSState) string { return secure.VersionName(t.Version) }),
		ofConnection("ssl_cipher", func(t *core.TLSState) string { return secure.SuiteName(t.Cipher) }),
		ofConnection("ssl_curve", func(t *core.TLSState) string { return secure.GroupName(t.Curve) }),
		ofConnection("ssl_server_name", func(t *core.TLSState) string { return t.Name }),
		ofConnection("ssl_alpn_protocol", func(t *core.TLSState) string { return t.ALPN }),
		ofConnection("ssl_session_reused", func(t *core.TLSState) string {
			if t.Resumed {
				return "r"
			}
			return "."
		}),
		ofConnection("ssl_early_data", func(*core.TLSState) string { return "" }), // never accepted
		{Name: "ssl_client_verify", Get: getVerify},
		ofClient("ssl_client_serial", func(c *x509.Certificate, _ time.Time) string { return serial(c) }),
		ofClient("ssl_client_fingerprint", func(c *x509.Certificate, _ time.Time) string {
			sum := sha1.Sum(c.Raw)
			return hex.EncodeToString(sum[:])
		}),
		ofClient("ssl_client_s_dn", func(c *x509.Certificate, _ time.Time) string { return nameRFC2253(c.RawSubject) }),
		ofClient("ssl_client_i_dn", func(c *x509.Certificate, _ time.Time) string { return nameRFC2253(c.RawIssuer) }),
		ofClient("ssl_client_s_dn_legacy", func(c *x509.Certificate, _ time.Time) string { return nameSlashed(c.RawSubject) }),
		ofClient("ssl_client_i_dn_legacy", func(c *x509.Certificate, _ time.Time) string { return nameSlashed(c.RawIssuer) }),
		ofClient("ssl_client_raw_cert", func(c *x509.Certificate, _ time.Time) string { return rawPEM(c) }),
		ofClient("ssl_client_cert", func(c *x509.Certificate, _ time.Time) string {
			return strings.ReplaceAll(rawPEM(c), "\n", "\n\t")
		}),
		ofClient("ssl_client_escaped_cert", func(c *x509.Certificate, _ time.Time) string {
			return strings.ReplaceAll(url.QueryEscape(rawPEM(c)+"\n"), "+", "%20")
		}),
		ofClient("ssl_client_v_start", func(c *x509.Certificate, _ time.Time) string { return opensslTime(c.NotBefore) }),
		ofClient("ssl_client_v_end", func(c *x509.Certificate, _ time.Time) string { return opensslTime(c.NotAfter) }),
		ofClient("ssl_client_v_remain", func(c *x509.Certificate, now time.Time) string {
			return strconv.FormatInt(int64(max(c.NotAfter.Sub(now), 0)/(24*time.Hour)), 10)
		}),
	}
}

// ofConnection is a variable of the connection; where it is empty it has no value.
func ofConnection(name string, get func(*core.TLSState) string) core.Variable {
	return core.Variable{Name: name, Get: func(r *core.Request) ([]byte, bool) {
		if r.Client.TLS == nil {
			return nil, false
		}
		v := get(r.Client.TLS)
		return []byte(v), v != ""
	}}
}

// ofClient is a variable of the client's certificate.
func ofClient(name string, get func(*x509.Certificate, time.Time) string) core.Variable {
	return core.Variable{Name: name, Get: func(r *core.Request) ([]byte, bool) {
		if r.Client.TLS == nil || len(r.Client.TLS.Peer) == 0 {
			return nil, false
		}
		return []byte(get(r.Client.TLS.Peer[0], r.Loop.Wall())), true
	}}
}

// getVerify is $ssl_client_verify: SUCCESS, NONE, or FAILED:reason.
func getVerify(r *core.Request) ([]byte, bool) {
	t := r.Client.TLS
	switch {
	case t == nil:
		return nil, false
	case len(t.Peer) == 0:
		return []byte("NONE"), true
	}
	v, ok := t.Verified.(*verified)
	switch {
	case !ok: // the server has no rules
		return []byte("NONE"), true
	case v.why == 0 && v.ocsp == "":
		return []byte("SUCCESS"), true
	case v.why == 0:
		return []byte("FAILED:" + v.ocsp), true
	}
	return []byte("FAILED:" + v.why.String()), true
}

// serial is written as OpenSSL does: upper case, an even number of digits.
func serial(c *x509.Certificate) string {
	s := strings.ToUpper(c.SerialNumber.Text(16))
	if len(s)%2 != 0 {
		s = "0" + s
	}
	return s
}

// rawPEM is the certificate in PEM, without the last line end.
func rawPEM(c *x509.Certificate) string {
	return string(bytes.TrimRight(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), "\n"))
}

// opensslTime is how OpenSSL prints a time.
func opensslTime(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }
