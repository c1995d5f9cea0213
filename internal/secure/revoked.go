package secure

import (
	"bytes"
	"crypto/x509"
	"math/big"
	"time"
)

// AddCRLs reads revocation lists. From then on every certificate of a chain has to have a current one. Without a file it does
// nothing.
func (t *Trust) AddCRLs(f File) error {
	if !f.IsSet() {
		return nil
	}
	data, err := f.Read()
	if err != nil {
		return f.Pos.Errorf("X509_LOOKUP_load_file(\"%s\") failed (%s)", f.Name, OpenSSLError(f.Name, err))
	}
	crls, err := parseAll(data, isCRL, x509.ParseRevocationList)
	if err != nil {
		return f.Pos.Errorf("X509_LOOKUP_load_file(\"%s\") failed (SSL: %s)", f.Name, err)
	}
	if len(crls) == 0 {
		return f.Pos.Errorf("X509_LOOKUP_load_file(\"%s\") failed (SSL: error:05880088:x509 certificate routines::no certificate or crl found)", f.Name)
	}
	for _, crl := range crls {
		t.sum.Write(crl.Raw)
	}
	t.crls = append(t.crls, crls...)
	return nil
}

// revoked looks each certificate of a chain up in its issuer's list, the root too, as nginx has OpenSSL do.
func (t *Trust) revoked(chain []*x509.Certificate, now time.Time) Failure {
	if len(t.crls) == 0 {
		return 0
	}
	for i, cert := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		if why := t.lookUp(cert, issuer, now); why != 0 {
			return why
		}
	}
	return 0
}

func (t *Trust) lookUp(cert, issuer *x509.Certificate, now time.Time) Failure {
	why := NoCRL
	for _, crl := range t.crls {
		if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) || otherKey(crl.AuthorityKeyId, issuer.SubjectKeyId) {
			continue
		}
		switch {
		case crl.CheckSignatureFrom(issuer) != nil:
			why = BadCRL
		case lists(crl, cert.SerialNumber):
			return Revoked
		case !crl.NextUpdate.IsZero() && now.After(crl.NextUpdate):
			why = ExpiredCRL
		case now.Before(crl.ThisUpdate):
			why = FutureCRL
		default:
			return 0
		}
	}
	return why
}

// otherKey tells lists of authorities apart that have the same name.
func otherKey(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && !bytes.Equal(a, b) }

func lists(crl *x509.RevocationList, serial *big.Int) bool {
	for i := range crl.RevokedCertificateEntries {
		if crl.RevokedCertificateEntries[i].SerialNumber.Cmp(serial) == 0 {
			return true
		}
	}
	return false
}
