package pool

import (
	"sync/atomic"

	"hearth/internal/conn"
	"hearth/internal/stats"
)

// Identity is everything that two requests must agree on to share a connection.
type Identity struct {
	Addr  conn.Addr // the peer's socket address
	Proto string    // HTTP/1.1, HTTP/2, FastCGI ...
	Local string    // proxy_bind: the address connected from, "" = the system's choice
	TLS   string    // digest of everything that decided who was trusted; "" = plain
	Scope string    // with `keepalive N local`: the location that made it
}

// Key is an interned Identity of one group: the hot path passes it around and hashes nothing. It is
// valid as long as its group; keep it for a request, or for a configuration generation. A key that
// the group has forgotten meanwhile (its peer was removed) still works, its connections are just not kept.
type Key struct {
	id     Identity
	group  *Group
	peer   *peer
	stacks []stack  // by loop, each guarded by the lock of the part of that loop
	shares []shares // by loop, each that loop's own
	open   atomic.Int64
	number int // among the group's, as they were made
	warm   atomic.Pointer[warmer]
}

// Identity returns what the key stands for.
func (k *Key) Identity() Identity { return k.id }

// peer is one address of a group, with whatever identities.
type peer struct {
	addr    conn.Addr
	open    atomic.Int64 // connections of all keys: idle, leased, or being dialled
	max     atomic.Int64 // max_conns; 0 = no limit
	peak    atomic.Int64 // most leases at once
	removed atomic.Bool  // left the upstream: what is returned is closed
	learned habit
	figures *stats.Counters

	// Recorded once in a connection's life, so the loops share them.
	connect, handshake, requests stats.Histogram
}

// maxKeys is how many identities a group knows before it looks for ones to forget. Only upstreams whose
// identity varies with the request (a proxy_bind or TLS name with variables) ever get there.
const maxKeys = 1024

// Peer returns the handle of an identity. It takes the group's lock and hashes, so callers whose
// identity is fixed keep the result. Naming the address of a removed peer brings the peer back.
func (g *Group) Peer(id Identity) *Key {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.keys[id]; k != nil {
		k.peer.removed.Store(false)
		return k
	}
	if len(g.keys) >= g.keyBound {
		g.forgetEmptied()
	}
	k := &Key{id: id, group: g, peer: g.peerOf(id.Addr), stacks: make([]stack, len(g.parts)), shares: make([]shares, len(g.parts)), number: len(g.keys)}
	k.peer.removed.Store(false)
	g.keys[id] = k
	return k
}

// peerOf returns the record of an address. The group's lock is held.
func (g *Group) peerOf(addr conn.Addr) *peer {
	p := g.peers[addr]
	if p == nil {
		p = &peer{addr: addr, figures: stats.NewCounters(len(g.parts), nFigures)}
		g.peers[addr] = p
	}
	return p
}

// forgetEmptied drops the keys without a connection, and then the peers without a key. Where all
// have one, the bound doubles, so that looking for emptied ones stays cheap for each key made. The
// group's lock is held.
//
// A request may hold the handle of a key that is being forgotten, and open a connection with it
// afterwards: it is pooled under that handle, which the next Peer call no longer finds, and times out.
func (g *Group) forgetEmptied() {
	used := make(map[*peer]bool)
	for id, k := range g.keys {
		if k.open.Load() == 0 && k.warm.Load() == nil {
			delete(g.keys, id)
		} else {
			used[k.peer] = true
		}
	}
	for _, p := range g.peers {
		if !used[p] && p.max.Load() == 0 {
			g.forgetPeer(p)
		}
	}
	g.keyBound = max(maxKeys, 2*len(g.keys))
}

// forgetPeer drops an address; what it counted stays in the group's sums. The lock is held.
func (g *Group) forgetPeer(p *peer) {
	if g.peers[p.addr] != p {
		return
	}
	delete(g.peers, p.addr)
	for id, k := range g.keys {
		if k.peer == p {
			delete(g.keys, id)
		}
	}
	g.gone.add(p)
	g.gone.Peak -= p.peak.Load() // a peak of the past says nothing about the size needed now
}

// Keys is the number of identities the group knows.
func (g *Group) Keys() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.keys)
}
