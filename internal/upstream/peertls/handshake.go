package peertls

import (
	"crypto/tls"
	"fmt"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/secure"
)

// Error is why a connection could not be secured.
type Error struct {
	Cause string // as nginx logs it, before " while SSL handshaking to upstream"
	Local bool   // it is nothing of the server's: a certificate of ours cannot be read
	err   error
}

func (e *Error) Error() string { return e.Cause }

// Unwrap is the error below, if there is one: loop.ErrTimeout for a handshake that took too long.
func (e *Error) Unwrap() error { return e.err }

// Handshake secures a connection that has just been made, in a fiber of its loop. An error is an *Error; then the connection can
// only be closed.
func (t *Target) Handshake(c *conn.Conn, sessions *Sessions, deadline loop.Instant) error {
	own, err := t.certificate(c.Loop())
	if err != nil {
		return &Error{Cause: err.Error(), Local: true}
	}
	config := t.rules.config.Clone()
	config.ServerName = t.sni
	if !config.SessionTicketsDisabled {
		config.ClientSessionCache = sessions.at(t.Digest, c.RemoteAddr())
	}
	if own != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			bound := *own
			bound.PrivateKey = secure.OnLoop(c.Loop(), own.PrivateKey)
			return &bound, nil
		}
	}
	if err := c.ConnectTLS(config, conn.TLSOptions{Deadline: deadline}); err != nil {
		return failed(err)
	}
	return t.verify(c)
}

// certificate is what the server is shown if it asks; nil = nothing.
func (t *Target) certificate(l *loop.Loop) (*tls.Certificate, error) {
	if t.rules.pairs == nil || t.own[0] == "" {
		return t.rules.own, nil
	}
	return t.rules.pairs.Load(l, t.own[0], t.own[1])
}

// verify judges the server's certificate, on every connection: one that was good when its session began may have expired or
// have been revoked since. It takes as long as a signature, so it is done off the loop.
func (t *Target) verify(c *conn.Conn) error {
	trust := t.rules.trust
	if trust == nil {
		return nil
	}
	peer := c.TLS().ConnectionState().PeerCertificates
	now := c.Loop().Wall()
	var why secure.Failure
	c.Loop().Await(func() { why = trust.Verify(peer, now) })
	if why != 0 {
		return &Error{Cause: fmt.Sprintf("upstream SSL certificate verify error: (%d:%s)", int(why), why)}
	}
	if !matches(peer[0], t.name) {
		return &Error{Cause: fmt.Sprintf("upstream SSL certificate does not match \"%s\"", t.name)}
	}
	return nil
}

// failed is a handshake's error in nginx's words.
func failed(err error) *Error {
	e := &Error{err: err}
	switch err {
	case loop.ErrTimeout:
		e.Cause = "upstream timed out (110: Connection timed out)"
	case conn.ErrUnexpected:
		e.Cause = "upstream sent data before the SSL handshake"
	default:
		e.Cause = secure.HandshakeFailure(err)
	}
	return e
}
