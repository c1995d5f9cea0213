package frontend

import (
	"hearth/internal/conn"
	"hearth/internal/core"
)

// greet looks at a connection's first bytes. On an address of TLS it waits for the handshake, if they are one's beginning;
// as in nginx a plain request is read and refused with a page that says why. False: the connection has been closed.
//
// The handshake has client_header_timeout; so has, after it, the first request.
func (s *session) greet() bool {
	h := s.h
	h.greeted = true
	addr := s.shard.engine.address(h.port, s.client.Local)
	t := s.shard.engine.tls(addr)
	if t == nil {
		return true
	}
	if !beginsTLS(s.in.bytes()[0]) {
		h.toHTTPS, s.client.ToHTTPS = true, true
		return true
	}
	err := s.conn.AcceptTLS(t.Config, conn.TLSOptions{
		RecordSize: t.RecordSize,
		Early:      s.in.bytes(),
		Deadline:   s.loop.Now().Add(s.shard.engine.server(addr).ClientHeaderTimeout),
	})
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
	s.client.TLS = h.tls
	return true
}

// beginsTLS: the record type of a handshake, or the length field of SSL 2.0's hello.
func beginsTLS(first byte) bool { return first == 0x16 || first >= 0x80 }
