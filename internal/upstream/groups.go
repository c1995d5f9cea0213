package upstream

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/loop"
	"hearth/internal/resolve"
)

// groups are the upstreams of one http block: those with a block, and those that a proxy_pass names without variables.
type groups struct {
	order  []*Group
	byHost map[string][]*Group // by the name in lower case; several differ in their port
	zones  map[string]*zone
	scopes map[*conf.Block]string // see ScopeOf
	named  map[string]int         // how many locations wanted this name

	implicit *implicits // those that a proxy_pass with variables names

	mu        sync.Mutex // guards resolvers
	resolvers map[*core.ResolverConf]*namer
	transport resolve.Transport
	now       func() loop.Instant
}

var groupsSlot = conf.NewSlot[groups](conf.MainLevel)

func (s *groups) add(host string, g *Group) {
	if s.byHost == nil {
		s.byHost = map[string][]*Group{}
	}
	host = strings.ToLower(host)
	s.byHost[host] = append(s.byHost[host], g)
	s.order = append(s.order, g)
}

// defineGroup enters the group of an upstream block. A proxy_pass may have named it before.
func defineGroup(c *conf.Cursor, name string, b *conf.Block) (*Group, error) {
	s := groupsSlot.Of(c.In())
	if named := s.byHost[strings.ToLower(name)]; len(named) > 0 {
		g := named[0]
		if g.block != nil {
			return nil, c.Errorf("duplicate upstream \"%s\"", name)
		}
		if !g.at.noPort {
			return nil, g.usedAt.Errorf("upstream \"%s\" may not have port %d", name, g.at.port)
		}
		g.block, g.at = b, endpoint{host: name, noPort: true}
		return g, nil
	}
	g := &Group{Name: name, block: b, at: endpoint{host: name, noPort: true}}
	s.add(name, g)
	return g, nil
}

// Use returns the group that a proxy_pass without variables names: "backend", "host", "host:port", "unix:path". Without a
// defaultPort ("") what is no upstream block has to name one. uri is what follows the address, for messages. If the
// http block defines no upstream of that name, here or further down, the group is an implicit one of the host's addresses.
func Use(c *conf.Cursor, address, uri, defaultPort string) (*Group, error) {
	s := groupsSlot.Of(c.In())
	at, why := parseEndpoint(address, portNumber(defaultPort))
	if why != "" {
		return nil, c.Errorf("%s in upstream \"%s%s\"", why, address, uri)
	}
	for _, g := range s.byHost[strings.ToLower(at.host)] {
		if g.block != nil && !at.noPort {
			return nil, c.Errorf("upstream \"%s\" may not have port %d", at.host, at.port)
		}
		if g.block != nil || g.at.port == at.port {
			return g, nil
		}
	}
	g := &Group{Name: at.host, usedAt: c.Pos(), at: at}
	s.add(at.host, g)
	c.AtEnd(func() error {
		if g.block != nil {
			return nil
		}
		if g.at.portless() {
			return g.usedAt.Errorf("no port in upstream \"%s\"", g.Name)
		}
		if g.addrs = g.at.lookup(); len(g.addrs) == 0 {
			return g.usedAt.Errorf("host not found in upstream \"%s\"", g.Name)
		}
		return nil
	})
	return g, nil
}

// match finds the upstream of the configuration that an evaluated proxy_pass names: a block by its bare name, one that
// another proxy_pass names by host and port.
func (s *groups) match(at endpoint) *Group {
	for _, g := range s.byHost[strings.ToLower(at.host)] {
		if g.block != nil && at.noPort || g.block == nil && g.at.port == at.port {
			return g
		}
	}
	return nil
}

func portNumber(s string) uint16 {
	n, _ := strconv.ParseUint(s, 10, 16)
	return uint16(n)
}

// initGroups gives every group of a generation its peers, balancer and pool.
func initGroups(g *core.Generation) error {
	if g.HTTP == nil {
		return nil
	}
	s := groupsSlot.Of(g.HTTP)
	s.implicit = core.Carry(g.Carried, "implicit upstreams", "", newImplicits)
	s.transport = core.Carry(g.Carried, "name servers", "", func() resolve.Transport { return resolve.Net })
	s.now = clockOf(g.Loops)
	for _, group := range s.order {
		group.init(g)
	}
	return nil
}

// startGroups lets the groups of a generation that begins to serve change what they share with those before it.
func startGroups(g *core.Generation) {
	s := groupsSlot.Of(g.HTTP)
	for _, group := range s.order {
		group.start(g)
	}
}

// clockOf is the clock of the loops, for other goroutines.
func clockOf(loops []*loop.Loop) func() loop.Instant {
	if len(loops) == 0 { // the configuration is only checked
		return loop.Now
	}
	return loops[0].Clock
}

// namer is the resolver of a `resolver` directive. Its name tells what it asks and how, for identities that outlive
// the generation.
type namer struct {
	*resolve.Resolver
	name string
}

// namer returns the resolver of a directive, with a cache of its own: as in nginx, a reload forgets what names meant.
func (s *groups) namer(c *core.ResolverConf) *namer {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.resolvers[c]
	if n == nil {
		config := resolve.Config{Valid: c.Valid, IPv4: c.IPv4, IPv6: c.IPv6}
		var name strings.Builder
		for _, server := range c.Servers {
			config.Servers = append(config.Servers, server.IP)
			name.WriteString(server.String() + " ")
		}
		name.WriteString(strconv.FormatBool(c.IPv4) + strconv.FormatBool(c.IPv6))
		n = &namer{resolve.New(config, s.transport, s.now), name.String()}
		if s.resolvers == nil {
			s.resolvers = map[*core.ResolverConf]*namer{}
		}
		s.resolvers[c] = n
	}
	return n
}

// socketAddrs gives the addresses of a host a port.
func socketAddrs(ips []netip.Addr, port uint16) []place {
	var all []place
	for _, ip := range ips {
		all = append(all, place{addr: tcp(ip, port)})
	}
	return all
}
