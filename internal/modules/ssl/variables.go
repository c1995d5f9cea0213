package ssl

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
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
		ofHello("ssl_ciphers", func(h *core.ClientHello) []string { return hexOr(h.Suites, secure.SuiteName) }),
		ofHello("ssl_curves", func(h *core.ClientHello) []string { return hexOr(h.Groups, secure.GroupName) }),
		ofHello("ssl_sigalgs", func(h *core.ClientHello) []string { return hexOr(h.Schemes, schemeName) }),
		// What crypto/tls does not tell, or does not do.
		ofConnection("ssl_sigalg", func(*core.TLSState) string { return "" }),
		ofConnection("ssl_client_sigalg", func(*core.TLSState) string { return "" }),
		ofConnection("ssl_session_id", func(*core.TLSState) string { return "" }),
		ofConnection("ssl_ech_status", func(*core.TLSState) string { return "" }),
		ofConnection("ssl_ech_outer_server_name", func(*core.TLSState) string { return "" }),
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
			return strings.ReplaceAll(strings.TrimSuffix(rawPEM(c), "\n"), "\n", "\n\t")
		}),
		ofClient("ssl_client_escaped_cert", func(c *x509.Certificate, _ time.Time) string {
			return strings.ReplaceAll(url.QueryEscape(rawPEM(c)), "+", "%20")
		}),
		ofClient("ssl_client_v_start", func(c *x509.Certificate, _ time.Time) string { return opensslTime(c.NotBefore) }),
		ofClient("ssl_client_v_end", func(c *x509.Certificate, _ time.Time) string { return opensslTime(c.NotAfter) }),
		ofClient("ssl_client_v_remain", func(c *x509.Certificate, now time.Time) string {
			return strconv.FormatInt(max(c.NotAfter.Unix()-now.Unix(), 0)/(24*60*60), 10)
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

// ofHello is a list of what the client has offered.
func ofHello(name string, list func(*core.ClientHello) []string) core.Variable {
	return ofConnection(name, func(t *core.TLSState) string {
		if t.Hello == nil {
			return ""
		}
		return strings.Join(list(t.Hello), ":")
	})
}

// hexOr is the names of what has one; the others' numbers.
func hexOr[T ~uint16](list []T, name func(T) string) (names []string) {
	for _, v := range list {
		n := name(v)
		if n == "" {
			n = fmt.Sprintf("0x%04x", uint16(v))
		}
		names = append(names, n)
	}
	return names
}

// schemeNames are those of the standard (RFC 8446, 4.2.3), where Go's differ.
var schemeNames = map[tls.SignatureScheme]string{
	tls.PKCS1WithSHA1: "rsa_pkcs1_sha1", tls.PKCS1WithSHA256: "rsa_pkcs1_sha256", tls.PKCS1WithSHA384: "rsa_pkcs1_sha384",
	tls.PKCS1WithSHA512: "rsa_pkcs1_sha512", tls.PSSWithSHA256: "rsa_pss_rsae_sha256", tls.PSSWithSHA384: "rsa_pss_rsae_sha384",
	tls.PSSWithSHA512: "rsa_pss_rsae_sha512", tls.ECDSAWithP256AndSHA256: "ecdsa_secp256r1_sha256",
	tls.ECDSAWithP384AndSHA384: "ecdsa_secp384r1_sha384", tls.ECDSAWithP521AndSHA512: "ecdsa_secp521r1_sha512",
	tls.ECDSAWithSHA1: "ecdsa_sha1", tls.Ed25519: "ed25519",
}

func schemeName(s tls.SignatureScheme) string { return schemeNames[s] }

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

// rawPEM is the certificate in PEM.
func rawPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// opensslTime is how OpenSSL prints a time.
func opensslTime(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }
