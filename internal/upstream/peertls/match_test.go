package peertls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func certificateFor(t testing.TB, commonName string, names ...string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: commonName}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestNamesMatchAsForOpenSSL asks openssl the same.
func TestNamesMatchAsForOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		openssl = ""
	}
	for _, tt := range []struct {
		certificate string // the common name, and the alternative ones
		yes, no     string
	}{
		{"a.test", "a.test A.TEST", "b.test a.test.b a x.a.test"},
		{"a.test b.test", "b.test", "a.test"}, // the common name counts only where there is no other
		{"a.test 192.0.2.1", "a.test", "b.test"},
		{"- *.a.test", "x.a.test X.A.test *.a.test", "a.test x.y.a.test .x.a.test"},
		{"*.a.test", "x.a.test", "a.test"},
		{"- f*.a.test", "f.a.test foo.a.test", "g.a.test xf.a.test"},
		{"- *o.a.test", "o.a.test foo.a.test", "f.a.test"},
		{"- f*o.a.test", "", "fo.a.test foo.a.test"},
		{"- *.test", "", "a.test"},
		{"- *", "", "a a.test"},
		{"- a.*.test", "", "a.b.test"},
		{"- *.*.a.test", "", "x.y.a.test"},
		{"- xn--*.a.test", "", "xn--abc.a.test"},
		{"- f*.a.test", "", "xn--f.a.test"},
		{"- *.a.test", "xn--abc.a.test", ""},
	} {
		words := strings.Fields(tt.certificate)
		cert := certificateFor(t, strings.TrimPrefix(words[0], "-"), words[1:]...)
		file := filepath.Join(t.TempDir(), "cert.pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		check := func(name string, want bool) {
			if got := matches(cert, name); got != want {
				t.Errorf("certificate for %q, name %q: %v, want %v", tt.certificate, name, got, want)
			}
			if openssl == "" {
				return
			}
			said, _ := exec.Command(openssl, "x509", "-in", file, "-noout", "-checkhost", name).CombinedOutput()
			if theirs := !strings.Contains(string(said), "does NOT match"); theirs != want {
				t.Errorf("certificate for %q, name %q: openssl says %q", tt.certificate, name, said)
			}
		}
		for _, name := range strings.Fields(tt.yes) {
			check(name, true)
		}
		for _, name := range strings.Fields(tt.no) {
			check(name, false)
		}
	}
}

// Beyond what nginx does: an address matches the address in a certificate.
func TestAddressesMatchAddresses(t *testing.T) {
	cert := certificateFor(t, "", "192.0.2.1", "2001:db8::1")
	for name, want := range map[string]bool{"192.0.2.1": true, "[2001:db8::1]": true, "192.0.2.2": false, "[2001:db8::2]": false, "": false} {
		if got := matches(cert, name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("*.a.test", "x.a.test")
	f.Add("f*o.a.test", "fo.a.test")
	f.Add("a", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if matchesPattern(pattern, name) && !strings.Contains(pattern, "*") && !strings.EqualFold(pattern, name) {
			t.Errorf("%q is for %q", pattern, name)
		}
	})
}
