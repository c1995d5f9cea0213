package pool_test

import (
	"errors"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// carrier is a shared connection as a protocol would make it, without the protocol.
type carrier struct {
	w      *world
	conn   *conn.Conn
	shared *pool.Shared
	limit  int
	checks int
	shut   []pool.Close
}

func (c *carrier) Limit() int { return c.limit }
func (c *carrier) Check()     { c.checks++ }
func (c *carrier) Shut(why pool.Close) {
	c.shut = append(c.shut, why)
	c.conn.Close()
}

// tells runs what the protocol has to say to the pool.
func (c *carrier) tells(say func()) {
	c.w.sim.Do(c.conn.Loop(), say)
}

// ends is the peer's end of the connection.
func (c *carrier) ends() {
	c.tells(func() {
		c.conn.Close()
		c.shared.Lost(pool.UpstreamEOF)
	})
}

// place is one exchange's place on a shared connection, or its wait for one.
type place struct {
	*world
	pool.Waiter
	loop *loop.Loop
	c    *carrier
}

// joins asks for a place on loop i. Connections take as many exchanges as limit says.
func (w *world) joins(i, limit int, want pool.Want) *place {
	w.t.Helper()
	p := &place{world: w, loop: w.loops[i]}
	k := w.g.Peer(pool.Identity{Addr: backend, Proto: "h2"})
	w.sim.Do(p.loop, func() {
		if w.g.Join(p.loop, k, want, &p.Waiter) {
			w.g.Open(p.loop, k, pool.Opener{Dialer: w.net, Timeout: 10 * time.Second, Carry: func(c *conn.Conn, s *pool.Shared) pool.Carrier {
				return &carrier{w: w, conn: c, shared: s, limit: limit}
			}})
		}
	})
	return p.look()
}

// look takes in what has become of the wait.
func (p *place) look() *place {
	if p.Lease.Carrier != nil {
		p.c = p.Lease.Carrier.(*carrier)
	}
	return p
}

func (w *world) join() *place { w.t.Helper(); return w.joins(0, 100, pool.Want{}) }

func (p *place) wantOn(c *carrier) *place {
	p.t.Helper()
	if p.look().c == nil {
		p.t.Fatal("has no place")
	}
	if p.c != c {
		p.t.Fatal("is on another connection")
	}
	return p
}

func (p *place) wantWaiting() *place {
	p.t.Helper()
	if p.Done.IsSet() {
		p.t.Fatal("does not wait any more")
	}
	return p
}

func (p *place) leaves() pool.Close {
	how := pool.Error
	p.sim.Do(p.loop, func() { how = p.Lease.Release(pool.Kept) })
	return how
}

func (p *place) leavesKept() {
	p.t.Helper()
	if how := p.leaves(); how != pool.Kept {
		p.t.Fatalf("the connection was closed: %v", how)
	}
}

func (w *world) wantDials(n int) {
	w.t.Helper()
	if got := w.net.Dials[backend]; got != n {
		w.t.Fatalf("%d dialled, want %d", got, n)
	}
}

// "up to the peer's MAX_CONCURRENT_STREAMS, a new one dialled only when all are full"
func TestExchangesShareAConnectionUntilItIsFull(t *testing.T) {
	w := newWorld(t, usual)
	a := w.joins(0, 2, pool.Want{})
	b := w.joins(0, 2, pool.Want{}).wantOn(a.c)
	c := w.joins(0, 2, pool.Want{})
	if c.c == a.c {
		t.Fatal("a full connection took another exchange")
	}
	if a.Lease.Reused || !b.Lease.Reused || b.Lease.Requests != 2 || c.Lease.Miss != pool.NoIdle {
		t.Errorf("reused %v %v, requests %d, miss %v", a.Lease.Reused, b.Lease.Reused, b.Lease.Requests, c.Lease.Miss)
	}
	w.wantDials(2)
	s := w.stats()
	if s.Active != 3 || s.Dials != 2 || s.Reuses != 1 {
		t.Errorf("active %d, dials %d, reuses %d", s.Active, s.Dials, s.Reuses)
	}
	for _, p := range []*place{a, b, c} {
		p.leavesKept()
	}
	w.wantIdle(2)
}

// "Fullest first, so that surplus ones idle out."
func TestTheFullestIsTakenFirst(t *testing.T) {
	w := newWorld(t, usual)
	var all []*place
	for range 6 {
		all = append(all, w.joins(0, 3, pool.Want{}))
	}
	first, second := all[0].c, all[5].c
	all[3].leavesKept()
	all[4].leavesKept()
	all[0].leavesKept() // two on the first, one on the second
	p := w.join().wantOn(first)
	p.leavesKept()
	all[5].leavesKept()
	for range 30 {
		w.advance(5 * time.Second)
		w.join().wantOn(first).leavesKept()
	}
	if len(second.shut) != 1 || second.shut[0] != pool.IdleTimeout {
		t.Errorf("the surplus one ended with %v", second.shut)
	}
	all[1].leavesKept()
	all[2].leavesKept()
}

// "exchanges that come while one is being dialled wait for it together"
func TestThoseWhoComeDuringTheDialWaitForIt(t *testing.T) {
	w := newWorld(t, usual)
	w.net.Hang(backend)
	a, b := w.join().wantWaiting(), w.join().wantWaiting()
	w.wantDials(1)
	w.sim.Do(w.loops[0], a.Cancel)
	b.wantWaiting()
	w.advance(10 * time.Second)
	if !b.Done.IsSet() || !errors.Is(b.Err, loop.ErrTimeout) {
		t.Errorf("the one that waited on: %v", b.Err)
	}
	if s := w.stats(); s.Active != 0 || s.DialsFailed != 1 {
		t.Errorf("active %d, dials failed %d", s.Active, s.DialsFailed)
	}
}

func TestADialForWhichNobodyWaitsAnyMoreIsKept(t *testing.T) {
	w := newWorld(t, usual)
	p := &place{world: w, loop: w.loops[0]}
	k := w.g.Peer(pool.Identity{Addr: backend, Proto: "h2"})
	var made *carrier
	w.sim.Do(p.loop, func() {
		w.g.Join(p.loop, k, pool.Want{}, &p.Waiter)
		w.g.Open(p.loop, k, pool.Opener{Dialer: w.net, Carry: func(c *conn.Conn, s *pool.Shared) pool.Carrier {
			made = &carrier{w: w, conn: c, shared: s, limit: 1}
			return made
		}})
		p.Cancel()
	})
	w.wantIdle(1)
	w.join().wantOn(made).leavesKept()
}

func TestMoreThanTheDialledOneTakesAskAgain(t *testing.T) {
	w := newWorld(t, usual)
	k := w.g.Peer(pool.Identity{Addr: backend, Proto: "h2"})
	var waiters [3]pool.Waiter
	w.sim.Do(w.loops[0], func() {
		for i := range waiters {
			if w.g.Join(w.loops[0], k, pool.Want{}, &waiters[i]) {
				w.g.Open(w.loops[0], k, pool.Opener{Dialer: w.net, Carry: func(c *conn.Conn, s *pool.Shared) pool.Carrier {
					return &carrier{w: w, conn: c, shared: s, limit: 1}
				}})
			}
		}
	})
	if waiters[0].Lease.Carrier == nil || waiters[1].Err != pool.ErrAgain || waiters[2].Err != pool.ErrAgain {
		t.Errorf("%v, %v, %v", waiters[0].Lease.Carrier, waiters[1].Err, waiters[2].Err)
	}
	w.sim.Do(w.loops[0], func() { waiters[0].Lease.Release(pool.Kept) })
}

// "PING check on a connection that has been idle for a while before use"
func TestAnIdleSharedOneIsCheckedFirst(t *testing.T) {
	t.Run("and used if the peer is there", func(t *testing.T) {
		w := newWorld(t, usual)
		p := w.join()
		c := p.c
		p.leavesKept()
		w.advance(9 * time.Second)
		w.join().wantOn(c).leavesKept()
		w.advance(11 * time.Second)
		a, b := w.join().wantWaiting(), w.join().wantWaiting()
		if c.checks != 1 {
			t.Fatalf("%d checks", c.checks)
		}
		c.tells(c.shared.Checked)
		a.wantOn(c).leavesKept()
		b.wantOn(c).leavesKept()
		w.wantDials(1)
	})
	t.Run("sooner for a request that is not idempotent", func(t *testing.T) {
		limits := usual
		limits.IdleTimeout = 4 * time.Second
		w := newWorld(t, limits)
		p := w.join()
		c := p.c
		p.leavesKept()
		w.advance(3 * time.Second)
		a := w.joins(0, 1, pool.Want{NonIdempotent: true}).wantWaiting()
		c.tells(c.shared.Checked)
		a.wantOn(c).leavesKept()
	})
	t.Run("and another one is asked for if not", func(t *testing.T) {
		w := newWorld(t, usual)
		p := w.join()
		c := p.c
		p.leavesKept()
		w.advance(11 * time.Second)
		a := w.join().wantWaiting()
		c.ends()
		if a.Err != pool.ErrAgain {
			t.Fatalf("err %v", a.Err)
		}
		w.wantClosed(pool.UpstreamEOF)
		w.join().leavesKept()
		w.wantDials(2)
	})
	t.Run("and is idle again if nobody waits for the answer", func(t *testing.T) {
		w := newWorld(t, usual)
		p := w.join()
		c := p.c
		p.leavesKept()
		w.advance(11 * time.Second)
		a := w.join().wantWaiting()
		w.sim.Do(w.loops[0], a.Cancel)
		c.tells(c.shared.Checked)
		w.wantIdle(1)
	})
}

// "GOAWAY: no new streams"
func TestOneThatIsRetiredEndsWithItsLastExchange(t *testing.T) {
	w := newWorld(t, usual)
	a, b := w.join(), w.join()
	old := a.c
	old.tells(func() { old.shared.Retire(pool.UpstreamConnectionClose) })
	c := w.join()
	if c.c == old {
		t.Fatal("a retired connection took another exchange")
	}
	a.leavesKept()
	if how := b.leaves(); how != pool.UpstreamConnectionClose {
		t.Errorf("the last one ended with %v", how)
	}
	w.wantClosed(pool.UpstreamConnectionClose)
	c.leavesKept()
	idle := c.c
	idle.tells(func() { idle.shared.Retire(pool.UpstreamConnectionClose) })
	w.wantClosed(pool.UpstreamConnectionClose)
	if len(old.shut) != 1 || len(idle.shut) != 1 {
		t.Errorf("shut %v, %v", old.shut, idle.shut)
	}
}

func TestOneThatIsLostIsCountedOnce(t *testing.T) {
	w := newWorld(t, usual)
	a, b := w.join(), w.join()
	a.c.ends()
	w.wantClosed(pool.UpstreamEOF)
	for _, p := range []*place{a, b} {
		if how := p.leaves(); how != pool.UpstreamEOF {
			t.Errorf("released: %v", how)
		}
	}
	w.wantClosed()
	w.join().leavesKept()
	w.wantDials(2)
}

func TestALimitThatFallsToZeroIsWaitedOutElsewhere(t *testing.T) {
	w := newWorld(t, usual)
	a := w.join()
	a.c.limit = 0
	a.c.tells(a.c.shared.Changed)
	b := w.join()
	if b.c == a.c {
		t.Fatal("a connection that takes none took one")
	}
	b.leavesKept()
	a.leavesKept()
	w.wantIdle(2)
	c := w.join().wantOn(b.c)
	a.c.limit = 1
	c.leavesKept()
}

// The limits of the upstream block hold for shared connections as for others.
func TestLimitsOfSharedConnections(t *testing.T) {
	t.Run("keepalive_requests", func(t *testing.T) {
		limits := usual
		limits.Requests = 2
		w := newWorld(t, limits)
		a, b := w.join(), w.join()
		w.join().leavesKept()
		w.wantDials(2)
		a.leavesKept()
		if how := b.leaves(); how != pool.MaxRequests {
			t.Errorf("released: %v", how)
		}
		w.wantClosed(pool.MaxRequests)
	})
	t.Run("keepalive_time", func(t *testing.T) {
		w := newWorld(t, usual)
		a := w.join()
		w.advance(time.Hour)
		b := w.join()
		if b.c == a.c {
			t.Error("one that is too old took another exchange")
		}
		if how := a.leaves(); how != pool.MaxAge {
			t.Errorf("released: %v", how)
		}
		b.leavesKept()
		w.wantClosed(pool.MaxAge)
	})
	t.Run("keepalive 0", func(t *testing.T) {
		limits := usual
		limits.Idle = 0
		w := newWorld(t, limits)
		a, b := w.join(), w.join()
		b.wantOn(a.c).leavesKept()
		if how := a.leaves(); how != pool.Disabled || b.Lease.Miss != pool.Hit || a.Lease.Miss != pool.Off {
			t.Errorf("released: %v", how)
		}
		w.wantClosed(pool.Disabled)
	})
	t.Run("max_conns", func(t *testing.T) {
		w := newWorld(t, usual)
		w.g.SetMaxConns(backend, 1)
		a := w.joins(0, 1, pool.Want{})
		b := w.joins(0, 1, pool.Want{})
		if !b.Lease.Full {
			t.Fatal("more connections than max_conns")
		}
		b.leaves()
		a.leavesKept()
		c := w.joins(1, 1, pool.Want{}) // the idle one of the other loop makes room
		if c.look().c == nil {
			t.Fatal("has no place")
		}
		w.wantClosed(pool.Evicted)
		c.leavesKept()
	})
	t.Run("keepalive N", func(t *testing.T) {
		limits := usual
		limits.Idle = 1
		w := newWorld(t, limits)
		a, b := w.joins(0, 1, pool.Want{}), w.joins(1, 1, pool.Want{})
		first := a.c
		a.leavesKept()
		b.leavesKept()
		w.wantClosed(pool.Evicted)
		w.wantIdle(1)
		if len(first.shut) != 1 {
			t.Error("the one evicted from another loop was not shut")
		}
	})
}

// "An HTTP/2 connection to a peer belongs to one loop"
func TestEveryLoopHasItsOwn(t *testing.T) {
	w := newWorld(t, usual)
	a, b := w.joins(0, 100, pool.Want{}), w.joins(1, 100, pool.Want{})
	if a.c == b.c || b.c.conn.Loop() != w.loops[1] {
		t.Error("two loops share a connection")
	}
	a.leavesKept()
	b.leavesKept()
	w.joins(1, 100, pool.Want{}).wantOn(b.c).leavesKept()
}

func TestSharedConnectionsOfARemovedPeer(t *testing.T) {
	w := newWorld(t, usual)
	a, b := w.join(), w.joins(1, 100, pool.Want{})
	idle := b.c
	b.leavesKept()
	w.g.RemovePeer(backend)
	w.sim.Run()
	if len(idle.shut) != 1 || idle.shut[0] != pool.PeerRemoved {
		t.Errorf("the idle one: %v", idle.shut)
	}
	if how := a.leaves(); how != pool.PeerRemoved {
		t.Errorf("released: %v", how)
	}
}

func TestAReloadKeepsSharedConnections(t *testing.T) {
	w := newWorld(t, usual)
	a := w.join()
	w.g.Retain([]conn.Addr{backend})
	w.g.SetLimits(usual)
	w.sim.Run()
	w.join().wantOn(a.c).leavesKept()
	a.leavesKept()
	w.g.Retain([]conn.Addr{backend})
	w.sim.Run()
	w.join().wantOn(a.c).leavesKept()
}

// RFC 9113, section 8.7: a request that was refused may be sent again, whatever its method.
func TestARefusedRequestIsSentAgainTwice(t *testing.T) {
	refused := pool.Failure{Refused: true, RequestWritten: true, Replayable: true}
	for races, want := range []pool.Verdict{{Race: true, Retry: true}, {Race: true, Retry: true, Fresh: true}, {}} {
		refused.Races = races
		if got := pool.Race(refused); got != want {
			t.Errorf("after %d: %+v, want %+v", races, got, want)
		}
	}
	lost := pool.Failure{Refused: true, RequestWritten: true}
	if got := pool.Race(lost); got != (pool.Verdict{Race: true}) {
		t.Errorf("a body that is gone: %+v", got)
	}
}
