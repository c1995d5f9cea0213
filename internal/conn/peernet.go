package conn

import (
	"io"
	"net"
	"time"

	"hearth/internal/loop"
)

// NetConn is the peer as a net.Conn, for libraries that talk as tests' counterparts (crypto/tls). Its reads run the Sim until
// the Conn has written something, so it is used outside of the Sim's loops; where nothing comes they say io.EOF.
func (p *Peer) NetConn(sim *loop.Sim) net.Conn { return &peerNet{Peer: p, sim: sim} }

// TakeBack takes what the peer has sent and the Conn has not read, to Send it later or never.
func (p *Peer) TakeBack() []byte {
	sent := p.mem.in
	p.mem.in = nil
	return sent
}

type peerNet struct {
	*Peer
	sim *loop.Sim
	in  []byte
}

func (p *peerNet) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		p.sim.Run()
		p.in = p.Received()
	}
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *peerNet) Write(b []byte) (int, error)      { p.Send(b); return len(b), nil }
func (p *peerNet) Close() error                     { p.Peer.Close(); return nil }
func (p *peerNet) LocalAddr() net.Addr              { return netAddr(p.local) }
func (p *peerNet) RemoteAddr() net.Addr             { return netAddr(p.mem.local) }
func (p *peerNet) SetDeadline(time.Time) error      { return nil }
func (p *peerNet) SetReadDeadline(time.Time) error  { return nil }
func (p *peerNet) SetWriteDeadline(time.Time) error { return nil }
