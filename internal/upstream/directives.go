package upstream

import (
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module is nginx's upstream module with its balancing and keepalive modules: the upstream block.
var Module = core.Module{
	Name:       "ngx_http_upstream_module",
	Directives: directives,
	Variables:  append(Variables, lastVariables...),
	Prefixes:   Prefixes,
	Init:       initGroups,
	Start:      startGroups,
}

// block is what an upstream block says.
type block struct {
	group   *Group
	servers []serverLine
	zone    *zone

	method  *method // nil = round robin
	hash    *core.Value
	better  string // random two METHOD
	average string // least_time header | last_byte

	keepalive keepalive
	requests  int
	age       time.Duration
	idle      time.Duration
	min       int
	learn     bool

	resolver        *core.ResolverConf // for server lines with `resolve`; nil = that of the http block
	resolverTimeout time.Duration      // 0 = that of the http block
}

// keepalive is `keepalive N [local]`.
type keepalive struct {
	n     int
	local bool
}

var blocks = conf.NewSlot[block](conf.Upstream)

// inUpstream is the one context of most rows here.
const inUpstream = conf.Upstream

var directives = []conf.Directive{
	{Name: "upstream", In: conf.HTTP, Args: conf.Take1 | conf.WithBlock, Set: readUpstream,
		Doc: "Defines a group of servers that proxy_pass and the like can name."},
	conf.List(blocks, conf.Directive{Name: "server", In: inUpstream, Args: conf.OneMore,
		Doc: "A server of the group: its address and how it is to be used."},
		parseServer, func(b *block) *[]serverLine { return &b.servers }),
	conf.Custom(blocks, conf.Directive{Name: "zone", In: inUpstream, Args: conf.Take12,
		Doc: "Names the group's state. hearth shares it between loops anyway, so the size means nothing."}, setZone),
	conf.Finish(groupsSlot, checkZones),
	conf.Field(blocks, conf.Directive{Name: "resolver", In: inUpstream, Args: conf.OneMore,
		Doc: "Name servers for the servers with `resolve`."},
		core.ParseResolver, func(b *block) **core.ResolverConf { return &b.resolver }),
	conf.Field(blocks, conf.Directive{Name: "resolver_timeout", In: inUpstream,
		Doc: "Time limit for resolving a name of a server with `resolve`; that of the http block unless given."},
		conf.Msec, func(b *block) *time.Duration { return &b.resolverTimeout }),

	method0("ip_hash", "Keeps a client on a server by its address.", &ipHash),
	method0("least_conn", "Prefers the server with the fewest requests in progress for its weight.", &leastConn),
	conf.Custom(blocks, conf.Directive{Name: "hash", In: inUpstream, Args: conf.Take12,
		Doc: "Chooses the server by a key; `consistent` places servers on a ring (ketama)."}, setHash),
	conf.Custom(blocks, conf.Directive{Name: "random", In: inUpstream, Args: conf.NoArgs | conf.Take12,
		Doc: "Chooses a server at random, or the better of two."}, setRandom),
	conf.Custom(blocks, conf.Directive{Name: "least_time", In: inUpstream, Args: conf.Take12,
		Doc: "Prefers the server that answers soonest for what is in progress there."}, setLeastTime),

	conf.Field(blocks, conf.Directive{Name: "keepalive", In: inUpstream, Args: conf.Take12, Default: "32 local",
		Doc: "Idle connections kept, for each loop on average, in one pool shared by all loops; 0 turns keepalive off."},
		parseKeepalive, func(b *block) *keepalive { return &b.keepalive }),
	conf.Field(blocks, conf.Directive{Name: "keepalive_requests", In: inUpstream, Default: "1000",
		Doc: "Requests served on one connection before it is closed."}, conf.Num, func(b *block) *int { return &b.requests }),
	conf.Field(blocks, conf.Directive{Name: "keepalive_time", In: inUpstream, Default: "1h",
		Doc: "Age at which a connection is closed after the request it serves."}, conf.Msec, func(b *block) *time.Duration { return &b.age }),
	conf.Field(blocks, conf.Directive{Name: "keepalive_timeout", In: inUpstream, Default: "60s",
		Doc: "How long a connection may stay idle."}, conf.Msec, func(b *block) *time.Duration { return &b.idle }),
	conf.Field(blocks, conf.Directive{Name: "keepalive_min", In: inUpstream, Default: "0", Syntax: "connections",
		Doc: "Idle connections kept ready for each server, connected ahead of need."}, conf.Num, func(b *block) *int { return &b.min }),
	conf.Field(blocks, conf.Directive{Name: "keepalive_learn", In: inUpstream, Default: "on", Syntax: "on | off",
		Doc: "Closes idle connections just before the server would: by its Keep-Alive field, or by what it was seen to do."},
		conf.Flag, func(b *block) *bool { return &b.learn }),
}

// readUpstream reads an upstream block.
func readUpstream(c *conf.Cursor, _ *conf.Block, args []string) error {
	b := c.NewBlock(conf.Upstream, args...)
	u := blocks.Of(b)
	g, err := defineGroup(c, args[0], b)
	if err != nil {
		return err
	}
	u.group = g
	if err := c.Block(b); err != nil {
		return err
	}
	if len(u.servers) == 0 {
		return c.Errorf("no servers are inside upstream")
	}
	at := c.Pos()
	c.AtEnd(func() error { return u.check(args[0], b.Parent, at) })
	return nil
}

// check looks at the block as a whole, when all of the http block is known.
func (b *block) check(name string, http *conf.Block, at conf.Pos) error {
	primary, resolve := false, false
	for i := range b.servers {
		primary = primary || !b.servers[i].params.Backup
		resolve = resolve || b.servers[i].resolve
	}
	switch {
	case !primary:
		return at.Errorf("no servers in upstream \"%s\"", name)
	case resolve && b.zone == nil:
		return conf.Pos{}.Errorf("resolving names at run time requires upstream \"%s\" in %s to be in shared memory", name, at)
	case resolve && b.resolver == nil && core.Settings.Of(http).Resolver == nil:
		return at.Errorf("no resolver defined to resolve names at run time in upstream \"%s\"", name)
	}
	return nil
}

func parseKeepalive(c *conf.Cursor, args []string) (keepalive, error) {
	n, err := conf.Num(c, args[:1])
	if err != nil {
		return keepalive{}, c.Errorf("invalid value \"%s\" in \"keepalive\" directive", args[0])
	}
	k := keepalive{n: n}
	if len(args) == 2 {
		if args[1] != "local" {
			return k, c.Errorf("invalid parameter \"%s\"", args[1])
		}
		k.local = true
	}
	return k, nil
}
