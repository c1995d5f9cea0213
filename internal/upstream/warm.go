package upstream

import (
	"slices"
	"sync"

	"hearth/internal/conn"
	"hearth/internal/pool"
)

// warmth is a group's keepalive_min: connections are kept ready to every peer that is not down, for every location
// that sends requests here. The pool dials them; this only says which. A location is known from its proxy_pass
// (UsedBy), or from its first request where that names the group by a variable.
type warmth struct {
	mu    sync.Mutex
	users []*Settings // guarded by mu
}

// UsedBy says, while the configuration is read, that a location sends its requests to the group. Its settings are
// looked at when the generation starts.
func (g *Group) UsedBy(set *Settings) {
	g.warm.mu.Lock()
	defer g.warm.mu.Unlock()
	if !slices.Contains(g.warm.users, set) {
		g.warm.users = append(g.warm.users, set)
	}
}

// warmFor adds a location that was not known before.
func (g *Group) warmFor(set *Settings) {
	if g.spec.min == 0 || set.Bind != nil {
		return
	}
	g.warm.mu.Lock()
	known := slices.Contains(g.warm.users, set)
	g.warm.mu.Unlock()
	if known {
		return
	}
	g.UsedBy(set)
	for _, p := range g.peers.All() {
		g.warmPeer(set, p)
	}
}

// warmPeers has connections kept ready to these peers for all known locations.
func (g *Group) warmPeers(peers []*Peer) {
	if g.spec.min == 0 {
		return
	}
	g.warm.mu.Lock()
	users := slices.Clone(g.warm.users)
	g.warm.mu.Unlock()
	for _, set := range users {
		for _, p := range peers {
			g.warmPeer(set, p)
		}
	}
}

// warmPeer begins for one identity. Where the local address depends on the request there is none to begin for.
func (g *Group) warmPeer(set *Settings, p *Peer) {
	if set.Bind != nil || p.Down || p.Backup || set.Streams != nil {
		return
	}
	g.pool.KeepWarm(g.pool.Peer(g.identity(set, p)), set.opener(g.dialer))
}

// identity is what a connection of a location to a peer must agree on with another to be shared, without proxy_bind.
func (g *Group) identity(set *Settings, p *Peer) pool.Identity {
	id := pool.Identity{Addr: p.Addr, Proto: set.Proto, TLS: set.Identity}
	if g.local {
		id.Scope = set.Scope
	}
	return id
}

// opener says how connections of a location are made, without proxy_bind.
func (set *Settings) opener(d conn.Dialer) pool.Opener {
	return pool.Opener{Dialer: d, Timeout: set.ConnectTimeout, Options: conn.DialOptions{
		NoDelay: true, SndBuf: int(set.SndBuf), RcvBuf: int(set.RcvBuf), KeepAlive: conn.KeepAlive{On: set.SocketKeepalive},
	}}
}
