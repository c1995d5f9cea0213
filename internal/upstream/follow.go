package upstream

import (
	"context"
	"slices"
	"time"

	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/resolve"
)

// follower keeps a server line with `resolve` at the addresses that its name stands for (ngx_http_upstream_module,
// "resolve"): it looks the name up when the last answer's time is over. It is a timer on the group's first loop, and a
// fiber there while it looks something up; everything in it belongs to that loop, so what two followers of a group
// find out is applied one after the other.
type follower struct {
	group   *Group
	line    int // of the group's servers
	gen     *core.Generation
	names   *namer
	timeout time.Duration
	loop    *loop.Loop
	timer   loop.Timer
	stopped bool
	ctx     context.Context // ends a look-up
	cancel  context.CancelFunc
}

// followRest is the least time between two look-ups, whatever the time to live.
const followRest = time.Second

// followers starts following the group's names.
func (g *Group) followers(gen *core.Generation) (all []*follower) {
	for i := range g.spec.servers {
		if !g.spec.servers[i].resolve || len(gen.Loops) == 0 {
			continue
		}
		c, timeout := g.resolver(gen)
		f := &follower{group: g, line: i, gen: gen, names: groupsSlot.Of(gen.HTTP).namer(c), timeout: timeout, loop: gen.Loops[0]}
		f.ctx, f.cancel = context.WithCancel(context.Background())
		f.loop.Post(func() { f.OnTimer(nil) })
		all = append(all, f)
	}
	return all
}

// resolver is the block's own, or that of the http block.
func (g *Group) resolver(gen *core.Generation) (*core.ResolverConf, time.Duration) {
	outer := core.Settings.Of(gen.HTTP)
	c, timeout := g.spec.resolver, g.spec.resolverTimeout
	if c == nil {
		c = outer.Resolver
	}
	if timeout == 0 {
		timeout = outer.ResolverTimeout
	}
	return c, timeout
}

// stop ends it. From any goroutine. A look-up in progress is not applied any more.
func (f *follower) stop() {
	f.cancel()
	f.loop.Post(func() {
		f.stopped = true
		f.timer.Stop()
	})
}

// OnTimer begins a look-up.
func (f *follower) OnTimer(*loop.Timer) {
	if !f.stopped {
		f.loop.Start(f)
	}
}

// RunFiber looks the name up once.
func (f *follower) RunFiber() {
	var places []place
	var expires loop.Instant
	var failed *resolve.Error
	s := &f.group.spec.servers[f.line]
	f.loop.Await(func() { places, expires, failed = f.lookup(s) })
	if f.stopped {
		return
	}
	now := f.loop.Now()
	rest := max(expires.Sub(now), followRest)
	if failed != nil {
		f.gen.Error(f.loop, logs.Error, "%s", failed)
		if failed.Code != resolve.NotFound { // the name servers' trouble: the addresses stay
			f.timer.Reset(f.loop, now.Add(max(f.timeout, followRest)), f)
			return
		}
	}
	f.group.moved(f.line, places)
	f.timer.Reset(f.loop, now.Add(rest), f)
}

// lookup is what the line stands for now.
func (f *follower) lookup(s *serverLine) ([]place, loop.Instant, *resolve.Error) {
	if s.service == "" {
		a := f.names.Addresses(f.ctx, s.at.host, f.timeout)
		return socketAddrs(a.Addrs, s.at.port), a.Expires, a.Err
	}
	found := f.names.Services(f.ctx, s.record(), f.timeout)
	return servicePlaces(found.Targets, s.params.Backup), found.Expires, found.Err
}

// servicePlaces are the addresses of SRV records: those of the best priority serve, the others are backups; of a line
// that is itself a backup the others are left out (ngx_http_upstream_module, "service").
func servicePlaces(targets []resolve.Target, backup bool) (places []place) {
	for _, t := range targets {
		spare := t.Priority != targets[0].Priority
		if spare && backup {
			break
		}
		for _, ip := range t.Addrs {
			at := place{addr: tcp(ip, t.Port), server: t.Host, weight: max(1, int(t.Weight)), backup: spare}
			if !slices.ContainsFunc(places, func(p place) bool { return p.addr == at.addr }) {
				places = append(places, at)
			}
		}
	}
	return places
}

// moved gives a line new addresses. On the group's first loop.
func (g *Group) moved(line int, places []place) {
	g.shared.mu.Lock()
	g.shared.resolved[g.spec.servers[line].id] = places
	g.shared.mu.Unlock()
	g.settle(line, places)
}

// settle has the group serve from the new addresses of a line, if they are new. Who calls it sees to it that nobody
// else does so for the same group.
func (g *Group) settle(line int, places []place) {
	before := g.peers.All()
	g.lines[line] = places
	peers := g.peersNow(before)
	if sameList(before, peers) {
		return
	}
	g.peers.Replace(peers)
	g.retain(peers)
	g.shared.forgetOthers(peers)
	g.warmPeers(peers)
}

// sameList compares the peers of All, primaries first, with a list in the order of the lines.
func sameList(all, lines []*Peer) bool {
	if len(all) != len(lines) {
		return false
	}
	was := make(map[*Peer]bool, len(all))
	for _, p := range all {
		was[p] = true
	}
	for _, p := range lines {
		if !was[p] {
			return false
		}
	}
	return true
}
