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
	BadCRL           Failure = 8
	NotYetValid      Failure = 9
	Expired          Failure = 10
	ExpiredCRL       Failure = 12
	SelfSigned       Failure = 18
	SelfSignedChain  Failure = 19
	NoIssuer         Failure = 20
	UnverifiableLeaf Failure = 21
	ChainTooLong     Failure = 22
	Revoked          Failure = 23
	BadPurpose       Failure = 26
	Rejected         Failure = 28
)

var failures = map[Failure]string{
	NoCRL: "unable to get certificate CRL", BadCRL: "CRL signature failure", NotYetValid: "certificate is not yet valid",
	Expired: "certificate has expired", ExpiredCRL: "CRL has expired", SelfSigned: "self-signed certificate",
	SelfSignedChain: "self-signed certificate in certificate chain", NoIssuer: "unable to get local issuer certificate",
	UnverifiableLeaf: "unable to verify the first certificate", ChainTooLong: "certificate chain too long",
	Revoked: "certificate revoked", BadPurpose: "unsuitable certificate purpose", Rejected: "certificate rejected",
}

func (f Failure) String() string { return failures[f] }

// NoAuthority: failures that say only that nobody known vouches for the certificate.
func (f Failure) NoAuthority() bool {
	return f == SelfSigned || f == SelfSignedChain || f == NoIssuer || f == UnverifiableLeaf
}

// failureOf is OpenSSL's word for why crypto/x509 found no chain.
func failureOf(err error, peer []*x509.Certificate, now time.Time) Failure {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
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

func isRoot(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
