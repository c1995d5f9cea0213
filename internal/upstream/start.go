package upstream

import (
	"net/netip"
	"slices"
	"strconv"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/pool"
)

// place is one address that a server line stands for.
type place struct {
	addr   conn.Addr
	server string // of an SRV record: the host it names; "" = the line's own name
	weight int    // of an SRV record; 0 = the line's
	backup bool   // of an SRV record of lower priority
}

func tcp(ip netip.Addr, port uint16) conn.Addr { return conn.TCP(netip.AddrPortFrom(ip, port)) }

// implicitBlock is the upstream block that an implicit upstream would have: the defaults of the directives.
func implicitBlock(g *Group) *block {
	line := serverLine{name: g.Name, at: g.at, addrs: g.addrs, params: defaultParams}
	return &block{servers: []serverLine{line}, keepalive: keepalive{32, true}, requests: 1000, age: defaultAge, idle: defaultIdle, learn: true}
}

// limits are the pool's, for so many loops.
func (b *block) limits(loops int) pool.Limits {
	return pool.Limits{
		Idle: b.keepalive.n * max(1, loops), Requests: b.requests, MaxAge: b.age, IdleTimeout: b.idle, Min: b.min, Learn: b.learn,
	}
}

// init makes the group usable and changes nothing that generations before it use.
func (g *Group) init(gen *core.Generation) {
	name := g.Name
	if g.block != nil {
		g.spec = blocks.Of(g.block)
	} else {
		g.spec = implicitBlock(g)
		if !g.at.noPort || g.at.port != 80 {
			name = g.at.host + ":" + strconv.Itoa(int(g.at.port))
		}
	}
	g.shared = core.Carry(gen.Carried, "upstream", name, func() *Shared { return newShared(name, gen, g.spec.limits(len(gen.Loops))) })
	g.build(gen.Dialer)
}

// build makes the peers and the balancer of g.spec over g.shared.
func (g *Group) build(dialer conn.Dialer) {
	g.pool, g.dialer = g.shared.Pool, dialer
	g.local, g.hash = g.spec.keepalive.local, g.spec.hash
	g.spec.identify()
	g.lines = make([][]place, len(g.spec.servers))
	for i := range g.spec.servers {
		g.lines[i] = g.placesAtFirst(&g.spec.servers[i])
	}
	g.peers = NewPeers(&g.shared.mu, g.peersNow(nil))
	m := g.spec.method
	if m == nil {
		m = &roundRobin
	}
	g.balancer = m.make(g.spec, g.peers)
}

// identify gives each server line the name by which it is known over generations: what it says, and where several say
// the same, the how-manieth it is.
func (b *block) identify() {
	times := map[string]int{}
	for i := range b.servers {
		s := &b.servers[i]
		s.id = s.name
		if s.service != "" {
			s.id += " " + s.service
		}
		if times[s.id]++; times[s.id] > 1 {
			s.id += " " + strconv.Itoa(times[s.id])
		}
	}
}

// placesAtFirst are the addresses from the configuration, or, of a line that follows its name, the last known ones.
func (g *Group) placesAtFirst(s *serverLine) []place {
	if s.resolve {
		g.shared.mu.Lock()
		defer g.shared.mu.Unlock()
		return g.shared.resolved[s.id]
	}
	var places []place
	for _, addr := range s.addrs {
		places = append(places, place{addr: addr})
	}
	return places
}

// peersNow makes the list of peers of all lines. A peer that was there before stays the same one.
func (g *Group) peersNow(before []*Peer) []*Peer {
	var peers []*Peer
	for i := range g.lines {
		s := &g.spec.servers[i]
		for _, at := range g.lines[i] {
			p := g.peerAt(s, at)
			if old := slices.IndexFunc(before, p.same); old >= 0 {
				p = before[old]
			} else {
				p.Vitals = g.shared.vitalsOf(p.line, p.Addr)
			}
			peers = append(peers, p)
		}
	}
	return peers
}

// peerAt is the peer of a line at one of its addresses, without Vitals.
func (g *Group) peerAt(s *serverLine, at place) *Peer {
	p := &Peer{Name: at.addr.String(), Server: s.name, Addr: at.addr, Params: s.params, line: s.id}
	if at.server != "" {
		p.Server = at.server
	}
	if at.weight > 0 && p.Weight == 1 {
		p.Weight = at.weight
	}
	p.Backup = p.Backup || at.backup
	return p
}

// start begins to serve: what the group shares with generations before it becomes as this one has it. The pool first
// learns which addresses there are, so that limits of an address that left are not looked at.
func (g *Group) start(gen *core.Generation) {
	limits := g.spec.limits(len(gen.Loops))
	if g.pool.Limits() != limits {
		g.pool.SetLimits(limits)
	}
	peers := g.peers.All()
	g.retain(peers)
	g.shared.forgetOthers(peers)
	g.warmPeers(peers)
	g.shared.follow(g.followers(gen))
}

// retain tells the pool which addresses the group has now, and how many connections each may have: idle ones to others
// are closed (peer_removed). An address in several lines has the sum of their limits, none if one has none.
func (g *Group) retain(peers []*Peer) {
	var addrs []conn.Addr
	limit := map[conn.Addr]int{}
	for _, p := range peers {
		if n, known := limit[p.Addr]; known && (n == 0 || p.MaxConns == 0) {
			limit[p.Addr] = 0
			continue
		}
		addrs = append(addrs, p.Addr)
		limit[p.Addr] += p.MaxConns
	}
	for addr, n := range limit {
		g.pool.SetMaxConns(addr, n)
	}
	g.pool.Retain(addrs)
}
