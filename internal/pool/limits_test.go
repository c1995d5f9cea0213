package pool_test

import (
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/pool"
)

func (w *world) changes(change func(*pool.Limits)) {
	l := w.g.Limits()
	change(&l)
	w.g.SetLimits(l)
	w.sim.Run()
}

// idleOn leaves n connections idle on each of the two loops, the first returned first.
func (w *world) idleOn(n int) (all []*exchange) {
	for i := range 2 * n {
		all = append(all, w.requestOn(i%2))
	}
	for _, e := range all {
		e.released()
		w.advance(10 * time.Millisecond)
	}
	return all
}

// "changed limits apply at once"
func TestALoweredBoundClosesTheLeastRecentlyUsedAtOnce(t *testing.T) {
	w := newWorld(t, usual)
	all := w.idleOn(3)
	w.changes(func(l *pool.Limits) { l.Idle = 2 })
	w.wantClosed(pool.Evicted, pool.Evicted, pool.Evicted, pool.Evicted)
	for i, e := range all {
		if e.isClosed() != (i < 4) {
			t.Errorf("connection %d closed: %v", i, e.isClosed())
		}
	}
	three := times(3, w.request)
	three[0].released()
	three[1].released()
	three[2].released()
	w.wantIdle(2)
}

func TestALoweredBoundHoldsForLeasesThatAreOut(t *testing.T) {
	w := newWorld(t, usual)
	six := times(6, w.request)
	w.changes(func(l *pool.Limits) { l.Idle = 2 })
	for _, e := range six {
		e.releases(pool.Kept)
		if idle := w.stats().Idle; idle > 2 {
			t.Fatalf("%d idle", idle)
		}
	}
	w.wantIdle(2)
}

func TestARaisedBoundKeepsMore(t *testing.T) {
	limits := usual
	limits.Idle = 1
	w := newWorld(t, limits)
	four := times(4, w.request)
	four[0].released()
	four[1].released()
	w.wantClosed(pool.Evicted)
	w.changes(func(l *pool.Limits) { l.Idle = 3 })
	four[2].released()
	four[3].released()
	w.wantIdle(3)
}

func TestTurningKeepaliveOffClosesWhatIsIdle(t *testing.T) {
	w := newWorld(t, usual)
	out := w.request()
	w.served()
	w.changes(func(l *pool.Limits) { l.Idle = 0 })
	w.wantClosed(pool.Disabled)
	out.releasedAs(pool.Disabled)
	w.changes(func(l *pool.Limits) { l.Idle = 8 })
	e := w.served()
	w.request().wantReused(e).released()
}

func TestANewTimeoutHoldsForWhatIsIdleAlready(t *testing.T) {
	w := newWorld(t, usual)
	w.served()
	w.advance(20 * time.Second)
	w.changes(func(l *pool.Limits) { l.IdleTimeout = 30 * time.Second })
	w.advance(10*time.Second - time.Millisecond)
	w.wantNoneClosed()
	w.advance(time.Millisecond)
	w.wantClosed(pool.IdleTimeout)

	w.served()
	w.advance(20 * time.Second)
	w.changes(func(l *pool.Limits) { l.IdleTimeout = 10 * time.Second })
	w.wantClosed(pool.IdleTimeout)
}

// "`max_conns` on a server is a limit on all its connections, active and idle, of the whole process; an
// idle connection to it is closed, least recently used first, before a new identity would exceed it."
func TestMaxConnsCountsActiveAndIdle(t *testing.T) {
	w := newWorld(t, usual)
	w.g.SetMaxConns(backend, 3)
	tls := w.g.Peer(pool.Identity{Addr: backend, Proto: "HTTP/1.1", TLS: "sni=a"})

	first, second := w.requestOn(0), w.requestOn(1)
	third := w.requestOn(0)
	if e := w.requestOn(1); !e.Full {
		t.Fatal("a fourth connection was allowed")
	} else {
		e.releases(pool.Error)
	}
	first.released()
	w.advance(time.Second)
	second.released()

	other := w.leases(0, tls, pool.Want{}).wantDialled(pool.OtherIdentity)
	w.wantClosed(pool.Evicted)
	if !first.isClosed() {
		t.Error("not the least recently used was closed")
	}
	if w.stats().Full != 1 {
		t.Errorf("refused %d, want 1", w.stats().Full)
	}
	other.released()
	third.released()
	w.requestOn(0).wantReused(third).released()
}

func TestMaxConnsOfOnePeerIsNotAnothers(t *testing.T) {
	w := newWorld(t, usual)
	w.listen(conn.MustAddr("10.0.0.2:80"))
	w.g.SetMaxConns(backend, 1)
	full := w.request()
	other := times(3, func() *exchange { return w.leases(0, w.key("10.0.0.2:80"), pool.Want{}) })
	for _, e := range other {
		e.wantDialled(pool.NoIdle).released()
	}
	full.released()
}
