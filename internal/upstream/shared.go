package upstream

import (
	"sync"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/pool"
	"hearth/internal/upstream/peertls"
)

// Shared is what all generations of an upstream share: the lock and vitals of its peers, what its names last stood for,
// its pool, and the TLS sessions with its servers.
type Shared struct {
	Pool     *pool.Group
	sessions *peertls.Sessions

	mu       sync.Mutex
	vitals   map[vitalsKey]*Vitals // guarded by mu
	resolved map[string][]place    // by line, what its name stood for last; guarded by mu
	// followers keep up with names for the newest generation; its Start replaces them. Guarded by mu.
	followers []*follower
}

// vitalsKey tells peers apart over generations: the server as written, and the address.
type vitalsKey struct {
	server string
	addr   conn.Addr
}

func newShared(name string, gen *core.Generation, limits pool.Limits) *Shared {
	return &Shared{Pool: pool.NewGroup(name, gen.Loops, limits), sessions: peertls.NewSessions(), vitals: map[vitalsKey]*Vitals{}, resolved: map[string][]place{}}
}

// Close ends the pool, when no generation uses the upstream any more.
func (s *Shared) Close() {
	s.follow(nil)
	s.Pool.Close(pool.Shutdown)
}

// follow has these followers instead of the former.
func (s *Shared) follow(now []*follower) {
	s.mu.Lock()
	before := s.followers
	s.followers = now
	s.mu.Unlock()
	for _, f := range before {
		f.stop()
	}
}

// vitalsOf finds or makes the vitals of a peer.
func (s *Shared) vitalsOf(server string, addr conn.Addr) *Vitals {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := vitalsKey{server, addr}
	v := s.vitals[key]
	if v == nil {
		v = new(Vitals)
		s.vitals[key] = v
	}
	return v
}

// forgetOthers drops the vitals of peers that are not in the list. Requests still with them keep theirs.
func (s *Shared) forgetOthers(peers []*Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make(map[vitalsKey]*Vitals, len(peers))
	for _, p := range peers {
		keep[vitalsKey{p.line, p.Addr}] = p.Vitals
	}
	s.vitals = keep
}

// Each calls f for every upstream that a generation uses, those named by variables included.
func Each(g *core.Generation, f func(name string, s *Shared)) {
	g.Carried.Each("upstream", func(name string, v any) { f(name, v.(*Shared)) })
	g.Carried.Each("implicit upstreams", func(_ string, v any) {
		for _, group := range v.(*implicits).all() {
			f(group.Name, group.shared)
		}
	})
}
