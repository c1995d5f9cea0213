package pool

import (
	"container/list"
	"slices"
	"strings"
	"sync"

	"hearth/internal/loop"
)

// Registry holds the groups of the process, so that they outlive the configuration generations that
// use them. A reload acquires the groups of the new configuration before it releases those of the old: one
// that is in both keeps its connections and counters. Safe from any goroutine.
type Registry struct {
	loops []*loop.Loop

	mu       sync.Mutex
	held     map[string]*holding
	implicit map[string]*list.Element // of recent
	recent   list.List                // implicit groups, the last asked for in front
}

// holding is a group and how many generations hold it.
type holding struct {
	group *Group
	holds int
}

// maxImplicit bounds the implicit upstreams with variables, see Implicit.
const maxImplicit = 512

// NewRegistry returns an empty registry for the process's loops, loops[i] having ID i.
func NewRegistry(loops []*loop.Loop) *Registry {
	return &Registry{loops: loops, held: make(map[string]*holding), implicit: make(map[string]*list.Element)}
}

// Acquire returns the group of an upstream for a configuration generation, with these limits from now on.
// Each Acquire is paired with one Release.
func (r *Registry) Acquire(name string, limits Limits) *Group {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.held[name]
	if h == nil {
		h = &holding{group: NewGroup(name, r.loops, limits)}
		r.held[name] = h
	} else if h.group.Limits() != limits {
		h.group.SetLimits(limits)
	}
	h.holds++
	return h.group
}

// Release ends a generation's hold on a group. When none is left its idle connections are closed with
// the reason, and those in use when they are released.
func (r *Registry) Release(g *Group, why Close) {
	r.mu.Lock()
	h := r.held[g.name]
	if h == nil || h.group != g {
		r.mu.Unlock()
		panic("pool: group " + g.name + " released and not held")
	}
	h.holds--
	last := h.holds == 0
	if last {
		delete(r.held, g.name)
	}
	r.mu.Unlock()
	if last {
		g.Close(why)
	}
}

// Implicit returns the group of an upstream that the configuration does not spell out, because its name
// comes from a variable (proxy_pass http://$backend). Nobody holds it: there are at most maxImplicit, and
// the one not asked for the longest makes room, an emptied one first. A request that was using it goes on;
// its connection is closed when it is released.
func (r *Registry) Implicit(name string, limits Limits) *Group {
	r.mu.Lock()
	var g, gone *Group
	if e := r.implicit[name]; e != nil {
		r.recent.MoveToFront(e)
		g = e.Value.(*Group)
	} else {
		if r.recent.Len() >= maxImplicit {
			gone = r.forgetOne()
		}
		g = NewGroup(name, r.loops, limits)
		r.implicit[name] = r.recent.PushFront(g)
	}
	r.mu.Unlock()
	if gone != nil {
		gone.Close(Evicted)
	}
	if g.Limits() != limits {
		g.SetLimits(limits)
	}
	return g
}

// forgetOne takes the least recently asked for implicit group out: among the last few an emptied one,
// else the very last. The lock is held.
func (r *Registry) forgetOne() *Group {
	victim := r.recent.Back()
	for e, n := victim, 0; e != nil && n < 64; e, n = e.Prev(), n+1 {
		if e.Value.(*Group).open.Load() == 0 {
			victim = e
			break
		}
	}
	g := r.recent.Remove(victim).(*Group)
	delete(r.implicit, g.name)
	return g
}

// Groups returns the groups there are, by name.
func (r *Registry) Groups() []*Group {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*Group
	for _, h := range r.held {
		all = append(all, h.group)
	}
	for e := r.recent.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*Group))
	}
	slices.SortFunc(all, func(a, b *Group) int { return strings.Compare(a.name, b.name) })
	return all
}

// Close closes every group's idle connections: the process ends, or is out of descriptors for good.
func (r *Registry) Close(why Close) {
	for _, g := range r.Groups() {
		g.Close(why)
	}
}

// CloseIdle closes up to n idle connections of the process, from each group the least recently used, when
// descriptors run out. It returns how many it closed.
func (r *Registry) CloseIdle(n int) (closed int) {
	groups := r.Groups()
	for again := true; again && closed < n; {
		again = false
		for _, g := range groups {
			if closed < n && g.CloseOldest() {
				closed++
				again = true
			}
		}
	}
	return closed
}

// CloseOldest closes the group's least recently used idle connection and tells whether there was one.
// From any goroutine.
func (g *Group) CloseOldest() bool {
	if !g.evict(nil, Evicted) {
		return false
	}
	g.budget.deposit(1)
	return true
}
