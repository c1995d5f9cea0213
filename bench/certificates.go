package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"time"
)

// The certificates, by the file they are in. Every proxy gets the same.
const (
	p256    = "p256.pem"
	rsa2048 = "rsa2048.pem"
)

// writeCertificates makes both, each with its key in a file beside it.
func writeCertificates(dir string) error {
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	for name, key := range map[string]crypto.Signer{p256: small, rsa2048: large} {
		if err := writeCertificate(filepath.Join(dir, name), key); err != nil {
			return err
		}
	}
	return nil
}

func writeCertificate(file string, key crypto.Signer) error {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "bench"}, DNSNames: []string{"bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(file+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

// certificate is where one of them lies; "" stays "".
func (lab *laboratory) certificate(name string) string {
	if name == "" {
		return ""
	}
	return filepath.Join(lab.dir, name)
}
