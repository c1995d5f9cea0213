package upstream

import (
	"slices"
	"sync"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
	"hearth/internal/upstream/peertls"
)

// warmth is a group's keepalive_min: connections are kept ready to every peer that is not down, for every location
// that sends requests here. The pool dials them; this only says which. A location is known from its proxy_pass
// (UsedBy), or from its first request where that names the group by a variable.
type warmth struct {
	mu    sync.Mutex
	users []user // guarded by mu
}

// user is a location that sends requests to the group. One with variables may do so in both ways.
type user struct {
	set     *Settings
	secured bool
}

// target is to whom its connections are made; ok is false if that depends on the request.
func (u user) target(g *Group) (t *peertls.Target, ok bool) {
	switch {
	case !u.secured:
		return nil, true
	case !u.set.TLS.Fixed():
		return nil, false
	}
	return u.set.TLS.For(nil, g.Name), true
}

// UsedBy says, while the configuration is read, that a location sends its requests to the group, by Run. Its settings are
// complete.
func (g *Group) UsedBy(set *Settings) { g.add(user{set, set.TLS != nil}) }

// add notes a user, and tells whether it is a new one.
func (g *Group) add(u user) bool {
	g.warm.mu.Lock()
	defer g.warm.mu.Unlock()
	if slices.Contains(g.warm.users, u) {
		return false
	}
	g.warm.users = append(g.warm.users, u)
	return true
}

// warmFor adds a location that was not known before.
func (g *Group) warmFor(u user) {
	if g.spec.min == 0 || u.set.Bind != nil || !g.add(u) {
		return
	}
	for _, p := range g.peers.All() {
		g.warmPeer(u, p)
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
	for _, u := range users {
		for _, p := range peers {
			g.warmPeer(u, p)
		}
	}
}

// warmPeer begins for one identity. Where the local address, or the name of the server, depends on the request there is none
// to begin for.
func (g *Group) warmPeer(u user, p *Peer) {
	target, ok := u.target(g)
	if !ok || u.set.Bind != nil || p.Down || p.Backup || u.set.Streams != nil {
		return
	}
	g.pool.KeepWarm(g.pool.Peer(g.identity(u.set, p, target)), u.set.opener(g, target))
}

// identity is what a connection of a location to a peer must agree on with another to be shared, without proxy_bind.
func (g *Group) identity(set *Settings, p *Peer, t *peertls.Target) pool.Identity {
	id := pool.Identity{Addr: p.Addr, Proto: set.Proto}
	if t != nil {
		id.TLS = t.Digest
	}
	if g.local {
		id.Scope = set.Scope
	}
	return id
}

// opener says how connections of a location are made, without proxy_bind.
func (set *Settings) opener(g *Group, t *peertls.Target) pool.Opener {
	o := pool.Opener{Dialer: g.dialer, Timeout: set.ConnectTimeout, Options: conn.DialOptions{
		NoDelay: true, SndBuf: int(set.SndBuf), RcvBuf: int(set.RcvBuf), KeepAlive: conn.KeepAlive{On: set.SocketKeepalive},
	}}
	if t != nil {
		sessions := g.shared.sessions
		o.Handshake = func(c *conn.Conn, deadline loop.Instant) error { return t.Handshake(c, sessions, deadline) }
	}
	return o
}
