package frontend

import (
	"hearth/internal/conn"
	"hearth/internal/core"
)

// greet looks at a connection's first bytes. On an address of TLS it waits for the handshake, if they are one's beginning;
// as in nginx a plain request is read and refused with a page that says why. False: the connection has been closed.
//
// The handshake has client_header_timeout from the connection's beginning; so has, after it, the first request.
func (s *session) greet() bool {
	h := s.h
	h.greeted = true
	addr := s.shard.engine.address(h.port, s.client.Local)
	t := s.shard.engine.tls(addr)
	if t == nil {
		return !s.shard.engine.http2(addr) || s.greetPlain(addr)
	}
	if !beginsTLS(s.in.bytes()[0]) {
		h.toHTTPS, s.client.ToHTTPS = true, true
		return true
	}
	err := s.conn.AcceptTLS(t.Config, conn.TLSOptions{
		RecordSize: t.RecordSize,
		Early:      s.in.bytes(),
		Deadline:   s.headDeadline(s.shard.engine.server(addr)),
	})
	s.closeBy = 0
	s.in.useAll()
	s.in.rewind(s.shard)
	if err != nil {
		t.Failed(s.loop, &s.client, err)
		h.close()
		return false
	}
	state := s.conn.TLS().ConnectionState()
	h.tls = &core.TLSState{
		Name: state.ServerName, ALPN: state.NegotiatedProtocol, Peer: state.PeerCertificates,
		Version: state.Version, Cipher: state.CipherSuite, Curve: state.CurveID, Resumed: state.DidResume,
	}
	h.tls.Hello, _ = s.conn.TLSNote().(*core.ClientHello)
	s.client.TLS = h.tls
	if h.tls.ALPN == "h2" {
		s.handOver(addr)
		return false
	}
	return true
}

// h2Preface is what a client of HTTP/2 begins with (RFC 9113, 3.4).
const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// greetPlain looks whether the first bytes are the preface of HTTP/2 with prior knowledge (RFC 9113, 3.3), and waits for the
// rest of what may be one. False: they are, and the connection is not the session's any more.
func (s *session) greetPlain(addr *core.Address) bool {
	deadline := s.headDeadline(s.shard.engine.server(addr))
	for {
		b := s.in.bytes()
		if n := min(len(b), len(h2Preface)); string(b[:n]) != h2Preface[:n] {
			return true
		} else if n == len(h2Preface) {
			s.handOver(addr)
			return false
		}
		n, err := s.conn.Read(s.in.space(), deadline)
		if err != nil {
			return true // whoever reads the request finds out
		}
		s.in.filled(n)
	}
}

// handOver gives the connection to HTTP/2, with what has been read.
func (s *session) handOver(addr *core.Address) {
	h := s.h
	h.session = nil
	h.speakHTTP2(addr, s.in.bytes())
	s.detach()
}

// beginsTLS: the record type of a handshake, or the length field of SSL 2.0's hello.
func beginsTLS(first byte) bool { return first == 0x16 || first >= 0x80 }
