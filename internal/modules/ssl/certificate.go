package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/loop"
	"hearth/internal/secure"
)

// certificateFile takes a certificate or key: a file, or data:PEM.
func certificateFile(c *conf.Cursor, args []string) (secure.File, error) {
	if strings.Contains(args[0], "$") && !strings.HasPrefix(args[0], "data:") {
		return secure.File{}, c.Errorf("variables in the \"%s\" directive are not supported by hearth yet", c.Name())
	}
	return secure.ParseSource(c, args)
}

// certificates are a server's, one for each kind of key.
type certificates []tls.Certificate

// load reads the certificates with their keys.
func (s *settings) load() (certificates, error) {
	passwords, err := secure.ReadPasswords(s.passwords)
	if err != nil {
		return nil, err
	}
	if len(s.keys) < len(s.certificates) {
		last := s.certificates[len(s.certificates)-1]
		return nil, last.Pos.Errorf("no \"ssl_certificate_key\" is defined for certificate \"%s\"", last.Shown())
	}
	var list certificates
	for i, f := range s.certificates {
		cert, err := secure.LoadPair(f, s.keys[i], passwords)
		if err != nil {
			return nil, err
		}
		list = append(list, cert)
	}
	return list, nil
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
		cert.PrivateKey = secure.OnLoop(l.Loop(), cert.PrivateKey)
	}
	return &cert, nil
}

// preferred: elliptic keys are cheaper for both sides, so OpenSSL takes them where the client can.
func preferred(c *tls.Certificate) bool { return c.Leaf.PublicKeyAlgorithm != x509.RSA }
