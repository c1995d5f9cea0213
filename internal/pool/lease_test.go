package pool_test

import (
	"fmt"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/pool"
)

// "Return: kept."
func TestAConnectionIsReusedByTheNextRequest(t *testing.T) {
	w := newWorld(t, usual)
	first := w.request().wantDialled(pool.NoIdle).released()
	second := w.request().wantReused(first)
	if second.Requests != 2 {
		t.Errorf("$upstream_connection_requests = %d, want 2", second.Requests)
	}
	second.released()
	w.wantIdle(1)
	w.wantNoneClosed()
}

// "reuse is last in, first out, so surplus connections age out by themselves."
func TestTheLastReturnedIsReusedFirst(t *testing.T) {
	w := newWorld(t, usual)
	three := times(3, w.request)
	for _, e := range three {
		e.released()
	}
	for range 10 {
		w.request().wantReused(three[2]).released()
		w.advance(10 * time.Second)
	}
	w.wantClosed(pool.IdleTimeout, pool.IdleTimeout)
}

// "a loop takes from its own part first (last in, first out), then from the others', and dials only when
// no idle connection to that peer exists anywhere."
func TestALoopTakesFromTheOthersBeforeItDials(t *testing.T) {
	w := newWorld(t, usual)
	mine := w.requestOn(0)
	theirs := w.requestOn(1)
	mine.released()
	theirs.released()

	a := w.requestOn(0).wantReused(mine)
	b := w.requestOn(0).wantReused(theirs)
	w.requestOn(0).wantDialled(pool.NoIdle).released()

	a.released()
	b.released()
	if got := w.net.Dials[backend]; got != 3 {
		t.Errorf("%d dialled, want 3", got)
	}
}

func TestAStolenConnectionBelongsToTheThief(t *testing.T) {
	w := newWorld(t, usual)
	e := w.requestOn(1).released()
	stolen := w.requestOn(0).wantReused(e).released()
	if stolen.conn.Loop() != w.loops[0] {
		t.Error("the connection is still polled by its former loop")
	}
	stolen.peerCloses()
	w.wantClosed(pool.UpstreamEOF)
}

// "Two requests share a connection only if their identities are equal."
func TestOnlyEqualIdentitiesShare(t *testing.T) {
	plain := pool.Identity{Addr: backend, Proto: "HTTP/1.1"}
	for name, other := range map[string]pool.Identity{
		"another protocol":      {Addr: backend, Proto: "HTTP/2"},
		"another local address": {Addr: backend, Proto: "HTTP/1.1", Local: "10.0.0.9"},
		"another TLS name":      {Addr: backend, Proto: "HTTP/1.1", TLS: "sni=a"},
		"another location":      {Addr: backend, Proto: "HTTP/1.1", Scope: "/api"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual)
			w.leases(0, w.g.Peer(plain), pool.Want{}).released()
			e := w.leases(0, w.g.Peer(other), pool.Want{}).wantDialled(pool.OtherIdentity).released()
			w.leases(1, w.g.Peer(other), pool.Want{}).wantReused(e).released()
		})
	}
	w := newWorld(t, usual)
	other := conn.MustAddr("10.0.0.2:80")
	w.listen(other)
	w.request().released()
	w.leases(0, w.key("10.0.0.2:80"), pool.Want{}).wantDialled(pool.NoIdle).released()
}

// "raced (the idle one died as it was taken)", "looks once more (MSG_PEEK) when it takes one that has
// been idle longer than a millisecond".
func TestOneThatDiedBeforeItsEventCameIsNotLent(t *testing.T) {
	w := newWorld(t, usual)
	two := times(2, w.request)
	two[0].released()
	two[1].released()
	w.advance(2 * time.Millisecond)

	w.peers[two[1].conn].Close() // the loop has not turned since
	ls := w.g.Lease(w.loops[0], w.key("10.0.0.1:80"), pool.Want{})
	if !ls.Reused || ls.Conn != two[0].conn {
		t.Fatal("want the other idle connection")
	}
	w.wantClosed(pool.UpstreamEOF)
	ls.Release(pool.Kept)

	w.advance(2 * time.Millisecond)
	w.peers[two[0].conn].Reset()
	ls = w.g.Lease(w.loops[0], w.key("10.0.0.1:80"), pool.Want{})
	if ls.Reused || ls.Miss != pool.Raced {
		t.Fatalf("miss = %v, want raced", ls.Miss)
	}
	w.wantClosed(pool.Error)
	ls.Release(pool.Error)
}

// A stolen one is looked at however short it has been idle: its events went to another loop.
func TestAStolenOneIsAlwaysLookedAt(t *testing.T) {
	w := newWorld(t, usual)
	e := w.requestOn(1).released()
	w.peers[e.conn].Send([]byte("HTTP/1.1 200 OK\r\n"))
	ls := w.g.Lease(w.loops[0], w.key("10.0.0.1:80"), pool.Want{})
	if ls.Reused || ls.Miss != pool.Raced {
		t.Fatalf("reused %v, miss %v; want raced", ls.Reused, ls.Miss)
	}
	w.wantClosed(pool.UnexpectedData)
	ls.Release(pool.Error)
}

// "dialling afresh the second time"
func TestAFreshOneIsDialledThoughOthersAreIdle(t *testing.T) {
	w := newWorld(t, usual)
	w.request().released()
	w.leases(0, w.key("10.0.0.1:80"), pool.Want{Fresh: true}).wantDialled(pool.FreshRequired).released()
	w.wantIdle(2)
}

// "gives a non-idempotent request the most recently used connection, or a new one where that has been
// idle for more than half of the learned or configured timeout (fresh_required)."
func TestANonIdempotentRequestAvoidsTheIdleRace(t *testing.T) {
	t.Run("the most recently used of all loops", func(t *testing.T) {
		w := newWorld(t, usual)
		mine, theirs := w.requestOn(0), w.requestOn(1)
		mine.released()
		w.advance(10 * time.Second)
		theirs.released()
		w.advance(time.Second)
		w.post().wantReused(theirs).released()
	})
	t.Run("half of the configured timeout", func(t *testing.T) {
		w := newWorld(t, usual)
		e := w.request().released()
		w.advance(30 * time.Second)
		w.post().wantReused(e).released()
		w.advance(30*time.Second + time.Millisecond)
		w.post().wantDialled(pool.FreshRequired).released()
		w.wantNoneClosed()
	})
	t.Run("half of the announced timeout", func(t *testing.T) {
		w := newWorld(t, usual)
		e := w.request()
		e.KeepAlive(pool.Hint{Timeout: 5 * time.Second, HasTimeout: true})
		e.released()
		w.advance(2300 * time.Millisecond)
		w.post().wantDialled(pool.FreshRequired).released()
	})
	t.Run("a GET does not mind", func(t *testing.T) {
		w := newWorld(t, usual)
		e := w.request().released()
		w.advance(59 * time.Second)
		w.request().wantReused(e).released()
	})
}

// "keepalive 0 turns it off"
func TestWithKeepaliveOffNothingIsKept(t *testing.T) {
	off := usual
	off.Idle = 0
	w := newWorld(t, off)
	w.request().wantDialled(pool.Off).releasedAs(pool.Disabled)
	w.request().wantDialled(pool.Off).releasedAs(pool.Disabled)
}

// "keepalive_requests N: requests served on one connection, then it is closed"
func TestMaxRequests(t *testing.T) {
	three := usual
	three.Requests = 3
	w := newWorld(t, three)
	e := w.served()
	w.served().wantReused(e)
	w.request().wantReused(e).releasedAs(pool.MaxRequests)
	w.request().wantDialled(pool.NoIdle).released()
}

// "keepalive_time T: age after which a connection is closed at its next return"
func TestMaxAge(t *testing.T) {
	w := newWorld(t, usual)
	e := w.served()
	for range 71 {
		w.advance(50 * time.Second)
		w.served().wantReused(e)
	}
	w.advance(50 * time.Second) // an hour old
	w.request().wantReused(e).releasedAs(pool.MaxAge)
}

// "closed with one of these reasons"
func TestWhoeverHeldItSaysWhyItIsNotKept(t *testing.T) {
	for _, why := range []pool.Close{
		pool.Error, pool.UpstreamEOF, pool.UpstreamConnectionClose, pool.HTTP10, pool.ResponseUnread,
		pool.RequestUnsent, pool.Upgraded,
	} {
		t.Run(why.String(), func(t *testing.T) {
			w := newWorld(t, usual)
			e := w.request()
			if got := e.releases(why); got != why || !e.isClosed() {
				t.Fatalf("released: %v, closed %v", got, e.isClosed())
			}
			w.wantClosed(why)
			w.request().wantDialled(pool.NoIdle).released()
		})
	}
}

// "Error on one connection never empties the rest."
func TestAnErrorEndsItsOwnConnectionOnly(t *testing.T) {
	w := newWorld(t, usual)
	four := times(4, w.request)
	for _, e := range four[1:] {
		e.released()
	}
	four[0].releases(pool.Error)
	w.wantClosed(pool.Error)
	w.wantIdle(3)
}

// "evicted (pool full: the least recently used goes)", over all loops and keys.
func TestAFullPoolGivesUpTheLeastRecentlyUsed(t *testing.T) {
	limits := usual
	limits.Idle = 3
	w := newWorld(t, limits)
	w.listen(conn.MustAddr("10.0.0.2:80"))
	var all []*exchange
	for i := range 5 {
		all = append(all, w.leases(i%2, w.key(fmt.Sprintf("10.0.0.%d:80", i%2+1)), pool.Want{}))
	}
	for i, e := range all {
		e.released()
		if idle := w.stats().Idle; idle > 3 {
			t.Fatalf("%d idle, more than the bound", idle)
		}
		w.advance(time.Second)
		_ = i
	}
	w.wantClosed(pool.Evicted, pool.Evicted)
	for i, e := range all {
		if e.isClosed() != (i < 2) {
			t.Errorf("connection %d closed: %v", i, e.isClosed())
		}
	}
}

func TestALeaseIsReleasedOnce(t *testing.T) {
	w := newWorld(t, usual)
	e := w.served()
	if e.Miss != pool.NoIdle || e.Requests != 1 {
		t.Errorf("after the release the lease tells %v, %d requests", e.Miss, e.Requests)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second release went unnoticed")
		}
	}()
	e.Lease.Release(pool.Kept)
}

func TestADialThatFailsGivesItsPlaceBack(t *testing.T) {
	w := newWorld(t, usual)
	w.net.Refuse(backend)
	w.request().wantDialled(pool.NoIdle)
	s := w.stats()
	if s.Active != 0 || s.DialsFailed != 1 || s.Dials != 0 {
		t.Errorf("active %d, dials failed %d, dialled %d", s.Active, s.DialsFailed, s.Dials)
	}
}
