package secure

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"hash"
	"slices"
	"time"
)

// Trust is what a peer's certificate is held to: authorities, revocation lists, the length of the chain and its purpose. Made
// while the configuration is read; from then on it does not change and any goroutine may verify by it.
type Trust struct {
	depth         int
	usage         x509.ExtKeyUsage
	roots, others *x509.CertPool
	authorities   []*x509.Certificate // those in both
	crls          []*x509.RevocationList
	sum           hash.Hash
}

// NewTrust trusts nobody yet. depth is how many authorities may stand between a certificate and its root, usage what the
// certificate has to be for.
func NewTrust(depth int, usage x509.ExtKeyUsage) *Trust {
	t := &Trust{depth: depth, usage: usage, roots: x509.NewCertPool(), others: x509.NewCertPool(), sum: sha256.New()}
	t.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(depth)))
	return t
}

// AddAuthorities reads authorities, and returns them. Without a file it does nothing.
func (t *Trust) AddAuthorities(f File) ([]*x509.Certificate, error) {
	if !f.IsSet() {
		return nil, nil
	}
	data, err := f.Read()
	if err != nil {
		return nil, f.Pos.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed (%s)", f.Name, OpenSSLError(f.Name, err))
	}
	list, err := parseCertificates(data)
	if err != nil {
		return nil, f.Pos.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed (SSL: %s)", f.Name, err)
	}
	if len(list) == 0 {
		return nil, f.Pos.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed (SSL: error:05880088:x509 certificate routines::no certificate or crl found)", f.Name)
	}
	t.authorities = append(t.authorities, list...)
	for _, cert := range list {
		t.sum.Write(cert.Raw)
		// As for OpenSSL, only a root ends a chain.
		if isRoot(cert) {
			t.roots.AddCert(cert)
		} else {
			t.others.AddCert(cert)
		}
	}
	return list, nil
}

// Digest tells rules apart: it covers all that was added, and the depth.
func (t *Trust) Digest() []byte { return t.sum.Sum(nil) }

// Verify looks for a chain from a peer's certificate, the first of those it sent, to a root that meets the rules.
func (t *Trust) Verify(peer []*x509.Certificate, now time.Time) Failure {
	_, why := t.Chain(peer, now)
	return why
}

// Chain is Verify, and returns the chain: the peer's certificate first, the root last.
func (t *Trust) Chain(peer []*x509.Certificate, now time.Time) ([]*x509.Certificate, Failure) {
	between := t.others
	if len(peer) > 1 {
		between = between.Clone()
		for _, cert := range peer[1:] {
			between.AddCert(cert)
		}
	}
	chains, err := peer[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{t.usage},
	})
	if err != nil {
		return nil, t.failureOf(err, peer, now)
	}
	why := NoIssuer // beyond the depth OpenSSL looks for none
	for _, chain := range chains {
		if len(chain)-2 > t.depth {
			continue
		}
		if !t.fit(chain) {
			why = BadPurpose
			continue
		}
		if why = t.revoked(chain, now); why == 0 {
			return chain, 0
		}
	}
	return nil, why
}

// fit tells whether a chain is for the purpose where OpenSSL asks for more than crypto/x509 does: "any" extended usage is none that
// is named, and the basic usage of the peer's key has to be one of those of TLS.
func (t *Trust) fit(chain []*x509.Certificate) bool {
	for _, cert := range chain {
		if len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(cert.ExtKeyUsage, t.allows) {
			return false
		}
	}
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	if t.usage == x509.ExtKeyUsageServerAuth {
		usage |= x509.KeyUsageKeyEncipherment
	}
	return chain[0].KeyUsage == 0 || chain[0].KeyUsage&usage != 0
}

// allows: what is for "server gated cryptography" is for servers.
func (t *Trust) allows(usage x509.ExtKeyUsage) bool {
	return usage == t.usage || t.usage == x509.ExtKeyUsageServerAuth &&
		(usage == x509.ExtKeyUsageMicrosoftServerGatedCrypto || usage == x509.ExtKeyUsageNetscapeServerGatedCrypto)
}
