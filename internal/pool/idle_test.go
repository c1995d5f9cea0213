package pool_test

import (
	"testing"
	"time"

	"hearth/internal/pool"
)

// "keeps idle connections registered with the poller: a FIN, RST or any byte removes and closes them at
// once (a byte on an idle connection is never trusted)".
func TestAnythingThatHappensToAnIdleConnectionEndsIt(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*exchange)
		why     pool.Close
	}{
		"FIN":  {(*exchange).peerCloses, pool.UpstreamEOF},
		"RST":  {(*exchange).peerResets, pool.Error},
		"byte": {func(e *exchange) { e.peerSends("H") }, pool.UnexpectedData},
		"byte and FIN": {func(e *exchange) {
			e.peers[e.conn].Send([]byte("HTTP/1.1 408 Request Timeout\r\n"))
			e.peerCloses()
		}, pool.UnexpectedData},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual)
			e := w.served()
			c.happens(e)
			w.wantClosed(c.why)
			w.wantIdle(0)
			w.request().wantDialled(pool.NoIdle).released()
		})
	}
}

// The same when it came before the release, where no event will tell of it any more.
func TestBytesBeyondTheResponseEndReuse(t *testing.T) {
	w := newWorld(t, usual)
	e := w.request()
	e.peerSends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\njunk")
	head := make([]byte, 38)
	w.sim.Do(e.loop, func() { e.conn.Read(head, 0) })
	e.releasedAs(pool.UnexpectedData)

	e = w.request()
	e.peerSends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	w.sim.Do(e.loop, func() { e.conn.Read(head, 0) }) // reads all, but the buffer is full: still marked readable
	e.released()
}

// "keepalive_timeout T: idle time after which it is closed"
func TestIdleTimeout(t *testing.T) {
	w := newWorld(t, usual)
	e := w.served()
	w.advance(59 * time.Second)
	w.wantNoneClosed()
	w.served().wantReused(e)
	w.advance(59 * time.Second)
	w.wantNoneClosed()
	w.advance(time.Second)
	w.wantClosed(pool.IdleTimeout)
	w.wantIdle(0)
}

func TestALeaseIsNotIdle(t *testing.T) {
	w := newWorld(t, usual)
	e := w.request()
	w.advance(10 * time.Minute)
	e.released()
	w.wantNoneClosed()
}

// One timer for all of a loop's: each is closed in its time, none waits for another's.
func TestEachEndsInItsOwnTime(t *testing.T) {
	w := newWorld(t, usual)
	all := times(10, w.request)
	for _, e := range all {
		e.released()
		w.advance(time.Second)
	}
	w.advance(50 * time.Second)
	for i := range all {
		if idle := w.stats().Idle; idle != int64(len(all)-1-i) {
			t.Fatalf("%d idle after the end of number %d", idle, i)
		}
		w.advance(time.Second)
	}
}

// A part sweeps twenty times a second at most; the lease itself never gets an overdue one.
func TestAnOverdueOneIsNotLent(t *testing.T) {
	w := newWorld(t, usual)
	first, second := w.request(), w.request()
	first.released()
	w.advance(20 * time.Millisecond)
	second.released()
	w.advance(60*time.Second - 20*time.Millisecond)
	w.wantClosed(pool.IdleTimeout)
	w.advance(20 * time.Millisecond)
	w.wantNoneClosed() // the sweep pauses
	w.request().wantDialled(pool.NoIdle).released()
	w.wantClosed(pool.IdleTimeout)
}

func TestWithoutATimeoutAConnectionStays(t *testing.T) {
	limits := usual
	limits.IdleTimeout = 0
	w := newWorld(t, limits)
	e := w.served()
	w.advance(59 * time.Minute)
	w.request().wantReused(e).released()
}
