package ssl

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"hearth/internal/conf"
	"hearth/internal/loop"
)

// certificateFile takes a certificate or key: a file, or data:PEM.
func certificateFile(c *conf.Cursor, args []string) (fileName, error) {
	name := args[0]
	switch {
	case strings.HasPrefix(name, "data:"):
		return fileName{name, c.Pos()}, nil
	case strings.Contains(name, "$"):
		return fileName{}, c.Errorf("variables in the \"%s\" directive are not supported by hearth yet", c.Name())
	case strings.HasPrefix(name, "engine:"), strings.HasPrefix(name, "store:"):
		return fileName{}, c.Errorf("keys of engines and stores are not supported by hearth yet in the \"%s\" directive", c.Name())
	}
	return fileName{c.FullPath(name, true), c.Pos()}, nil
}

// shown is how a message names it.
func (f fileName) shown() string {
	if strings.HasPrefix(f.name, "data:") {
		return "data:"
	}
	return f.name
}

func (f fileName) read() ([]byte, error) {
	if data, ok := strings.CutPrefix(f.name, "data:"); ok {
		return []byte(data), nil
	}
	return os.ReadFile(f.name)
}

// opensslError is what OpenSSL says of a file that cannot be opened.
func opensslError(name string, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return "SSL: " + err.Error()
	}
	reason := errno.Error()
	if reason != "" {
		reason = strings.ToUpper(reason[:1]) + reason[1:]
	}
	last := "error:10080002:BIO routines::system lib"
	if errno == syscall.ENOENT {
		last = "error:10000080:BIO routines::no such file"
	}
	return fmt.Sprintf("SSL: error:8000%04X:system library::%s:calling fopen(%s, r) %s", int(errno), reason, name, last)
}

// certificates are a server's, one for each kind of key.
type certificates []tls.Certificate

// load reads the certificates with their keys.
func (s *settings) load() (certificates, error) {
	passwords, err := s.readPasswords()
	if err != nil {
		return nil, err
	}
	if len(s.keys) < len(s.certificates) {
		last := s.certificates[len(s.certificates)-1]
		return nil, last.pos.Errorf("no \"ssl_certificate_key\" is defined for certificate \"%s\"", last.shown())
	}
	var list certificates
	for i, f := range s.certificates {
		cert, err := loadCertificate(f)
		if err != nil {
			return nil, err
		}
		key, err := loadKey(s.keys[i], passwords)
		if err != nil {
			return nil, err
		}
		if !matches(cert.Leaf, key) {
			return nil, s.keys[i].pos.Errorf("SSL_CTX_use_PrivateKey(\"%s\") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)", s.keys[i].shown())
		}
		cert.PrivateKey = key
		list = append(list, cert)
	}
	return list, nil
}

func matches(cert *x509.Certificate, key crypto.Signer) bool {
	public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

func loadCertificate(f fileName) (cert tls.Certificate, err error) {
	failed := func(format string, args ...any) (tls.Certificate, error) {
		return cert, f.pos.Errorf("cannot load certificate \"%s\": %s", f.shown(), fmt.Sprintf(format, args...))
	}
	data, err := f.read()
	if err != nil {
		return failed("BIO_new_file() failed (%s)", opensslError(f.name, err))
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if !isCertificate(block) {
			continue
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			call := "PEM_read_bio_X509_AUX()"
			if cert.Leaf != nil {
				call = "PEM_read_bio_X509()"
			}
			return failed("%s failed (SSL: %s)", call, err)
		}
		if cert.Leaf == nil {
			cert.Leaf = parsed
		}
		cert.Certificate = append(cert.Certificate, block.Bytes)
	}
	if cert.Leaf == nil {
		return failed("PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE)")
	}
	return cert, nil
}

func isCertificate(b *pem.Block) bool {
	return b.Type == "CERTIFICATE" || b.Type == "X509 CERTIFICATE"
}

// choose returns the first certificate that the client can use, its key bound to the loop of the handshake.
func (list certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	at := -1
	for i := range list {
		if len(list) > 1 && hello.SupportsCertificate(&list[i]) != nil {
			continue
		}
		if at < 0 || preferred(&list[i]) {
			at = i
		}
		if preferred(&list[i]) {
			break
		}
	}
	at = max(at, 0) // none: the handshake will say why
	cert := list[at]
	if l, ok := hello.Conn.(interface{ Loop() *loop.Loop }); ok {
		cert.PrivateKey = onLoop(l.Loop(), cert.PrivateKey)
	}
	return &cert, nil
}

// preferred: elliptic keys are cheaper for both sides, so OpenSSL takes them where the client can.
func preferred(c *tls.Certificate) bool { return c.Leaf.PublicKeyAlgorithm != x509.RSA }

// loadKey reads a private key, trying each password if it is encrypted.
func loadKey(f fileName, passwords [][]byte) (crypto.Signer, error) {
	failed := func(format string, args ...any) (crypto.Signer, error) {
		return nil, f.pos.Errorf("cannot load certificate key \"%s\": %s", f.shown(), fmt.Sprintf(format, args...))
	}
	data, err := f.read()
	if err != nil {
		return failed("BIO_new_file() failed (%s)", opensslError(f.name, err))
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return failed("PEM_read_bio_PrivateKey() failed (SSL: error:1E08010C:DECODER routines::unsupported:No supported data to decode)")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
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

// readPasswords reads ssl_password_file: a password a line.
func (s *settings) readPasswords() ([][]byte, error) {
	f := s.passwords
	if f.name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.name)
	if err != nil {
		return nil, f.pos.Errorf("%s", openFailed(f.name, err))
	}
	var list [][]byte
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			list = append(list, line)
		}
	}
	return list, nil
}

// openFailed is nginx's message for a file it opens itself.
func openFailed(name string, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Sprintf("open() \"%s\" failed (%s)", name, err)
	}
	reason := errno.Error()
	return fmt.Sprintf("open() \"%s\" failed (%d: %s)", name, int(errno), strings.ToUpper(reason[:1])+reason[1:])
}
