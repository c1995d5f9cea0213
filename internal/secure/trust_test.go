package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// issuer makes certificates, and is one: of a root, or of another issuer.
type issuer struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	by   *issuer
}

var now = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// issue makes a certificate; edit says what is special about it.
func (by *issuer) issue(t *testing.T, name string, edit ...func(*x509.Certificate)) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	for _, e := range edit {
		e(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{t, cert, key, by}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
}

func (i *issuer) file() File {
	return File{Name: "data:" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}))}
}

// crl is the issuer's list, good until then.
func (i *issuer) crl(until time.Time, revoked ...*issuer) File {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-2 * time.Hour), NextUpdate: until}
	for _, r := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.cert.SerialNumber, RevocationTime: now})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, i.cert, i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	return File{Name: "data:" + string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))}
}

func TestTheVerdictOnAChain(t *testing.T) {
	var nobody *issuer
	root := nobody.issue(t, "root", authority)
	middle := root.issue(t, "middle", authority)
	low := middle.issue(t, "lowest", authority)
	leaf, deep, deeper := root.issue(t, "leaf"), middle.issue(t, "deep"), low.issue(t, "deeper")
	old := root.issue(t, "old", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })
	other := nobody.issue(t, "other", authority)
	forged := nobody.issue(t, "root", authority).issue(t, "leaf", func(c *x509.Certificate) { c.AuthorityKeyId = nil })
	forged.cert.AuthorityKeyId = nil // CreateCertificate names the key whatever it is told
	listsOnly := root.issue(t, "lists", authority, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	last := root.issue(t, "last", authority, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := last.issue(t, "below", authority)
	bounded := root.issue(t, "bounded", authority, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"ok.test"}, true
	})
	names := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames = []string{name} }
	}
	anyUse := root.issue(t, "any", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })
	forClients := root.issue(t, "client", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	forServers := root.issue(t, "server", func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	})
	forCRLs := root.issue(t, "signer", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	forSecrets := root.issue(t, "secrets", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
	critical := root.issue(t, "critical", func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
	})
	later := now.Add(time.Hour)
	for _, tt := range []struct {
		name  string
		depth int
		trust []*issuer
		crls  []File
		peer  []*issuer
		want  Failure
	}{
		{"signed by the root", 1, []*issuer{root}, nil, []*issuer{leaf}, 0},
		{"with one between", 1, []*issuer{root}, nil, []*issuer{deep, middle}, 0},
		{"with one between that we know", 1, []*issuer{root, middle}, nil, []*issuer{deep}, 0},
		{"with one between that nobody has", 1, []*issuer{root}, nil, []*issuer{deep}, UnverifiableLeaf},
		{"an authority that is no root ends no chain", 1, []*issuer{middle}, nil, []*issuer{deep, middle}, NoIssuer},
		{"too deep", 0, []*issuer{root}, nil, []*issuer{deep, middle}, NoIssuer},
		{"deep, and allowed", 2, []*issuer{root}, nil, []*issuer{deeper, low, middle}, 0},
		{"nobody is trusted", 1, nil, nil, []*issuer{leaf}, UnverifiableLeaf},
		{"self-signed", 1, []*issuer{root}, nil, []*issuer{other}, SelfSigned},
		{"expired", 1, []*issuer{root}, nil, []*issuer{old}, Expired},
		{"on a current list", 1, []*issuer{root}, []File{root.crl(later, leaf)}, []*issuer{leaf}, Revoked},
		{"not on a current list", 1, []*issuer{root}, []File{root.crl(later, old)}, []*issuer{leaf}, 0},
		{"a list that has expired", 1, []*issuer{root}, []File{root.crl(now.Add(-time.Minute))}, []*issuer{leaf}, ExpiredCRL},
		{"a list of the future", 1, []*issuer{root}, []File{root.crl(now.Add(3 * time.Hour))}, []*issuer{leaf}, FutureCRL},
		{"self-signed, and no list of its own", 1, []*issuer{root}, []File{root.crl(later)}, []*issuer{other}, NoCRL},
		{"not signed by whom it names", 1, []*issuer{root}, nil, []*issuer{forged}, BadSignature},
		{"not signed by whom it names, but by another of this name", 1, []*issuer{root}, nil, []*issuer{forged, forged.by}, BadSignature},
		{"signed by whom may not", 1, []*issuer{root}, nil, []*issuer{leaf.issue(t, "x"), leaf}, BadPurpose},
		{"signed by a key for lists", 1, []*issuer{root}, nil, []*issuer{listsOnly.issue(t, "x"), listsOnly}, NotForSigning},
		{"a longer path than the authority allows", 3, []*issuer{root}, nil, []*issuer{below.issue(t, "x"), below, last}, PathTooLong},
		{"a name that the authority may not give", 1, []*issuer{root}, nil, []*issuer{bounded.issue(t, "x", names("bad.test")), bounded}, NotPermitted},
		{"a name that the authority may give", 1, []*issuer{root}, nil, []*issuer{bounded.issue(t, "x", names("a.ok.test")), bounded}, 0},
		{"unknown with one between, and no list of that", 1, []*issuer{root}, []File{root.crl(later)}, []*issuer{other.issue(t, "x"), other}, NoCRL},
		{"for any use", 1, []*issuer{root}, nil, []*issuer{anyUse}, BadPurpose},
		{"for clients", 1, []*issuer{root}, nil, []*issuer{forClients}, BadPurpose},
		{"for servers too", 1, []*issuer{root}, nil, []*issuer{forServers}, 0},
		{"a key for lists", 1, []*issuer{root}, nil, []*issuer{forCRLs}, BadPurpose},
		{"a key for secrets", 1, []*issuer{root}, nil, []*issuer{forSecrets}, 0},
		{"a critical extension", 1, []*issuer{root}, nil, []*issuer{critical}, UnknownCritical},
		{"every authority needs a list", 1, []*issuer{root}, []File{root.crl(later)}, []*issuer{deep, middle}, NoCRL},
		{"every authority has one", 1, []*issuer{root}, []File{root.crl(later), middle.crl(later)}, []*issuer{deep, middle}, 0},
		{"the authority between is revoked", 1, []*issuer{root}, []File{root.crl(later, middle), middle.crl(later)}, []*issuer{deep, middle}, Revoked},
	} {
		trust := NewTrust(tt.depth, x509.ExtKeyUsageServerAuth)
		for _, i := range tt.trust {
			if _, err := trust.AddAuthorities(i.file()); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range tt.crls {
			if err := trust.AddCRLs(f); err != nil {
				t.Fatal(err)
			}
		}
		var peer []*x509.Certificate
		for _, i := range tt.peer {
			peer = append(peer, i.cert)
		}
		if got := trust.Verify(peer, now); got != tt.want {
			t.Errorf("%s: %d (%v), want %d (%v)", tt.name, got, got, tt.want, tt.want)
		}
	}
}

// A peer can send any number of certificates that might be its issuer's. They are not all tried.
func TestTheSearchForWhoIsAtFaultIsBounded(t *testing.T) {
	var nobody *issuer
	leaf := nobody.issue(t, "root", authority).issue(t, "leaf")
	crowd := make([]*x509.Certificate, 10*maxChecks)
	namesake := nobody.issue(t, "root", authority, func(c *x509.Certificate) { c.SubjectKeyId = leaf.by.cert.SubjectKeyId })
	for i := range crowd {
		crowd[i] = namesake.cert
	}
	checks := maxChecks
	if signer, named := signerAmong(crowd, leaf.cert, &checks); signer != nil || named || checks >= 0 {
		t.Errorf("found %v, named %v, %d checks left", signer, named, checks)
	}
	checks = maxChecks
	if signer, named := signerAmong(crowd[:maxChecks-1], leaf.cert, &checks); signer != nil || !named || checks != 1 {
		t.Errorf("of a few: found %v, named %v, %d checks left", signer, named, checks)
	}
}
