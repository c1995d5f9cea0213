package pool

import (
	"slices"
	"time"

	"hearth/internal/loop"
)

// Carrier is a connection that carries several exchanges at once, as the pool sees it: an HTTP/2 connection. It belongs to
// one loop, on which all calls are made, both ways.
type Carrier interface {
	// Limit is how many exchanges it carries at once by now; 0 when it takes no new ones at present.
	Limit() int
	// Check asks the peer whether it is still there. Shared.Checked tells that it is, Shared.Lost that it is not.
	Check()
	// Shut ends the connection, on which no exchange is. It may have been lost meanwhile.
	Shut(why Close)
}

// Shared is a Carrier's record in the pool, from the end of its dial until it is closed. It stays on its loop: nothing but
// that loop's exchanges use it, so what is not in m is the loop's own and needs no lock.
//
// While no exchange is on it, its member lies among the idle ones as any other connection's does: it counts
// for `keepalive N`, is timed out, evicted and drained by the same code. Whoever unlinks it there, from whichever goroutine, ends it;
// the end is carried out on its loop.
type Shared struct {
	m        member
	carrier  Carrier
	active   int   // exchanges on it
	checking bool  // the peer has been asked whether it is there: those who wait get a place when it answers
	ending   Close // why it takes no new exchange; Kept = it does
	over     bool  // closed
}

// shares is what one loop has of a key's shared connections, besides the idle ones, and who waits for a place on one.
type shares struct {
	busy    []*Shared // with exchanges, or being checked
	opening int       // connections being dialled or checked
	first   *Waiter   // in the order they came
	last    *Waiter
	waiting int
	_       [64]byte // those of other loops lie beside
}

// assumedLimit is how many exchanges a connection is taken to carry before the peer has said (RFC 9113, section 6.5.2,
// recommends no fewer): for so many the dial of one is waited for.
const assumedLimit = 100

// checkAfter is how long a shared connection may have been idle to be used without a check.
const checkAfter = 10 * time.Second

// room is how many more exchanges it takes.
func (s *Shared) room() int {
	if s.ending != Kept || s.checking {
		return 0
	}
	return s.carrier.Limit() - s.active
}

// fullest finds the connection with the most exchanges that takes another. So surplus ones empty, and idle out.
func (sh *shares) fullest(lim *Limits, now loop.Instant) *Shared {
	var best *Shared
	for _, s := range sh.busy {
		if s.ending == Kept && lim.MaxAge > 0 && now.Sub(s.m.born) >= lim.MaxAge {
			s.ending = MaxAge
		}
		if s.room() > 0 && (best == nil || s.active > best.active) {
			best = s
		}
	}
	return best
}

// wakeIdle takes the most recently used idle connection of k on this loop; nil if there is none that takes exchanges. It
// stays this loop's concern alone.
func (g *Group) wakeIdle(p *part, k *Key, lim *Limits, now loop.Instant) *Shared {
	for {
		p.mu.Lock()
		m := k.stacks[p.at].newest
		for m != nil && m.shared.carrier.Limit() == 0 {
			m = m.links[byKey].older
		}
		if m == nil {
			p.mu.Unlock()
			return nil
		}
		p.unlink(m)
		p.spare++
		p.mu.Unlock()
		if allowed, why := m.mayIdle(lim, now); allowed > 0 && now.Sub(m.idleAt) >= allowed {
			g.drop(m, why)
			continue
		}
		if why := m.allowed(lim, now); why != Kept {
			g.drop(m, why)
			continue
		}
		return m.shared
	}
}

// grant gives a place to w.
func (s *Shared) grant(w *Waiter, reused bool) {
	m, ls := &s.m, &w.Lease
	s.active++
	m.requests++
	g, now := m.key.group, w.part.loop.Now()
	if lim := g.limits.Load(); lim.Requests > 0 && m.requests >= lim.Requests {
		s.ending = MaxRequests
	}
	ls.m, ls.share, ls.Carrier, ls.Requests = m, s, s.carrier, m.requests
	fig := figMiss + int(ls.Miss)
	if reused {
		ls.Reused, ls.Miss, fig = true, Hit, figReuse
		if s.active == 1 && m.idleAt != 0 {
			ls.Idle = now.Sub(m.idleAt)
		}
	}
	m.key.peer.figures.Block(w.part.at)[fig].Add(1)
	m.key.peer.notePeak()
	w.Done.Set(w.part.loop)
}

// release ends an exchange on s, and says whether the connection was closed with it.
func (s *Shared) release(now loop.Instant) Close {
	s.active--
	if s.over {
		return s.ending
	}
	p := s.m.part.Load()
	if s.active > 0 {
		s.m.key.serve(p)
		return Kept
	}
	return s.rest(p, now)
}

// rest makes a connection idle on which no exchange is any more, or closes it if something speaks against that.
func (s *Shared) rest(p *part, now loop.Instant) Close {
	g, sh := s.m.key.group, &s.m.key.shares[p.at]
	sh.remove(s)
	why := s.ending
	if why == Kept {
		why = s.m.allowed(g.limits.Load(), now)
	}
	if why == Kept {
		why = p.put(&s.m, now)
	}
	if why != Kept {
		s.ending = why
		g.drop(&s.m, why)
	}
	return why
}

func (sh *shares) remove(s *Shared) {
	if i := slices.Index(sh.busy, s); i >= 0 {
		sh.busy = slices.Delete(sh.busy, i, i+1)
	}
}

// shut ends the connection, by drop. It may be called from any goroutine, so what is the loop's own is done there.
func (s *Shared) shut(why Close) {
	s.m.part.Load().loop.Post(func() {
		if !s.over {
			s.over, s.ending = true, why
			s.carrier.Shut(why)
		}
	})
}

// Changed says that the carrier's Limit may be another now.
func (s *Shared) Changed() {
	if !s.over {
		s.m.key.serve(s.m.part.Load())
	}
}

// Checked is the peer's answer to Carrier.Check.
func (s *Shared) Checked() {
	if !s.checking || s.over {
		return
	}
	p := s.m.part.Load()
	s.checking = false
	s.m.key.shares[p.at].opening--
	s.m.key.serve(p)
	if s.active == 0 { // those who waited for it have gone
		s.rest(p, p.loop.Now())
	}
}

// Retire says that the connection takes no new exchanges any more (GOAWAY); it is closed when the last one on it has ended.
func (s *Shared) Retire(why Close) {
	if s.over || s.ending != Kept {
		return
	}
	s.ending = why
	if s.checking {
		s.Checked()
		return
	}
	if s.active == 0 {
		s.leaveIdle(why)
	}
}

// Lost says that the connection has ended, and that the carrier has closed it. The exchanges on it have been told by the carrier, and
// still have to be released.
func (s *Shared) Lost(why Close) {
	if s.over {
		return
	}
	p := s.m.part.Load()
	sh := &s.m.key.shares[p.at]
	if s.active == 0 && !s.checking {
		s.leaveIdle(why)
		return
	}
	sh.remove(s)
	s.over, s.ending = true, why
	s.m.key.group.ended(&s.m, why)
	if s.checking {
		s.checking = false
		sh.opening--
		s.m.key.serve(p)
	}
}

// leaveIdle ends a connection on which no exchange is. If somebody else has unlinked it first, he ends it.
func (s *Shared) leaveIdle(why Close) {
	p := s.m.part.Load()
	p.mu.Lock()
	linked := s.m.linked
	if linked {
		p.unlink(&s.m)
		p.spare++
	}
	p.mu.Unlock()
	if !linked {
		return
	}
	if why == UpstreamEOF || why == UpstreamConnectionClose {
		s.m.key.peer.learned.observe(s.m.idleAt, p.loop.Now())
	}
	s.over, s.ending = true, why
	s.carrier.Shut(why)
	s.m.key.group.ended(&s.m, why)
}
