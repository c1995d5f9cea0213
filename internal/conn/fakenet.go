package conn

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// FakeNet is a Dialer whose servers are functions of the test. An address that nothing listens on
// refuses connections.
type FakeNet struct {
	// Dials counts the connections begun, by address.
	Dials map[Addr]int

	sim      *loop.Sim
	servers  map[Addr]func(*Peer)
	hang     map[Addr]bool
	nextPort uint16
}

// NewFakeNet returns a network without servers.
func NewFakeNet(sim *loop.Sim) *FakeNet {
	return &FakeNet{
		Dials: map[Addr]int{}, sim: sim, servers: map[Addr]func(*Peer){}, hang: map[Addr]bool{}, nextPort: 40000,
	}
}

// Listen has accept called with the peer of every connection to addr, in the turn it is established.
func (n *FakeNet) Listen(addr Addr, accept func(*Peer)) {
	delete(n.hang, addr)
	n.servers[addr] = accept
}

// Refuse has addr refuse connections again.
func (n *FakeNet) Refuse(addr Addr) {
	delete(n.servers, addr)
	delete(n.hang, addr)
}

// Hang has connections to addr never complete.
func (n *FakeNet) Hang(addr Addr) { n.hang[addr] = true }

// Dial begins a connection, which completes or fails in the loop's next turn.
func (n *FakeNet) Dial(l *loop.Loop, to Addr, opts DialOptions) (*Conn, error) {
	if l.Sim() != n.sim {
		panic("conn: FakeNet with a loop that is not of its Sim")
	}
	n.Dials[to]++
	local := opts.Local
	if !local.IsValid() {
		local = TCP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), n.nextPort))
		n.nextPort++
	}
	c, p := memoryConn(l, to, local)
	c.connecting = true
	if n.hang[to] {
		return c, nil
	}
	accept := n.servers[to]
	l.ReportCall(func() {
		if c.closed {
			return
		}
		if accept == nil {
			p.gone = true
			c.mem.err = unix.ECONNREFUSED
			c.mem.report()
			return
		}
		c.mem.connected()
		accept(p)
	})
	return c, nil
}

// connected lets the Conn write. What it is told of the connection arrives as any other event.
func (m *memory) connected() {
	m.conn.connecting = false
	m.report()
}
