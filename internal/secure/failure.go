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
	ChainTooLong     Failure = 22
	Revoked          Failure = 23
	BadPurpose       Failure = 26
	Rejected         Failure = 28
	UnknownCritical  Failure = 34
)

var failures = map[Failure]string{
	NoCRL: "unable to get certificate CRL", BadCRL: "CRL signature failure", NotYetValid: "certificate is not yet valid",
	Expired: "certificate has expired", ExpiredCRL: "CRL has expired", SelfSigned: "self-signed certificate",
	SelfSignedChain: "self-signed certificate in certificate chain", NoIssuer: "unable to get local issuer certificate",
	UnverifiableLeaf: "unable to verify the first certificate", ChainTooLong: "certificate chain too long",
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
			return ChainTooLong
		}
	case errors.As(err, &unknown):
		own := isRoot(peer[len(peer)-1])
		switch {
		case own && len(peer) == 1:
			if why := t.revoked(peer, now); why != 0 {
				return why // of what it finds OpenSSL tells the last
			}
			return SelfSigned
		case t.forged(peer):
			return BadSignature
		case own:
			return SelfSignedChain
		case len(peer) == 1:
			return UnverifiableLeaf
		}
		return NoIssuer
	}
	return Rejected
}

// forged tells whether a known authority has the name of a chain's issuer, and has not signed it: that is no unknown authority.
func (t *Trust) forged(peer []*x509.Certificate) bool {
	candidates := append(peer[1:len(peer):len(peer)], t.authorities...)
	for cert, n := peer[0], 0; !isRoot(cert) && n <= len(candidates); n++ {
		var named, signer *x509.Certificate
		for _, c := range candidates {
			if !bytes.Equal(c.RawSubject, cert.RawIssuer) || otherKey(cert.AuthorityKeyId, c.SubjectKeyId) {
				continue
			}
			named = c
			if c.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
				signer = c
				break
			}
		}
		if signer == nil {
			return named != nil
		}
		cert = signer
	}
	return false
}

func isRoot(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
