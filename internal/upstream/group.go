package upstream

import (
	"maps"
	"sync/atomic"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/pool"
	"hearth/internal/upstream/peertls"
)

// Group is one upstream as a configuration generation sees it: an upstream block, or the implicit one of a proxy_pass
// that names an address. What outlives the generation is in shared.
type Group struct {
	Name     string
	peers    *Peers
	balancer Balancer
	shared   *Shared
	pool     *pool.Group // shared.Pool
	dialer   conn.Dialer
	hash     *core.Value // the key of `hash`; nil otherwise
	local    bool        // keepalive ... local: connections are reused within the location that made them

	spec  *block    // what the block says; of an implicit one the defaults
	lines [][]place // by server line, the addresses it stands for; see settle for who changes them
	warm  warmth

	// While the configuration is read:
	block  *conf.Block // nil = implicit
	at     endpoint    // of an implicit one
	addrs  []conn.Addr
	usedAt conf.Pos // the first proxy_pass that names it
}

const (
	defaultAge  = time.Hour
	defaultIdle = 60 * time.Second
)

// prepare readies the exchange for choosing peers.
func (g *Group) prepare(x *Exchange) {
	r := x.R
	var hash []byte
	if g.hash != nil {
		hash = g.hash.Eval(r)
	}
	x.key.Reset(r.Client.Remote.IP.Addr(), hash)
	x.tried.Reset()
	x.bind = conn.Addr{}
	if x.Set.Bind != nil {
		x.setBind()
	}
}

// untried says whether the set has a peer that is neither down nor in tried.
func (s *Peers) untried(tried *Tried) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range [2][]*Peer{s.primary, s.backup} {
		for _, p := range list {
			if !p.Down && !tried.Has(p) {
				return true
			}
		}
	}
	return false
}

// keyOf is the pool's handle for the connection that x needs. The ordinary ones are kept with the location, so that
// nothing is hashed by identity for each request.
func (g *Group) keyOf(x *Exchange) *pool.Key {
	if !x.bind.IsValid() {
		if key := x.Set.keys.get(x.Peer, x.tls); key != nil {
			return key
		}
	}
	id := g.identity(x.Set, x.Peer, x.tls)
	if x.bind.IsValid() {
		id.Local = x.bind.String()
		return g.pool.Peer(id)
	}
	key := g.pool.Peer(id)
	x.Set.keys.put(x.Peer, x.tls, key)
	g.warmFor(user{x.Set, x.secured})
	return key
}

// keyCache keeps a location's pool handles. Readers of all loops look at an immutable map; a new peer or target copies it.
type keyCache struct {
	keys atomic.Pointer[map[keyOwner]*pool.Key]
}

// keyOwner is what a location's handles differ by.
type keyOwner struct {
	peer   *Peer
	target *peertls.Target
}

// maxKeys bounds the cache where peers come and go (resolved names), or names to verify do: then it begins anew.
const maxKeys = 1024

func (c *keyCache) get(p *Peer, t *peertls.Target) *pool.Key {
	if m := c.keys.Load(); m != nil {
		return (*m)[keyOwner{p, t}]
	}
	return nil
}

// put adds a key. Two loops may do so at once and one addition be lost: it is made again at the next request.
func (c *keyCache) put(p *Peer, t *peertls.Target, k *pool.Key) {
	m := map[keyOwner]*pool.Key{}
	if old := c.keys.Load(); old != nil && len(*old) < maxKeys {
		maps.Copy(m, *old)
	}
	m[keyOwner{p, t}] = k
	c.keys.Store(&m)
}
