package pool

import (
	"sync"
	"sync/atomic"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// Group keeps the connections of one upstream. All methods are safe from any loop; those that take
// a *loop.Loop are called on its goroutine.
type Group struct {
	name   string
	parts  []*part // by loop ID
	limits atomic.Pointer[Limits]
	budget budget
	since  loop.Instant // when it was made

	open atomic.Int64 // connections: idle, leased, or being dialled

	mu       sync.Mutex // guards what follows; never taken with a part's lock held
	keys     map[Identity]*Key
	keyBound int
	peers    map[conn.Addr]*peer
	gone     Figures // counted by peers since forgotten
}

// NewGroup returns an empty group. loops are all loops of the process, loops[i] having ID i.
func NewGroup(name string, loops []*loop.Loop, limits Limits) *Group {
	g := &Group{
		name:     name,
		parts:    make([]*part, len(loops)),
		keys:     make(map[Identity]*Key),
		keyBound: maxKeys,
		peers:    make(map[conn.Addr]*peer),
	}
	if len(loops) > 0 {
		g.since = loops[0].Clock()
	}
	g.limits.Store(&limits)
	g.budget.bank = limits.Idle
	for i, l := range loops {
		g.parts[i] = &part{group: g, loop: l, at: i}
	}
	return g
}

// Name is the name the group was made with.
func (g *Group) Name() string { return g.name }

// Limits returns the limits in force.
func (g *Group) Limits() Limits { return *g.limits.Load() }

// Close ends the group: idle connections are closed with the reason, and leased ones when they are
// released. Leases can still be taken, to dial; nothing is kept any more. From any goroutine.
func (g *Group) Close(why Close) {
	g.stopWarming(nil)
	for _, p := range g.parts {
		// A return that has the lock before us links its connection, and drain, which takes it after
		// us, closes it; one that comes after us sees shut. Nothing slips through between.
		p.mu.Lock()
		p.shut = why
		p.mu.Unlock()
		p.drain(why, nil)
		p.loop.Post(p.timer.Stop)
	}
}

// Retain keeps the peers of the given addresses and removes the others: after a DNS change or a reload.
func (g *Group) Retain(addrs []conn.Addr) {
	keep := make(map[conn.Addr]bool, len(addrs))
	for _, a := range addrs {
		keep[a] = true
	}
	g.mu.Lock()
	var left []conn.Addr
	for addr := range g.peers {
		if !keep[addr] {
			left = append(left, addr)
		}
	}
	g.mu.Unlock()
	for _, addr := range left {
		g.RemovePeer(addr)
	}
}

// RemovePeer closes the idle connections to an address that left the upstream, and the others when
// they are released. From any goroutine.
func (g *Group) RemovePeer(addr conn.Addr) {
	g.mu.Lock()
	gone := g.peers[addr]
	g.mu.Unlock()
	if gone == nil {
		return
	}
	// As in Close: put looks at removed under the part's lock, and drain takes that lock later than
	// this store, so a connection is refused by the one or found by the other.
	gone.removed.Store(true)
	g.stopWarming(gone)
	for _, p := range g.parts {
		p.drain(PeerRemoved, gone)
	}
	g.forgetIfGone(gone)
}

// drain closes all idle connections of the part, or those of one peer. From any goroutine.
func (p *part) drain(why Close, only *peer) {
	for {
		p.mu.Lock()
		m := p.oldestOf(only)
		if m != nil && (only == nil || only.removed.Load()) {
			p.unlink(m)
			p.spare++
		} else {
			m = nil // none, or the peer came back meanwhile
		}
		p.mu.Unlock()
		if m == nil {
			return
		}
		p.group.drop(m, why)
	}
}

// drop closes a connection that only the caller knows, leased or unlinked, and counts it. Where it is
// leased, on its loop; where it is lent, from any goroutine.
func (g *Group) drop(m *member, why Close) {
	if m.shared != nil {
		m.shared.shut(why)
	} else {
		m.conn.Close()
	}
	g.ended(m, why)
}

// ended counts a connection that has been closed.
func (g *Group) ended(m *member, why Close) {
	peer := m.key.peer
	peer.figures.Block(m.part.Load().at)[figClose+int(why)].Add(1)
	peer.requests.Record(int64(m.requests))
	g.closed(m.key)
}

// closed takes a connection, or the reservation for one, out of the counts.
func (g *Group) closed(k *Key) {
	g.open.Add(-1)
	k.open.Add(-1)
	if k.peer.open.Add(-1) == 0 && k.peer.removed.Load() {
		g.forgetIfGone(k.peer)
	}
	if w := k.warm.Load(); w != nil {
		w.wake()
	}
}

// forgetIfGone forgets a removed peer once its last connection is closed.
func (g *Group) forgetIfGone(p *peer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.removed.Load() && p.open.Load() == 0 {
		g.forgetPeer(p)
	}
}
