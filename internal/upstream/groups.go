package upstream

import (
	"fmt"
	"strings"
	"sync"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/pool"
)

// groups are the upstreams of one http block, by name: those with a block, and those that a proxy_pass names.
type groups struct {
	byName map[string]*Group
	order  []*Group
}

var groupsSlot = conf.NewSlot[groups](conf.MainLevel)

func (s *groups) add(g *Group) {
	if s.byName == nil {
		s.byName = map[string]*Group{}
	}
	s.byName[g.Name] = g
	s.order = append(s.order, g)
}

// defineGroup enters the group of an upstream block. A proxy_pass may have named it before.
func defineGroup(c *conf.Cursor, name string, b *conf.Block) (*Group, error) {
	s := groupsSlot.Of(c.In())
	if g := s.byName[name]; g != nil {
		if g.block != nil {
			return nil, c.Errorf("duplicate upstream \"%s\"", name)
		}
		if g.usedPort != "" {
			return nil, g.usedAt.Errorf("upstream \"%s\" may not have port %s", name, g.usedPort)
		}
		g.block = b
		return g, nil
	}
	g := &Group{Name: name, block: b}
	s.add(g)
	return g, nil
}

// Use returns the group that a proxy_pass without variables names: "backend", "host", "host:port", "unix:path". If the
// http block defines no upstream of that name, the group is an implicit one of the host's addresses.
func Use(c *conf.Cursor, address, defaultPort string) (*Group, error) {
	s := groupsSlot.Of(c.In())
	host, port, err := splitAddress(c, address, defaultPort)
	if err != nil {
		return nil, err
	}
	if g := s.byName[host]; g != nil && g.block != nil && hasPort(address) {
		return nil, c.Errorf("upstream \"%s\" may not have port %s", host, port)
	}
	name := address
	if !hasPort(address) && s.byName[address] == nil && !strings.HasPrefix(address, "unix:") {
		name = host
	}
	if g := s.byName[name]; g != nil {
		return g, nil
	}
	g := &Group{Name: name, usedAt: c.Pos(), host: host, port: port}
	if hasPort(address) {
		g.usedPort = port
	}
	s.add(g)
	c.AtEnd(func() error {
		if g.block != nil {
			return nil
		}
		var err error
		g.addrs, err = lookup(g.usedAt, address, host, port)
		return err
	})
	return g, nil
}

// Shared is what all generations of an upstream share: the lock and vitals of its peers, and its pool.
type Shared struct {
	mu     sync.Mutex
	vitals map[string]*Vitals // by server and address; guarded by mu
	Pool   *pool.Group
}

// Close ends the pool, when no generation uses the upstream any more.
func (s *Shared) Close() { s.Pool.Close(pool.Shutdown) }

// vitalsOf finds or makes the vitals of a peer.
func (s *Shared) vitalsOf(server string, addr conn.Addr) *Vitals {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%s %s", server, addr)
	v := s.vitals[key]
	if v == nil {
		v = new(Vitals)
		s.vitals[key] = v
	}
	return v
}

// initGroups gives every group of a generation its peers, balancer and pool.
func initGroups(g *core.Generation) error {
	if g.HTTP == nil {
		return nil
	}
	s := groupsSlot.Of(g.HTTP)
	for _, group := range s.order {
		if group.block == nil {
			group.start(g, implicitBlock(group))
		} else {
			group.start(g, blocks.Of(group.block))
		}
	}
	return nil
}

// implicitBlock is the upstream block that an implicit upstream would have: the defaults of the directives.
func implicitBlock(g *Group) *block {
	line := serverLine{name: g.Name, host: g.host, port: g.port, addrs: g.addrs, params: Params{Weight: 1, MaxFails: 1, FailTimeout: defaultFailTimeout}}
	return &block{group: g, servers: []serverLine{line}, keepalive: keepalive{32, true}, requests: 1000, age: defaultAge, idle: defaultIdle, learn: true}
}

// start makes the group usable.
func (g *Group) start(gen *core.Generation, b *block) {
	limits := pool.Limits{Idle: b.keepalive.n * max(1, len(gen.Loops)), Requests: b.requests, MaxAge: b.age, IdleTimeout: b.idle, Min: b.min, Learn: b.learn}
	g.shared = core.Carry(gen.Carried, "upstream", g.Name, func() *Shared {
		return &Shared{vitals: map[string]*Vitals{}, Pool: pool.NewGroup(g.Name, gen.Loops, limits)}
	})
	g.pool, g.dialer = g.shared.Pool, gen.Dialer
	g.pool.SetLimits(limits)
	g.local, g.hash = b.keepalive.local, b.hash
	var peers []*Peer
	for i := range b.servers {
		peers = append(peers, g.peersOf(&b.servers[i], b.servers[i].addrs)...)
	}
	g.peers = NewPeers(&g.shared.mu, peers)
	g.retain(peers)
	m := b.method
	if m == nil {
		m = &roundRobin
	}
	g.balancer = m.make(b, g.peers)
}

// peersOf makes the peers of a server line that has these addresses.
func (g *Group) peersOf(s *serverLine, addrs []conn.Addr) []*Peer {
	var peers []*Peer
	for _, addr := range addrs {
		peers = append(peers, &Peer{
			Name: addr.String(), Server: s.name, Addr: addr, Params: s.params, Vitals: g.shared.vitalsOf(s.name, addr),
		})
	}
	return peers
}

// retain tells the pool which addresses the group has now: idle connections to others are closed (peer_removed).
func (g *Group) retain(peers []*Peer) {
	var addrs []conn.Addr
	for _, p := range peers {
		addrs = append(addrs, p.Addr)
		g.pool.SetMaxConns(p.Addr, p.MaxConns)
	}
	g.pool.Retain(addrs)
}
