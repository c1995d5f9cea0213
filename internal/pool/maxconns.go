package pool

import "hearth/internal/conn"

// SetMaxConns sets max_conns of a server: a limit on all connections to its address in this group,
// active and idle, of the whole process. 0 is no limit. Connections above a lowered limit end by
// themselves. From any goroutine.
func (g *Group) SetMaxConns(addr conn.Addr, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peerOf(addr).max.Store(int64(n))
}

// reserve counts a connection that is about to be dialled. At the peer's limit, its least recently used
// idle connection is closed for it (which is of another identity, or not fresh enough: a usable one
// would have been taken). It fails when all its connections are active.
func (g *Group) reserve(p *part, k *Key) bool {
	for {
		if k.peer.claim() {
			g.open.Add(1)
			k.open.Add(1)
			return true
		}
		if !g.evict(k.peer, Evicted) {
			return false
		}
		p.addSpare()
	}
}

// claim counts one connection more, unless the limit is reached. The compare-and-swap is what keeps two
// loops from both taking the last place.
func (p *peer) claim() bool {
	for {
		open, limit := p.open.Load(), p.max.Load()
		if limit > 0 && open >= limit {
			return false
		}
		if p.open.CompareAndSwap(open, open+1) {
			return true
		}
	}
}

// othersIdle tells whether the peer has idle connections of other identities than k.
func (g *Group) othersIdle(k *Key) bool {
	if k.peer.open.Load() == k.open.Load() {
		return false
	}
	for _, q := range g.parts {
		q.mu.Lock()
		m := q.oldestOf(k.peer)
		for m != nil && (m.key == k || m.key.peer != k.peer) {
			m = m.links[byPart].newer
		}
		q.mu.Unlock()
		if m != nil {
			return true
		}
	}
	return false
}
