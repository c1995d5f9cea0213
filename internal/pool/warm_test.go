package pool_test

import (
	"errors"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

func minOf(n int) pool.Limits { l := usual; l.Min = n; return l }

func (w *world) keepsWarm(open pool.Opener) {
	open.Dialer = w.net
	w.g.KeepWarm(w.key("10.0.0.1:80"), open)
	w.sim.Run()
}

// "keepalive_min N: idle connections kept ready per peer, dialled and TLS-handshaken ahead of need"
func TestConnectionsAreDialledAheadOfNeed(t *testing.T) {
	w := newWorld(t, minOf(3))
	shaken := 0
	w.keepsWarm(pool.Opener{Handshake: func(*conn.Conn, loop.Instant) error { shaken++; return nil }})
	w.wantIdle(3)
	if shaken != 3 {
		t.Errorf("%d handshakes", shaken)
	}
	first := w.request().wantReused(nil)
	if first.Requests != 1 {
		t.Errorf("$upstream_connection_requests = %d on a connection made ahead, want 1", first.Requests)
	}
	w.wantIdle(3) // the place is filled again at once
	w.requestOn(1).wantReused(nil).released()
	first.released()
	w.wantIdle(5)
	if got := w.net.Dials[backend]; got != 5 {
		t.Errorf("%d dialled, want 5", got)
	}
}

func TestWhatAgesOutIsReplaced(t *testing.T) {
	w := newWorld(t, minOf(2))
	w.keepsWarm(pool.Opener{})
	w.advance(60 * time.Second)
	w.wantClosed(pool.IdleTimeout, pool.IdleTimeout)
	w.wantIdle(2)
}

func TestWhatThePeerClosesIsReplaced(t *testing.T) {
	w := newWorld(t, minOf(1))
	w.keepsWarm(pool.Opener{})
	e := w.request().released()
	w.wantIdle(2)
	e.peerCloses()
	w.wantIdle(1)
}

// A backend that refuses is asked less and less often, and is served again when it is back.
func TestARefusingPeerIsLeftAloneForLongerEachTime(t *testing.T) {
	w := newWorld(t, minOf(1))
	w.net.Refuse(backend)
	w.keepsWarm(pool.Opener{})
	dials := func() int { return w.net.Dials[backend] }
	for _, pause := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000} {
		before := dials()
		w.advance(pause*time.Millisecond - time.Millisecond)
		if dials() != before {
			t.Fatalf("asked again within %v", pause*time.Millisecond)
		}
		w.advance(time.Millisecond)
		if dials() != before+1 {
			t.Fatalf("asked %d times after %v", dials()-before, pause*time.Millisecond)
		}
	}
	w.listen(backend)
	w.advance(30 * time.Second)
	w.wantIdle(1)
}

func TestAHandshakeThatFailsIsAFailure(t *testing.T) {
	w := newWorld(t, minOf(1))
	bad := true
	w.keepsWarm(pool.Opener{Handshake: func(*conn.Conn, loop.Instant) error {
		if bad {
			return errors.New("bad certificate")
		}
		return nil
	}})
	w.wantIdle(0)
	bad = false
	w.advance(100 * time.Millisecond)
	w.wantIdle(1)
}

func TestAConnectThatHangsIsGivenUp(t *testing.T) {
	w := newWorld(t, minOf(1))
	w.net.Hang(backend)
	w.keepsWarm(pool.Opener{Timeout: 5 * time.Second})
	w.listen(backend)
	w.advance(4 * time.Second)
	w.wantIdle(0)
	w.advance(1100 * time.Millisecond)
	w.wantIdle(1)
}

// What is made ahead never takes another's place: neither under max_conns nor under the group's bound.
func TestWarmConnectionsTakeOnlyFreePlaces(t *testing.T) {
	w := newWorld(t, minOf(5))
	w.g.SetMaxConns(backend, 2)
	w.keepsWarm(pool.Opener{})
	w.wantIdle(2)
	w.wantNoneClosed()

	few := minOf(5)
	few.Idle = 3
	w = newWorld(t, few)
	w.keepsWarm(pool.Opener{})
	w.wantIdle(3)
	w.wantNoneClosed()
}

func TestChangedLimitsWarmAtOnce(t *testing.T) {
	w := newWorld(t, usual)
	w.keepsWarm(pool.Opener{})
	w.wantIdle(0)
	w.changes(func(l *pool.Limits) { l.Min = 2 })
	w.wantIdle(2)
}

func TestARemovedPeerIsNotKeptWarm(t *testing.T) {
	w := newWorld(t, minOf(2))
	w.keepsWarm(pool.Opener{})
	w.g.RemovePeer(backend)
	w.sim.Run()
	w.wantClosed(pool.PeerRemoved, pool.PeerRemoved)
	w.advance(time.Hour)
	w.wantIdle(0)
}

func TestAClosedGroupIsNotKeptWarm(t *testing.T) {
	w := newWorld(t, minOf(1))
	w.net.Refuse(backend)
	w.keepsWarm(pool.Opener{})
	w.g.Close(pool.Shutdown)
	w.listen(backend)
	w.advance(time.Hour)
	w.wantIdle(0)
	w.wantNoneClosed()
}
