package pool

import (
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// Want is what a request asks of the connection it is lent.
type Want struct {
	Fresh         bool // must be dialled: the second try after an idle race
	NonIdempotent bool // must not risk the idle race where that can be avoided
}

// Lease is one exchange's hold on a connection. It is embedded in the exchange and costs no
// allocation. Whatever happens, it ends with one Release.
//
// With a Conn, the connection was idle and is now the holder's. Without, the caller dials, as Miss says
// why, and calls Adopt; if that fails, Release gives back the place that was reserved. Full means that
// the peer's max_conns leaves no place: the caller takes another peer (and still calls Release).
type Lease struct {
	Conn     *conn.Conn
	Carrier  Carrier // the connection instead of Conn, where it is shared: see Join
	Reused   bool
	Full     bool
	Miss     Miss
	Requests int           // exchanges on this connection, this one included
	Idle     time.Duration // how long it had been idle

	key   *Key
	part  *part
	m     *member
	share *Shared // nil where the connection carries one exchange at a time
	began loop.Instant
}

// lookAgain is how long a connection may have been idle to be taken without a look at the socket.
const lookAgain = time.Millisecond

// Lease lends a connection of identity k to a request that runs on loop l.
func (g *Group) Lease(l *loop.Loop, k *Key, want Want) Lease {
	p := g.parts[l.ID()]
	ls := Lease{key: k, part: p, began: l.Now()}
	lim := g.limits.Load()
	switch {
	case lim.Idle == 0:
		ls.Miss = Off
	case want.Fresh:
		ls.Miss = FreshRequired
	default:
		var m *member
		if m, ls.Miss = g.take(p, k, lim, want.NonIdempotent, ls.began); m != nil {
			g.grant(&ls, m)
			return ls
		}
	}
	if !g.reserve(p, k) {
		ls.Full = true
		k.peer.figures.Block(p.at)[figFull].Add(1)
		return ls
	}
	if ls.Miss == NoIdle && g.othersIdle(k) {
		ls.Miss = OtherIdentity
	}
	k.peer.figures.Block(p.at)[figMiss+int(ls.Miss)].Add(1)
	k.peer.notePeak()
	return ls
}

// take finds a living idle connection of k. Dead and overdue ones it comes across are closed.
func (g *Group) take(p *part, k *Key, lim *Limits, careful bool, now loop.Instant) (*member, Miss) {
	miss := NoIdle
	for {
		q := g.source(p, k, careful, now)
		if q == nil {
			return nil, miss
		}
		m, risky := q.pop(k, lim, careful, now)
		if risky {
			return nil, FreshRequired
		}
		if m == nil || !g.takeOver(p, q, m) {
			continue // another loop was quicker
		}
		idle := now.Sub(m.idleAt)
		if allowed, why := m.mayIdle(lim, now); allowed > 0 && idle >= allowed {
			g.drop(m, why)
			continue
		}
		// Unsettled covers what the poller has reported already, whatever the age.
		if q != p || idle > lookAgain || m.conn.Unsettled() {
			if err := m.conn.Peek(); err != nil {
				miss = Raced
				g.drop(m, reasonOf(err))
				continue
			}
		}
		return m, Hit
	}
}

// source chooses the part to take from: the loop's own, then the one whose connection was used last. A
// request that must not run into the idle race gets the most recently used of all, but for the
// last 100 ms: within those no backend's patience differs, and the own one costs no move.
func (g *Group) source(p *part, k *Key, careful bool, now loop.Instant) *part {
	own := k.stacks[p.at].newestAt.Load()
	if own != 0 && (!careful || now.Sub(loop.Instant(own)) <= 100*time.Millisecond) {
		return p
	}
	if q := g.newestElsewhere(p, k); q != nil && (own == 0 || k.stacks[q.at].newestAt.Load() > own) {
		return q
	}
	if own != 0 {
		return p
	}
	return nil
}

// pop unlinks the part's most recently used connection of k; nil if there is none any more. Its token
// stays with the part. A careful request leaves one that has been idle for more than half of
// the time it is allowed: its peer may be about to close it.
func (p *part) pop(k *Key, lim *Limits, careful bool, now loop.Instant) (m *member, risky bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m = k.stacks[p.at].newest; m == nil {
		return nil, false
	}
	if careful {
		if allowed, _ := m.mayIdle(lim, now); allowed > 0 && now.Sub(m.idleAt) > allowed/2 {
			return nil, true
		}
	}
	p.unlink(m)
	p.spare++
	return m, false
}

// grant hands an unlinked member of the running loop to the lease.
func (g *Group) grant(ls *Lease, m *member) {
	m.requests++
	ls.m, ls.Conn, ls.Reused, ls.Miss = m, m.conn, true, Hit
	ls.Requests = m.requests
	ls.Idle = ls.began.Sub(m.idleAt)
	k := m.key
	k.peer.figures.Block(ls.part.at)[figReuse].Add(1)
	k.peer.notePeak()
	if w := k.warm.Load(); w != nil {
		w.wake()
	}
}

// Adopt gives the lease the connection that was dialled for it, and how long that took.
func (ls *Lease) Adopt(c *conn.Conn, took Took) {
	p, k := ls.part, ls.key
	m := newMember(c, k, p, p.loop.Now())
	m.requests = 1
	ls.m, ls.Conn, ls.Requests = m, c, 1
	k.peer.figures.Block(p.at)[figDial].Add(1)
	k.peer.noteDial(took)
}

func newMember(c *conn.Conn, k *Key, p *part, now loop.Instant) *member {
	m := &member{conn: c, key: k, born: now}
	m.part.Store(p)
	return m
}

// KeepAlive notes what the response's Keep-Alive field said, before Release.
func (ls *Lease) KeepAlive(h Hint) {
	if ls.m != nil {
		ls.m.hint.hear(h, ls.m.requests)
	}
}

// Release ends the lease, on the loop that took it. With Kept the connection goes back to the pool, if
// nothing speaks against it; any other reason closes it. It returns how the connection ended: Kept,
// or the reason it was closed for. A lease without a connection gives its place back.
func (ls *Lease) Release(why Close) Close {
	p, k := ls.part, ls.key
	if p == nil {
		panic("pool: lease released twice")
	}
	g, m, now := k.group, ls.m, p.loop.Now()
	block := k.peer.figures.Block(p.at)
	ls.part, ls.m, ls.Conn = nil, nil, nil // what the lease tells stays readable, for the log
	if ls.Full {
		return why
	}
	block[figEnded].Add(1)
	if m == nil {
		block[figDialFailed].Add(1)
		g.closed(k)
		return why
	}
	if held := now.Sub(ls.began); held > 0 {
		block[figHeld].Add(int64(held))
	}
	if s := ls.share; s != nil {
		ls.share, ls.Carrier = nil, nil
		return s.release(now)
	}
	if why == Kept {
		why = m.keepable(g.limits.Load(), now)
	}
	if why == Kept {
		why = p.put(m, now)
	}
	if why != Kept {
		g.drop(m, why)
	}
	return why
}

// keepable judges a connection whose exchange ended cleanly.
func (m *member) keepable(lim *Limits, now loop.Instant) Close {
	if m.conn.Closed() {
		return Error
	}
	if m.conn.Posted() { // another loop could not send it, so it must not be lent; nobody asked for a response that came before it
		return RequestUnsent
	}
	if why := m.allowed(lim, now); why != Kept {
		return why
	}
	// Bytes beyond the response may be there already, and their event gone by: no other will come.
	// A clean exchange ends with a short read, which clears the mark, so this look is rare.
	// Of part of a TLS record nobody knows what it will be: the rest of it, or the next lease, decides.
	if m.conn.Unsettled() {
		if err := m.conn.Peek(); err != nil && err != conn.ErrPartial {
			return reasonOf(err)
		}
	}
	return Kept
}

// allowed says whether the limits, and the peer's own, let the connection serve another exchange.
func (m *member) allowed(lim *Limits, now loop.Instant) Close {
	switch {
	case lim.Idle == 0:
		return Disabled
	case lim.Requests > 0 && m.requests >= lim.Requests:
		return MaxRequests
	case lim.Learn && m.hint.lastRequest > 0 && m.requests >= m.hint.lastRequest:
		return MaxRequests
	case lim.MaxAge > 0 && now.Sub(m.born) >= lim.MaxAge:
		return MaxAge
	case lim.Learn && m.hint.atOnce:
		return LearnedTimeout
	}
	return Kept
}

// put links m, which nobody else knows yet. What may have changed since the lease (the group closes,
// the peer leaves) is looked at under the lock; see Close and RemovePeer.
func (p *part) put(m *member, now loop.Instant) Close {
	g, have := p.group, false
	m.idleAt = now
	idle, _ := m.mayIdle(g.limits.Load(), now) // asked now: once linked it may be a thief's, who changes what this reads
	p.mu.Lock()
	if p.spare > 0 {
		p.spare--
	} else {
		p.mu.Unlock()
		if have = g.token(p); !have {
			return Evicted
		}
		p.mu.Lock()
	}
	why := p.shut
	if why == Kept && m.key.peer.removed.Load() {
		why = PeerRemoved
	}
	if why != Kept {
		p.spare++
		p.mu.Unlock()
		return why
	}
	if m.shared == nil {
		m.conn.OnIdle(m) // lent before it is linked, because a thief may have it as soon as it is
	}
	p.link(m)
	p.mu.Unlock()
	p.expect(idle, now)
	return Kept
}
