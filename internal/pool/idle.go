package pool

import (
	"errors"
	"io"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// mayIdle is how long the connection may lie idle, 0 for as long as it likes, and the reason it is
// then closed for. It is worked out anew each time, so changed limits and new knowledge about the
// peer hold for connections that are idle already.
func (m *member) mayIdle(lim *Limits, now loop.Instant) (time.Duration, Close) {
	d, why := lim.IdleTimeout, IdleTimeout
	if !lim.Learn {
		return d, why
	}
	t := m.hint.timeout
	if t == 0 {
		t = m.key.peer.learned.believed(now)
	}
	if t > 0 && (d == 0 || t < d) {
		return t, LearnedTimeout
	}
	return d, why
}

// sweepPause is the least time between two sweeps of a part, so that a thousand connections that end
// within a second cost twenty walks and not a thousand. One may thus be closed that much late; a lease
// looks at the time itself and never gets an overdue one.
const sweepPause = 50 * time.Millisecond

// expect sees to it that the part is swept by the time a connection, just linked, that may idle for d is due. On the
// part's loop. Usually an older one is due before it and there is nothing to do.
func (p *part) expect(d time.Duration, now loop.Instant) {
	if d == 0 {
		return
	}
	if due := now.Add(d); !p.timer.Pending() || due < p.timer.At() {
		p.timer.Reset(p.loop, due, p)
	}
}

// OnTimer is the end of some connection's idle time.
func (p *part) OnTimer(*loop.Timer) { p.sweep() }

// sweep closes the part's overdue connections and sets the timer for the next. On the part's loop.
func (p *part) sweep() {
	now, lim := p.loop.Now(), p.group.limits.Load()
	var next loop.Instant
	p.mu.Lock()
	for m := p.used.oldest; m != nil; {
		newer := m.links[byPart].newer
		if d, _ := m.mayIdle(lim, now); d > 0 {
			switch due := m.idleAt.Add(d); {
			case due <= now:
				p.unlink(m)
				p.spare++
				p.overdue = append(p.overdue, m)
			case next == 0 || due < next:
				next = due
			}
		}
		m = newer
	}
	p.mu.Unlock()
	for i, m := range p.overdue {
		_, why := m.mayIdle(lim, now)
		p.group.drop(m, why)
		p.overdue[i] = nil
	}
	p.overdue = p.overdue[:0]
	if next == 0 {
		p.timer.Stop()
		return
	}
	p.timer.Reset(p.loop, max(next, now.Add(sweepPause)), p)
}

// ConnReady is the poller's word that something happened to an idle connection: the peer closed or
// reset it, or sent a byte. None of these is ever trusted, so it is closed at once; what a byte
// on an idle connection said must not become the answer to the next request.
//
// TLS has things to say of its own on an idle connection, such as session tickets, and to hear them takes more than a look: it
// writes, and uses what belongs to the connection's loop. So there the look is taken in a turn of that loop. Until
// then it counts as idle; a lease that is quicker looks itself, since the event shows in Unsettled.
//
// About who runs this, see steal.go.
func (m *member) ConnReady(c *conn.Conn) {
	p := m.part.Load()
	if c.TLS() != nil {
		p.loop.Post(func() { m.look(p) })
		return
	}
	m.look(p)
}

// look is taken under the part's lock, so that no thief moves the connection to another loop between the look and its
// removal. It is one system call that cannot block (a few with TLS), on a path that nearly always ends the connection.
func (m *member) look(p *part) {
	p.mu.Lock()
	if !m.linked || m.part.Load() != p {
		p.mu.Unlock() // stolen or taken since the event was fetched
		return
	}
	err := m.conn.Peek()
	if err == nil || err == conn.ErrPartial {
		p.mu.Unlock() // an event overtaken by a move, or TLS's own: quiet and alive
		return
	}
	p.unlink(m)
	p.spare++
	p.mu.Unlock()
	why, idleAt := reasonOf(err), m.idleAt
	if why == UpstreamEOF && m.hint.timeout == 0 {
		learned := &m.key.peer.learned
		p.loop.Post(func() { learned.observe(idleAt, p.loop.Now()) }) // only there is the clock ours to read
	}
	p.group.drop(m, why)
}

// reasonOf names what a look at an idle connection found.
func reasonOf(err error) Close {
	switch {
	case errors.Is(err, io.EOF):
		return UpstreamEOF
	case errors.Is(err, conn.ErrUnexpected), err == conn.ErrPartial:
		return UnexpectedData
	}
	return Error
}
