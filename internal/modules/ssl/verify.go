package ssl

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strconv"

	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/secure"
)

// verifyMode is ssl_verify_client.
type verifyMode uint8

const (
	verifyOff verifyMode = iota
	verifyOn
	verifyOptional
	verifyOptionalNoCA
)

var verifyModes = map[string]verifyMode{"off": verifyOff, "on": verifyOn, "optional": verifyOptional, "optional_no_ca": verifyOptionalNoCA}

var errOCSPNoCA = errors.New("\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\"")

// clientRules are what a server demands of clients' certificates. nil: nothing.
//
// The handshake only asks for the certificate, and makes sure that the client has its key. Whether it is good is decided
// when a request knows its server, once for each connection and server: so a connection, or a resumed session, that was
// made to another virtual server, or before a reload, is held to the rules of the one that answers.
type clientRules struct {
	mode  verifyMode
	trust *secure.Trust
	ocsp  *clientOCSP // nil: nobody is asked
	sum   [sha256.Size]byte
}

// digest tells rules apart.
func (c *clientRules) digest() []byte {
	if c == nil {
		return make([]byte, sha256.Size)
	}
	return c.sum[:]
}

// clientRules reads the files, and has the handshake ask for certificates.
func (s *settings) clientRules(config *tls.Config) (*clientRules, error) {
	r := &clientRules{mode: s.verify, trust: secure.NewTrust(s.depth, x509.ExtKeyUsageClientAuth)}
	if s.verify != verifyOff && s.verify != verifyOptionalNoCA && !s.clientCA.IsSet() && !s.trusted.IsSet() {
		return nil, errors.New("no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client")
	}
	var err error
	if s.trustedList, err = r.trust.AddAuthorities(s.trusted); err != nil {
		return nil, err
	}
	if err := r.trust.AddCRLs(s.crl); err != nil {
		return nil, err
	}
	if r.ocsp, err = s.clientOCSP(); err != nil || s.verify == verifyOff {
		return nil, err
	}
	named, err := r.trust.AddAuthorities(s.clientCA) // as in nginx this file is not even read if nobody is verified
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	sum.Write([]byte{byte(s.verify)})
	sum.Write(r.trust.Digest())
	sum.Sum(r.sum[:0])
	config.ClientAuth = tls.RequestClientCert
	config.ClientCAs = x509.NewCertPool()
	for _, cert := range named {
		config.ClientCAs.AddCert(cert)
	}
	return r, nil
}

// verified is what a connection's certificate came to under some rules.
type verified struct {
	rules *clientRules
	why   secure.Failure // 0 = it is good
	chain []*x509.Certificate
	asked bool
	ocsp  string // what the responders' answers came to; "" = it is good
}

// check verifies the certificate of the request's connection, once for each connection.
func (c *clientRules) check(r *core.Request) *verified {
	t := r.Client.TLS
	v, ok := t.Verified.(*verified)
	if !ok || v.rules != c {
		v = &verified{rules: c}
		v.chain, v.why = c.trust.Chain(t.Peer, r.Loop.Wall())
		t.Verified = v
	}
	if v.why == 0 && c.ocsp != nil && !v.asked {
		v.ocsp = c.ocsp.check(r, v.chain)
		v.asked = true
	}
	return v
}

// readingHeaders is what nginx says it was doing when it refuses a certificate.
const readingHeaders = " while reading client request headers"

// admit is the ServerTLS.Admit of a server with rules.
func (c *clientRules) admit(r *core.Request) core.Verdict {
	if len(r.Client.TLS.Peer) == 0 {
		if c.mode == verifyOn {
			r.Error(logs.Info, "client sent no required SSL certificate"+readingHeaders)
			return core.StatusNoCert
		}
		return core.OK
	}
	v := c.check(r)
	switch {
	case v.why != 0 && !(c.mode == verifyOptionalNoCA && v.why.NoAuthority()):
		r.Error(logs.Info, "client SSL certificate verify error: (%s:%s)"+readingHeaders, strconv.Itoa(int(v.why)), v.why)
		return core.StatusCertError
	case v.ocsp != "":
		r.Error(logs.Info, "client SSL certificate verify error: %s"+readingHeaders, v.ocsp)
		return core.StatusCertError
	}
	return core.OK
}
