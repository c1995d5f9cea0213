package upstream

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/loop"
	"hearth/internal/pool"
	"hearth/internal/resolve"
)

// implicits are the upstreams that a proxy_pass with variables names and the configuration does not: addresses, unix
// sockets and host names, each with the peers' vitals and the pool that an upstream block would have. They belong to no
// generation, so a reload changes nothing for them. Their number is bounded, because names may come from requests.
type implicits struct {
	mu     sync.Mutex
	byName map[string]*list.Element // of recent
	recent list.List                // *implicit, the last asked for in front
}

// implicit is one of them.
type implicit struct {
	Group
	key    string
	moving sync.Mutex                     // held while a host's addresses change
	answer atomic.Pointer[resolve.Answer] // what the host stood for last
}

// maxImplicit is how many there are at most.
const maxImplicit = 512

func newImplicits() *implicits { return &implicits{byName: map[string]*list.Element{}} }

// get finds or makes the group of an endpoint. key is its identity, which for a host includes who resolves it.
func (s *implicits) get(gen *core.Generation, key string, at endpoint, now loop.Instant) *implicit {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byName[key]; e != nil {
		s.recent.MoveToFront(e)
		return e.Value.(*implicit)
	}
	if s.recent.Len() >= maxImplicit {
		s.forgetOne(now)
	}
	i := &implicit{key: key}
	i.Name, i.at = at.host, at
	if at.literal() {
		i.addrs = []conn.Addr{at.addr}
	}
	i.spec = implicitBlock(&i.Group)
	i.shared = newShared(key, gen, i.spec.limits(len(gen.Loops)))
	i.build(gen.Dialer)
	s.byName[key] = s.recent.PushFront(i)
	return i
}

// forgetOne makes room: of those not asked for the longest one without connections, else the very last. A request
// that is using it goes on; its connection is closed when it ends. The lock is held.
func (s *implicits) forgetOne(now loop.Instant) {
	victim := s.recent.Back()
	for e, n := victim, 0; e != nil && n < 16; e, n = e.Prev(), n+1 {
		if stats := e.Value.(*implicit).pool.Stats(now); stats.Idle == 0 && stats.Active == 0 {
			victim = e
			break
		}
	}
	i := s.recent.Remove(victim).(*implicit)
	delete(s.byName, i.key)
	i.pool.Close(pool.Evicted)
}

// all is a list of them, the last asked for first.
func (s *implicits) all() (groups []*Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.recent.Front(); e != nil; e = e.Next() {
		groups = append(groups, &e.Value.(*implicit).Group)
	}
	return groups
}

// Close ends them all, when the last generation ends.
func (s *implicits) Close() {
	for _, g := range s.all() {
		g.shared.Close()
	}
}

// use has the group serve from the addresses of an answer. An answer older than the one in use, which another loop
// has just put there, is left alone.
func (i *implicit) use(a *resolve.Answer) {
	if i.answer.Load() == a {
		return
	}
	i.moving.Lock()
	defer i.moving.Unlock()
	old := i.answer.Load()
	if old == a || old != nil && old.Expires > a.Expires {
		return
	}
	i.answer.Store(a)
	if old == nil || !slices.Equal(old.Addrs, a.Addrs) {
		i.settle(0, socketAddrs(a.Addrs, i.at.port))
	}
}
