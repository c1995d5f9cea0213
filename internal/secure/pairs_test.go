package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/internal/loop"
)

// pairFiles writes a certificate of that serial number and its key.
func pairFiles(t *testing.T, dir string, serial int64) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// pairsWorld is a Pairs on a fake clock.
type pairsWorld struct {
	*testing.T
	sim *loop.Sim
	l   *loop.Loop
	p   *Pairs
}

func newPairsWorld(t *testing.T, keep Keeping) *pairsWorld {
	sim := loop.NewSim()
	t.Cleanup(sim.Stop)
	return &pairsWorld{t, sim, sim.Loop(), NewPairs(keep, nil)}
}

func (w *pairsWorld) load(certificate, key string) (cert *tls.Certificate, err error) {
	w.l.Go(func() { cert, err = w.p.Load(w.l, certificate, key) })
	w.sim.Run()
	return cert, err
}

func (w *pairsWorld) wantSerial(certificate, key string, want int64) {
	w.Helper()
	cert, err := w.load(certificate, key)
	if err != nil || cert.Leaf.SerialNumber.Int64() != want {
		w.Fatalf("got %+v, %v; want serial number %d", cert, err, want)
	}
}

// "valid: defines the time during which an element in the cache is considered valid and can be reused" and "inactive: defines
// a time after which an element is removed from the cache if it has not been accessed during this time"
// (ngx_http_ssl_module, "ssl_certificate_cache").
func TestACertificateIsKeptWhileItIsValidAndAskedFor(t *testing.T) {
	w := newPairsWorld(t, Keeping{Max: 10, Inactive: 10 * time.Second, Valid: time.Minute})
	dir := t.TempDir()
	cert, key := pairFiles(t, dir, 1)
	w.wantSerial(cert, key, 1)
	pairFiles(t, dir, 2)
	for range 6 {
		w.sim.Advance(9 * time.Second)
		w.wantSerial(cert, key, 1)
	}
	w.sim.Advance(6 * time.Second) // 60 in all
	w.wantSerial(cert, key, 2)
	pairFiles(t, dir, 3)
	w.sim.Advance(10 * time.Second)
	w.wantSerial(cert, key, 3)
}

func TestWithoutACacheFilesAreReadForEachHandshake(t *testing.T) {
	w := newPairsWorld(t, Keeping{})
	dir := t.TempDir()
	for serial := range int64(3) {
		cert, key := pairFiles(t, dir, serial+1)
		w.wantSerial(cert, key, serial+1)
	}
}

func TestTheLeastRecentlyUsedCertificateGoes(t *testing.T) {
	w := newPairsWorld(t, Keeping{Max: 2, Inactive: time.Hour, Valid: time.Hour})
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	load := func(i int, want int64) { t.Helper(); w.wantSerial(dirs[i]+"/cert.pem", dirs[i]+"/key.pem", want) }
	for i, dir := range dirs {
		pairFiles(t, dir, int64(i))
	}
	load(0, 0)
	load(1, 1)
	load(0, 0)
	load(2, 2) // 1 goes
	for _, dir := range dirs {
		pairFiles(t, dir, 10)
	}
	load(0, 0)
	load(2, 2)
	load(1, 10)
}

func TestFailuresAreNotKept(t *testing.T) {
	w := newPairsWorld(t, Keeping{Max: 10, Inactive: time.Hour, Valid: time.Hour})
	dir := t.TempDir()
	_, err := w.load(dir+"/cert.pem", dir+"/key.pem")
	want := "cannot load certificate \"" + dir + "/cert.pem\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:calling fopen(" +
		dir + "/cert.pem, r) error:10000080:BIO routines::no such file)"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	cert, key := pairFiles(t, dir, 5)
	w.wantSerial(cert, key, 5)
	data, _ := os.ReadFile(cert)
	keyData, _ := os.ReadFile(key)
	w.wantSerial("data:"+string(data), "data:"+string(keyData), 5)
	if _, err := w.load(cert, "data:nothing"); err == nil || !strings.HasPrefix(err.Error(), "cannot load certificate key \"data:\": PEM_read_bio_PrivateKey() failed") {
		t.Error(err)
	}
}
