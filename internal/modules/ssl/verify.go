package ssl

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"time"

	"hearth/internal/core"
	"hearth/internal/logs"
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

// clientRules are what a server demands of clients' certificates. nil: nothing.
//
// The handshake only asks for the certificate, and makes sure that the client has its key. Whether it is good is decided
// when a request knows its server, once for each connection and server: so a connection, or a resumed session, that was
// made to another virtual server, or before a reload, is held to the rules of the one that answers.
type clientRules struct {
	mode          verifyMode
	depth         int
	roots, others *x509.CertPool
	crls          []*x509.RevocationList
	sum           [sha256.Size]byte
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
	r := &clientRules{mode: s.verify, depth: s.depth, roots: x509.NewCertPool(), others: x509.NewCertPool()}
	if s.verify != verifyOff && s.verify != verifyOptionalNoCA && s.clientCA.name == "" && s.trusted.name == "" {
		return nil, errors.New("no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client")
	}
	sum := sha256.New()
	fmt.Fprintln(sum, s.verify, s.depth)
	names := x509.NewCertPool()
	for i, f := range []fileName{s.clientCA, s.trusted} {
		list, err := readAuthorities(f)
		if err != nil {
			return nil, err
		}
		for _, cert := range list {
			sum.Write(cert.Raw)
			// As for OpenSSL, only a root ends a chain.
			if bytes.Equal(cert.RawIssuer, cert.RawSubject) {
				r.roots.AddCert(cert)
			} else {
				r.others.AddCert(cert)
			}
			if i == 0 {
				names.AddCert(cert)
			}
		}
	}
	if err := r.readCRLs(s.crl); err != nil {
		return nil, err
	}
	if s.verify == verifyOff {
		return nil, nil
	}
	for _, crl := range r.crls {
		sum.Write(crl.Raw)
	}
	sum.Sum(r.sum[:0])
	config.ClientAuth = tls.RequestClientCert
	config.ClientCAs = names
	return r, nil
}

func readAuthorities(f fileName) (list []*x509.Certificate, err error) {
	if f.name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.name)
	if err != nil {
		return nil, f.pos.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed (%s)", f.name, opensslError(f.name, err))
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if !isCertificate(block) {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, f.pos.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed (SSL: %s)", f.name, err)
		}
		list = append(list, cert)
	}
	if len(list) == 0 {
		return nil, f.pos.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed (SSL: error:05880088:x509 certificate routines::no certificate or crl found)", f.name)
	}
	return list, nil
}

func (c *clientRules) readCRLs(f fileName) error {
	if f.name == "" {
		return nil
	}
	data, err := os.ReadFile(f.name)
	if err != nil {
		return f.pos.Errorf("X509_LOOKUP_load_file(\"%s\") failed (%s)", f.name, opensslError(f.name, err))
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			continue
		}
		crl, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return f.pos.Errorf("X509_LOOKUP_load_file(\"%s\") failed (SSL: %s)", f.name, err)
		}
		c.crls = append(c.crls, crl)
	}
	if len(c.crls) == 0 {
		return f.pos.Errorf("X509_LOOKUP_load_file(\"%s\") failed (SSL: error:05880088:x509 certificate routines::no certificate or crl found)", f.name)
	}
	return nil
}

// failure is why a certificate is not good, by OpenSSL's number (X509_V_ERR_...) and text.
type failure int

const (
	notYetValid      failure = 9
	expired          failure = 10
	noCRL            failure = 3
	badCRL           failure = 8
	expiredCRL       failure = 12
	selfSigned       failure = 18
	selfSignedChain  failure = 19
	noIssuer         failure = 20
	unverifiableLeaf failure = 21
	chainTooLong     failure = 22
	revoked          failure = 23
	badPurpose       failure = 26
	rejected         failure = 28
)

var failures = map[failure]string{
	noCRL: "unable to get certificate CRL", badCRL: "CRL signature failure", notYetValid: "certificate is not yet valid",
	expired: "certificate has expired", expiredCRL: "CRL has expired", selfSigned: "self-signed certificate",
	selfSignedChain: "self-signed certificate in certificate chain", noIssuer: "unable to get local issuer certificate",
	unverifiableLeaf: "unable to verify the first certificate", chainTooLong: "certificate chain too long",
	revoked: "certificate revoked", badPurpose: "unsuitable certificate purpose", rejected: "certificate rejected",
}

func (f failure) String() string { return failures[f] }

// noAuthority: failures that optional_no_ca lets pass, since all they say is that nobody known vouches for the certificate.
func (f failure) noAuthority() bool {
	return f == selfSigned || f == selfSignedChain || f == noIssuer || f == unverifiableLeaf
}

// verified is what a connection's certificate came to under some rules. 0 = it is good.
type verified struct {
	rules *clientRules
	why   failure
}

// check verifies the certificate of the request's connection, once for each connection.
func (c *clientRules) check(r *core.Request) failure {
	t := r.Client.TLS
	if v, ok := t.Verified.(*verified); ok && v.rules == c {
		return v.why
	}
	v := &verified{rules: c, why: c.verify(t.Peer, r.Loop.Wall())}
	t.Verified = v
	return v.why
}

// admit is the ServerTLS.Admit of a server with rules.
func (c *clientRules) admit(r *core.Request) core.Verdict {
	if len(r.Client.TLS.Peer) == 0 {
		if c.mode == verifyOn {
			r.Error(logs.Info, "client sent no required SSL certificate")
			return core.StatusNoCert
		}
		return core.OK
	}
	if why := c.check(r); why != 0 && !(c.mode == verifyOptionalNoCA && why.noAuthority()) {
		r.Error(logs.Info, "client SSL certificate verify error: (%s:%s)", strconv.Itoa(int(why)), why)
		return core.StatusCertError
	}
	return core.OK
}

// verify looks for a chain from a client's certificate to a root that meets the rules.
func (c *clientRules) verify(peer []*x509.Certificate, now time.Time) failure {
	between := c.others.Clone()
	for _, cert := range peer[1:] {
		between.AddCert(cert)
	}
	chains, err := peer[0].Verify(x509.VerifyOptions{
		Roots: c.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return reasonOf(err, peer, now)
	}
	why := chainTooLong
	for _, chain := range chains {
		if len(chain)-2 > c.depth {
			continue
		}
		if why = c.revoked(chain, now); why == 0 {
			return 0
		}
	}
	return why
}

// reasonOf is OpenSSL's word for why crypto/x509 found no chain.
func reasonOf(err error, peer []*x509.Certificate, now time.Time) failure {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid):
		switch invalid.Reason {
		case x509.Expired:
			if invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
				return notYetValid
			}
			return expired
		case x509.IncompatibleUsage:
			return badPurpose
		case x509.TooManyIntermediates:
			return chainTooLong
		}
	case errors.As(err, &unknown):
		last := peer[len(peer)-1]
		own := bytes.Equal(last.RawIssuer, last.RawSubject)
		switch {
		case own && len(peer) == 1:
			return selfSigned
		case own:
			return selfSignedChain
		case len(peer) == 1:
			return unverifiableLeaf
		}
		return noIssuer
	}
	return rejected
}

// revoked looks each certificate of a chain up in its issuer's list, the root too, as nginx has OpenSSL do.
func (c *clientRules) revoked(chain []*x509.Certificate, now time.Time) failure {
	if len(c.crls) == 0 {
		return 0
	}
	for i, cert := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		if why := c.lookUp(cert, issuer, now); why != 0 {
			return why
		}
	}
	return 0
}

func (c *clientRules) lookUp(cert, issuer *x509.Certificate, now time.Time) failure {
	why := noCRL
	for _, crl := range c.crls {
		if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
			continue
		}
		switch {
		case crl.CheckSignatureFrom(issuer) != nil:
			why = badCRL
		case lists(crl, cert.SerialNumber):
			return revoked
		case !crl.NextUpdate.IsZero() && now.After(crl.NextUpdate):
			why = expiredCRL
		default:
			return 0
		}
	}
	return why
}

func lists(crl *x509.RevocationList, serial *big.Int) bool {
	for i := range crl.RevokedCertificateEntries {
		if crl.RevokedCertificateEntries[i].SerialNumber.Cmp(serial) == 0 {
			return true
		}
	}
	return false
}
