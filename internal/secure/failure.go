package secure

import (
	"bytes"
	"crypto/x509"
	"errors"
	"time"
)

// Failure is why a certificate is not good, by OpenSSL's number (X509_V_ERR_...) and text. Zero is no failure.
type Failure int

const (
	NoCRL            Failure = 3
	BadSignature     Failure = 7
	BadCRL           Failure = 8
	NotYetValid      Failure = 9
	Expired          Failure = 10
	FutureCRL        Failure = 11
	ExpiredCRL       Failure = 12
	SelfSigned       Failure = 18
	SelfSignedChain  Failure = 19
	NoIssuer         Failure = 20
	UnverifiableLeaf Failure = 21
	Revoked          Failure = 23
	PathTooLong      Failure = 25
	BadPurpose       Failure = 26
	Rejected         Failure = 28
	NotForSigning    Failure = 32
	UnknownCritical  Failure = 34
	NotPermitted     Failure = 47
)

var failures = map[Failure]string{
	NoCRL: "unable to get certificate CRL", BadCRL: "CRL signature failure", NotYetValid: "certificate is not yet valid",
	Expired: "certificate has expired", ExpiredCRL: "CRL has expired", SelfSigned: "self-signed certificate",
	SelfSignedChain: "self-signed certificate in certificate chain", NoIssuer: "unable to get local issuer certificate",
	UnverifiableLeaf: "unable to verify the first certificate", PathTooLong: "path length constraint exceeded",
	NotForSigning: "key usage does not include certificate signing", NotPermitted: "permitted subtree violation",
	BadSignature: "certificate signature failure", FutureCRL: "CRL is not yet valid", UnknownCritical: "unhandled critical extension",
	Revoked: "certificate revoked", BadPurpose: "unsuitable certificate purpose", Rejected: "certificate rejected",
}

func (f Failure) String() string { return failures[f] }

// NoAuthority: failures that say only that nobody known vouches for the certificate.
func (f Failure) NoAuthority() bool {
	return f == SelfSigned || f == SelfSignedChain || f == NoIssuer || f == UnverifiableLeaf
}

// failureOf is OpenSSL's word for why crypto/x509 found no chain.
func (t *Trust) failureOf(err error, peer []*x509.Certificate, now time.Time) Failure {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var critical x509.UnhandledCriticalExtension
	switch {
	case errors.As(err, &critical):
		return UnknownCritical
	case errors.As(err, &invalid):
		switch invalid.Reason {
		case x509.Expired:
			if invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
				return NotYetValid
			}
			return Expired
		case x509.IncompatibleUsage:
			return BadPurpose
		case x509.TooManyIntermediates:
			return PathTooLong
		case x509.CANotAuthorizedForThisName:
			return NotPermitted
		}
	case errors.As(err, &unknown):
		if why := t.known(peer); why != 0 {
			return why
		}
		own := isRoot(peer[len(peer)-1])
		if own || len(peer) > 1 {
			if why := t.revoked(peer, now); why != 0 {
				return why // of what it finds OpenSSL tells the last
			}
		}
		switch {
		case own && len(peer) == 1:
			return SelfSigned
		case own:
			return SelfSignedChain
		case len(peer) == 1:
			return UnverifiableLeaf
		}
		return NoIssuer
	}
	return Rejected
}

// known is what is wrong with a chain whose issuer is known by name, and has not vouched for it: that is no unknown authority.
func (t *Trust) known(peer []*x509.Certificate) Failure {
	cert := peer[0]
	checks := maxChecks
	for checks > 0 { // they may name each other
		if isRoot(cert) {
			return 0
		}
		signer, named := signerAmong(t.authorities, cert, &checks)
		if !named {
			signer, named = signerAmong(peer[1:], cert, &checks)
		}
		switch {
		case !named:
			return 0
		case signer == nil:
			return BadSignature
		case !signer.IsCA:
			return BadPurpose
		case signer.KeyUsage != 0 && signer.KeyUsage&x509.KeyUsageCertSign == 0:
			return NotForSigning
		}
		cert = signer
	}
	return 0
}

// maxChecks bounds how many signatures a peer can have verified to find out why it is not trusted, as crypto/x509 bounds
// its own search for a chain.
const maxChecks = 100

// signerAmong looks for who has signed a certificate, and whether anybody is named as its issuer. Each signature that it verifies
// is taken from checks.
func signerAmong(list []*x509.Certificate, cert *x509.Certificate, checks *int) (signer *x509.Certificate, named bool) {
	for _, c := range list {
		if !bytes.Equal(c.RawSubject, cert.RawIssuer) || otherKey(cert.AuthorityKeyId, c.SubjectKeyId) {
			continue
		}
		if *checks--; *checks < 0 {
			return nil, false
		}
		if c.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			return c, true
		}
		named = true
	}
	return nil, named
}

func isRoot(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
