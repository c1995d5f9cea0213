package pool

// An idle connection lies in the part of the loop that polls it, lent to the pool (conn.Conn.OnIdle).
// Whoever unlinks it, under that part's lock, is from then on the only one who knows it, and may close it from
// anywhere, or take it over on its own loop with Move. The races:
//
//   - The owner is handing out an event for it. While it is lent an event touches nothing but the handle's atomic
//     word and calls ConnReady, which takes the lock, finds the member unlinked and does nothing. What
//     the event said is not lost: a socket added to an epoll set reports what is already true of it,
//     and the thief looks with MSG_PEEK besides.
//   - The same, but by the time ConnReady has read which part's lock to take, the thief has returned the
//     connection to its own part. Then ConnReady runs on a loop that does not own it; it does
//     only what any goroutine may do.
//   - The owner pops or times it out at the same time: whoever has the lock first has it.
//   - A FIN arrives between Move and the look, or after it: seen by the look, or an ordinary idle race.
//   - Two thieves: the lock again. None of them holds two parts' locks, so they cannot block each other.

// newestElsewhere finds the part other than p whose idle connection of k was used last. A loop that
// returns one to a part already looked at goes unnoticed: it was in use when we looked.
func (g *Group) newestElsewhere(p *part, k *Key) *part {
	var best *part
	var at int64
	for i := range k.stacks {
		if i == p.at {
			continue
		}
		if t := k.stacks[i].newestAt.Load(); t > at {
			best, at = g.parts[i], t
		}
	}
	return best
}

// takeOver makes the unlinked m, which q's loop polls, p's, whose loop is running. Where the kernel will not
// (out of memory or of watches) it is closed.
func (g *Group) takeOver(p, q *part, m *member) bool {
	if q != p {
		if err := m.conn.Move(p.loop); err != nil {
			g.drop(m, Error)
			return false
		}
	}
	m.conn.OnIdle(nil) // ours alone now; what the poller reported meanwhile shows in Readable
	return true
}

// evict closes the least recently used idle connection of the group (with only: of that peer) and
// leaves its token to the caller; false if there is none. From any goroutine: an unlinked connection
// is still lent to us, and a lent one may be closed from anywhere (see conn.Conn.OnIdle). So it is gone
// before its place is used for another.
//
// Least recently used is exact but for what other loops return or take while we look, which can make
// us close the second oldest. The bound itself does not depend on it.
func (g *Group) evict(only *peer, why Close) bool {
	for {
		q := g.oldestPart(only)
		if q == nil {
			return false
		}
		q.mu.Lock()
		m := q.oldestOf(only)
		if m != nil {
			q.unlink(m)
		}
		q.mu.Unlock()
		if m != nil {
			g.drop(m, why)
			return true
		}
	}
}

// oldestPart finds the part with the least recently used connection (of a peer, unless nil).
func (g *Group) oldestPart(only *peer) *part {
	var best *part
	var at int64
	for _, q := range g.parts {
		t := q.oldest.Load()
		if t != 0 && only != nil {
			t = 0
			q.mu.Lock()
			if m := q.oldestOf(only); m != nil {
				t = int64(m.idleAt)
			}
			q.mu.Unlock()
		}
		if t != 0 && (best == nil || t < at) {
			best, at = q, t
		}
	}
	return best
}

// oldestOf is the part's least recently used member, of one peer unless that is nil. The lock is held.
// For a peer it walks the list: only a server at its max_conns comes here.
func (p *part) oldestOf(only *peer) *member {
	m := p.used.oldest
	for m != nil && only != nil && m.key.peer != only {
		m = m.links[byPart].newer
	}
	return m
}

// CloseOldest, for when descriptors run out, closes the group's least recently used idle connection and tells whether there was one.
// From any goroutine.
func (g *Group) CloseOldest() bool {
	if !g.evict(nil, Evicted) {
		return false
	}
	g.budget.deposit(1)
	return true
}
