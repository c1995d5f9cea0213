package upstream

import (
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// View is an upstream as it is at one moment, for who shows it.
type View struct {
	Name      string // of its block; of an implicit one the address, or the name and port, that proxy_pass gives
	Zone      string // "" = none
	Keepalive int    // idle connections kept, for each loop; 0 = off
	Local     bool   // keepalive ... local
	Min       int    // keepalive_min
	Peers     []PeerView
	Pool      pool.GroupStats
	NotKept   []*NotKept
}

// PeerView is a peer of it.
type PeerView struct {
	Name, Server string
	Addr         conn.Addr
	Params
	Away     bool // left alone for fail_timeout
	Active   int
	Requests int64
	Failures int64
	Aways    int64         // how often it was left alone
	Header   time.Duration // moving averages: until the response's head, and until its end; 0 = no response yet
	Total    time.Duration
}

// NotKept says of a location that passes requests to the upstream by which directive their connections are never kept.
type NotKept struct {
	Location, Directive string
	Pos                 conf.Pos // of the location
}

// ViewsOf returns the upstreams of a generation: first those of the configuration in its order, then those that
// proxy_pass names by variables, the last used in front. From any goroutine; now is loop.Loop.Now or loop.Now.
func ViewsOf(g *core.Generation, now loop.Instant) []View {
	if g.HTTP == nil {
		return nil
	}
	s := groupsSlot.Of(g.HTTP)
	var views []View
	for _, group := range s.order {
		views = append(views, group.view(now))
	}
	for _, group := range s.implicit.all() {
		views = append(views, group.view(now))
	}
	return views
}

func (g *Group) view(now loop.Instant) View {
	k := g.spec.keepalive
	v := View{Name: g.pool.Name(), Keepalive: k.n, Local: k.local, Min: g.spec.min, Peers: g.peers.view(now), Pool: g.pool.Stats(now)}
	if g.spec.zone != nil {
		v.Zone = g.spec.zone.name
	}
	g.warm.mu.Lock()
	defer g.warm.mu.Unlock()
	for _, u := range g.warm.users {
		if u.set.NotKept != nil {
			v.NotKept = append(v.NotKept, u.set.NotKept)
		}
	}
	return v
}

func (s *Peers) view(now loop.Instant) (views []PeerView) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range [2][]*Peer{s.primary, s.backup} {
		for _, p := range list {
			views = append(views, PeerView{
				Name: p.Name, Server: p.Server, Addr: p.Addr, Params: p.Params, Away: s.away(p, now),
				Active: p.Active, Requests: p.Requests, Failures: p.Failures, Aways: p.Aways, Header: p.header, Total: p.total,
			})
		}
	}
	return views
}
