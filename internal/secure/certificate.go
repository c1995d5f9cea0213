package secure

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"hearth/internal/conf"
)

// LoadPair reads a certificate, with those that lead to its root, and its key, while the configuration is read.
func LoadPair(certificate, key File, passwords [][]byte) (tls.Certificate, error) {
	return loadPair(certificate, key, passwords, "SSL_CTX_use_PrivateKey")
}

// loadPair is LoadPair; call is the function of OpenSSL's that would find a key which does not fit.
func loadPair(certificate, key File, passwords [][]byte, call string) (tls.Certificate, error) {
	cert, err := LoadCertificate(certificate)
	if err != nil {
		return cert, err
	}
	signer, err := LoadKey(key, passwords)
	if err != nil {
		return cert, err
	}
	if !matches(cert.Leaf, signer) {
		return cert, key.Pos.Errorf("%s(\"%s\") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)", call, key.Shown())
	}
	cert.PrivateKey = signer
	return cert, nil
}

func matches(cert *x509.Certificate, key crypto.Signer) bool {
	public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// LoadCertificate reads a certificate with those that lead to its root, without the key.
func LoadCertificate(f File) (cert tls.Certificate, err error) {
	failed := func(format string, args ...any) (tls.Certificate, error) {
		return cert, f.Pos.Errorf("cannot load certificate \"%s\": %s", f.Shown(), fmt.Sprintf(format, args...))
	}
	data, err := f.Read()
	if err != nil {
		return failed("BIO_new_file() failed (%s)", OpenSSLError(f.Name, err))
	}
	list, err := parseCertificates(data)
	if err != nil {
		call := "PEM_read_bio_X509_AUX()"
		if len(list) > 0 {
			call = "PEM_read_bio_X509()"
		}
		return failed("%s failed (SSL: %s)", call, err)
	}
	if len(list) == 0 {
		return failed("PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE)")
	}
	cert.Leaf = list[0]
	for _, c := range list {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

// LoadKey reads a private key, trying each password if it is encrypted.
func LoadKey(f File, passwords [][]byte) (crypto.Signer, error) {
	failed := func(format string, args ...any) (crypto.Signer, error) {
		return nil, f.Pos.Errorf("cannot load certificate key \"%s\": %s", f.Shown(), fmt.Sprintf(format, args...))
	}
	data, err := f.Read()
	if err != nil {
		return failed("BIO_new_file() failed (%s)", OpenSSLError(f.Name, err))
	}
	for block := range blocks(data, isKey) {
		der, err := decryptKey(block, passwords)
		if err != nil {
			return failed("PEM_read_bio_PrivateKey() failed (SSL: %s)", err)
		}
		key, err := parseKey(der)
		if err != nil {
			return failed("PEM_read_bio_PrivateKey() failed (SSL: %s)", err)
		}
		return key, nil
	}
	return failed("PEM_read_bio_PrivateKey() failed (SSL: error:1E08010C:DECODER routines::unsupported:No supported data to decode)")
}

func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	if signer, ok := key.(crypto.Signer); ok {
		return signer, nil
	}
	return nil, errors.New("unsupported kind of key")
}

// ParsePasswords takes the name of a file of passwords, which has to be there, whether or not there is a key to use them for.
func ParsePasswords(c *conf.Cursor, args []string) (File, error) {
	f, err := ParseFile(c, args)
	if err == nil {
		_, err = ReadPasswords(f)
	}
	return f, err
}

// ReadPasswords reads a file of passwords for keys, one a line; none if no file is set.
func ReadPasswords(f File) (list [][]byte, err error) {
	if !f.IsSet() {
		return nil, nil
	}
	data, err := f.Read()
	if err != nil {
		return nil, f.Pos.Errorf("%s", OpenFailed(f.Name, err))
	}
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			list = append(list, line)
		}
	}
	return list, nil
}
