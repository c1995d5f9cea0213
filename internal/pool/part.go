package pool

import (
	"sync"
	"sync/atomic"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// member is a connection's record in the pool, from Adopt until it is closed. While it is leased it
// belongs to the lease; while it is idle, to the part it is linked in.
type member struct {
	conn   *conn.Conn // nil where it is a shared one's
	shared *Shared    // nil where it carries one exchange at a time
	key    *Key
	// part is where it is linked, or was last. Atomic because ConnReady has to read it to know
	// which lock to take; it changes only under the lock of the part that it then names.
	part     atomic.Pointer[part]
	born     loop.Instant // when it was adopted
	idleAt   loop.Instant // when it was last returned
	requests int          // exchanges begun on it
	hint     announced    // the peer's own Keep-Alive, as last heard

	linked bool // guarded by the lock of part, like the links
	links  [nLists]links
}

type links struct{ newer, older *member }

// A member hangs in two lists while it is idle.
const (
	byKey  = iota // the stack of its key on its loop
	byPart        // all idle ones of the part, by time of last use
	nLists
)

// chain is doubly linked through its members, the most recently used in front.
type chain struct{ newest, oldest *member }

func (l *chain) push(m *member, kind int) {
	m.links[kind] = links{older: l.newest}
	if l.newest != nil {
		l.newest.links[kind].newer = m
	} else {
		l.oldest = m
	}
	l.newest = m
}

func (l *chain) remove(m *member, kind int) {
	at := m.links[kind]
	if at.newer != nil {
		at.newer.links[kind].older = at.older
	} else {
		l.newest = at.older
	}
	if at.older != nil {
		at.older.links[kind].newer = at.newer
	} else {
		l.oldest = at.newer
	}
	m.links[kind] = links{}
}

// part is one loop's share of a group: the idle connections that this loop polls.
type part struct {
	group *Group
	loop  *loop.Loop
	at    int // index in group.parts and in Key.stacks

	timer   loop.Timer // the loop's own: one for all idle timeouts of the part
	overdue []*member  // the loop's own: what a sweep has found

	mu    sync.Mutex // guards what follows, the Key.stacks of this loop and the links of linked members
	used  chain
	idle  int
	spare int   // tokens without a connection, see budget
	shut  Close // why nothing may be linked any more; Kept while open

	// oldest is the idleAt of the least recently used member, 0 if there is none: written under mu,
	// read without it by loops that look for the least recently used of the whole group.
	oldest atomic.Int64

	_ [64]byte // the next part in memory belongs to another loop
}

// stack holds the idle connections of one key on one loop. Guarded by the part's lock.
type stack struct {
	chain
	n int
	// newestAt is the idleAt of the most recently used, 0 if the stack is empty: written under the
	// lock, read without it by loops that look for a connection to steal.
	newestAt atomic.Int64
	_        [88]byte // stacks of one key lie side by side, one for each loop
}

// publish keeps newestAt to the millisecond: enough to choose by, and most returns need no store.
func (s *stack) publish() {
	at, was := int64(0), s.newestAt.Load()
	if s.newest != nil {
		at = int64(s.newest.idleAt)
	}
	if at == 0 || was == 0 || at-was > int64(time.Millisecond) || was-at > int64(time.Millisecond) {
		s.newestAt.Store(at)
	}
}

func (p *part) publish() {
	at := int64(0)
	if p.used.oldest != nil {
		at = int64(p.used.oldest.idleAt)
	}
	if p.oldest.Load() != at {
		p.oldest.Store(at)
	}
}

// link makes m idle in p. The lock is held, and the token for it is the caller's.
func (p *part) link(m *member) {
	s := &m.key.stacks[p.at]
	if m.part.Load() != p {
		m.part.Store(p)
	}
	m.linked = true
	s.push(m, byKey)
	s.n++
	s.publish()
	p.used.push(m, byPart)
	p.idle++
	p.publish()
}

// unlink takes m out; the token it occupied is now the caller's. The lock is held.
func (p *part) unlink(m *member) {
	s := &m.key.stacks[p.at]
	m.linked = false
	s.remove(m, byKey)
	s.n--
	s.publish()
	p.used.remove(m, byPart)
	p.idle--
	p.publish()
}

// addSpare puts a token into the part.
func (p *part) addSpare() {
	p.mu.Lock()
	p.spare++
	p.mu.Unlock()
}
