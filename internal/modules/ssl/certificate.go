package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/secure"
)

// source is where a certificate or key comes from.
type source struct {
	secure.File
	value *core.Value // with variables: the handshake says; nil without
	dir   string      // what names relative to are, if so
}

// certificateSource takes a certificate or key: a file, or data:PEM, both perhaps with variables.
func certificateSource(c *conf.Cursor, args []string) (s source, err error) {
	if strings.Contains(args[0], "$") {
		s.File = secure.File{Name: args[0], Pos: c.Pos()}
		s.dir = c.FullPath("x", true)
		s.value, err = core.CompileValue(c, args[0])
		return s, err
	}
	s.File, err = secure.ParseSource(c, args)
	return s, err
}

// in is its name for one handshake.
func (s source) in(r *core.Request) string {
	if s.value == nil {
		return s.Name
	}
	name := string(s.value.Eval(r))
	if name == "" || filepath.IsAbs(name) || strings.HasPrefix(name, "data:") {
		return name
	}
	return filepath.Join(filepath.Dir(s.dir), name)
}

// certificate is one of a server's, with its key and what is stapled to it.
type certificate struct {
	tls.Certificate
	staple *staple
}

// load reads the certificates with their keys, or, if any has variables, prepares for their being read in handshakes.
func (v *serving) load(c *conf.Cursor, s *settings) error {
	if len(s.keys) < len(s.certificates) {
		last := s.certificates[len(s.certificates)-1]
		return last.Pos.Errorf("no \"ssl_certificate_key\" is defined for certificate \"%s\"", last.Shown())
	}
	passwords, err := secure.ReadPasswords(s.passwords)
	if err != nil {
		return err
	}
	for i, f := range s.certificates {
		if f.value != nil || s.keys[i].value != nil {
			v.sources, v.keys = s.certificates, s.keys
			v.pairs = secure.NewPairs(s.keeping, passwords)
			return nil
		}
	}
	for i, f := range s.certificates {
		cert, err := secure.LoadPair(f.File, s.keys[i].File, passwords)
		if err != nil {
			return err
		}
		added := certificate{Certificate: cert}
		if s.stapling {
			if added.staple, err = s.staple(c, f.File, chainOf(&cert)); err != nil {
				return err
			}
		}
		v.certificates = append(v.certificates, added)
	}
	return nil
}

// chainOf is the certificate and those that came with it.
func chainOf(cert *tls.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{cert.Leaf}
	for _, raw := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(raw); err == nil {
			chain = append(chain, c)
		}
	}
	return chain
}

// choose returns the certificate for a handshake, its key bound to the loop that does it.
func (v *serving) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	list := v.certificates
	below, ours := hello.Conn.(conn.Handshaking)
	if v.pairs != nil {
		var err error
		if list, err = v.read(hello, below.Conn()); err != nil || len(list) == 0 {
			return nil, err
		}
	}
	chosen := pick(list, hello)
	cert := chosen.Certificate
	if ours {
		cert.PrivateKey = secure.OnLoop(below.Loop(), cert.PrivateKey)
		cert.OCSPStaple = chosen.staple.give(below.Loop().Wall())
	}
	return &cert, nil
}

// errCertificate is what OpenSSL says of a handshake for which no certificate could be read.
var errCertificate = errors.New("error:0A000179:SSL routines::cert cb error")

// read loads the certificates that variables name, in the fiber of the handshake.
func (v *serving) read(hello *tls.ClientHelloInfo, c *conn.Conn) (list []certificate, err error) {
	state := &core.TLSState{Name: hello.ServerName}
	r := core.HandshakeRequest(v.gen, v.server, c, state)
	defer core.Release(r)
	for i, source := range v.sources {
		name, key := source.in(r), v.keys[i].in(r)
		if name == "" {
			continue
		}
		cert, err := v.pairs.Load(r.Loop, name, key)
		if err != nil {
			r.Error(logs.Error, "%s", err)
			return nil, errCertificate
		}
		list = append(list, certificate{Certificate: *cert})
	}
	return list, nil
}

// pick returns the first certificate that the client can use.
func pick(list []certificate, hello *tls.ClientHelloInfo) *certificate {
	at := -1
	for i := range list {
		if len(list) > 1 && hello.SupportsCertificate(&list[i].Certificate) != nil {
			continue
		}
		if at < 0 || preferred(&list[i]) {
			at = i
		}
		if preferred(&list[i]) {
			break
		}
	}
	return &list[max(at, 0)] // none: the handshake will say why
}

// preferred: elliptic keys are cheaper for both sides, so OpenSSL takes them where the client can.
func preferred(c *certificate) bool { return c.Leaf.PublicKeyAlgorithm != x509.RSA }
