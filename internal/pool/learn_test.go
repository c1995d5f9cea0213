package pool_test

import (
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/pool"
)

func says(timeout time.Duration) pool.Hint { return pool.Hint{Timeout: timeout, HasTimeout: true} }

// "`Keep-Alive: timeout=T, max=N` in a response is honoured: the connection is closed one second (or 10 %
// for T under 10 s) before T".
func TestAnAnnouncedTimeoutIsHonoured(t *testing.T) {
	for _, c := range []struct{ announced, closedAfter time.Duration }{
		{30 * time.Second, 29 * time.Second},
		{10 * time.Second, 9 * time.Second},
		{5 * time.Second, 4500 * time.Millisecond},
		{1 * time.Second, 900 * time.Millisecond},
	} {
		t.Run(c.announced.String(), func(t *testing.T) {
			w := newWorld(t, usual)
			e := w.request()
			e.KeepAlive(says(c.announced))
			e.released()
			w.advance(c.closedAfter - time.Millisecond)
			w.wantNoneClosed()
			w.advance(time.Millisecond)
			w.wantClosed(pool.LearnedTimeout)
		})
	}
}

func TestAnAnnouncedTimeoutBeyondOursChangesNothing(t *testing.T) {
	w := newWorld(t, usual)
	e := w.request()
	e.KeepAlive(says(time.Hour))
	e.released()
	w.advance(60 * time.Second)
	w.wantClosed(pool.IdleTimeout)
}

func TestAnAnnouncedTimeoutOfZeroIsNotKept(t *testing.T) {
	w := newWorld(t, usual)
	e := w.request()
	e.KeepAlive(says(0))
	e.releasedAs(pool.LearnedTimeout)
}

// A short timeout among long ones is still honoured: what each response said holds for its connection.
func TestTimeoutsOfOnePeerMayDiffer(t *testing.T) {
	w := newWorld(t, usual)
	long, short := w.request(), w.request()
	long.KeepAlive(says(40 * time.Second))
	short.KeepAlive(says(5 * time.Second))
	short.released()
	long.released()
	w.advance(5 * time.Second)
	w.wantClosed(pool.LearnedTimeout)
	w.request().wantReused(long).released()
}

// "and before the Nth request."
func TestAnAnnouncedNumberOfRequestsIsHonoured(t *testing.T) {
	t.Run("where it counts all", func(t *testing.T) {
		w := newWorld(t, usual)
		served := 0
		for e := w.request(); ; e = w.request() {
			served++
			e.KeepAlive(pool.Hint{Max: 5})
			if e.releases(pool.Kept) != pool.Kept {
				break
			}
		}
		if served != 4 {
			t.Errorf("%d requests, want the connection closed before the 5th", served)
		}
		w.wantClosed(pool.MaxRequests)
	})
	t.Run("where it counts the rest, as Apache does", func(t *testing.T) {
		w := newWorld(t, usual)
		served := 0
		for e := w.request(); ; e = w.request() {
			e.KeepAlive(pool.Hint{Max: 100 - served})
			served++
			if e.releases(pool.Kept) != pool.Kept {
				break
			}
		}
		if served != 100 {
			t.Errorf("%d requests, want 100: the peer would serve 101 and close on the last", served)
		}
		w.wantClosed(pool.MaxRequests)
	})
}

// keepalive_learn off
func TestWithLearningOffOnlyTheConfigurationCounts(t *testing.T) {
	limits := usual
	limits.Learn = false
	w := newWorld(t, limits)
	e := w.request()
	e.KeepAlive(pool.Hint{Timeout: 5 * time.Second, HasTimeout: true, Max: 1})
	e.released()
	w.advance(59 * time.Second)
	w.wantNoneClosed()
	w.advance(time.Second)
	w.wantClosed(pool.IdleTimeout)
}

// closesAfter has the backend close a connection that has been idle for each of the given times.
func (w *world) closesAfter(ages ...time.Duration) {
	w.t.Helper()
	for _, age := range ages {
		e := w.served()
		w.advance(age)
		if e.isClosed() {
			w.t.Fatalf("closed by us within %v", age)
		}
		e.peerCloses()
		w.wantClosed(pool.UpstreamEOF)
		w.advance(2 * time.Second)
	}
}

// "Where the backend sends no such header but closes idle connections at a consistent age, that age is
// learned per peer and honoured the same way."
func TestAConsistentClosingAgeIsLearned(t *testing.T) {
	w := newWorld(t, usual)
	w.closesAfter(20*time.Second, 20100*time.Millisecond, 20050*time.Millisecond)
	if got := w.stats().Peers[0].Learned; got != 19*time.Second {
		t.Fatalf("learned %v, want 19 s", got)
	}
	e := w.served()
	w.advance(19*time.Second - time.Millisecond)
	w.wantNoneClosed()
	w.advance(time.Millisecond)
	w.wantClosed(pool.LearnedTimeout)
	if !e.isClosed() {
		t.Error("still open")
	}

	other := conn.MustAddr("10.0.0.2:80")
	w.listen(other)
	w.leases(0, w.key("10.0.0.2:80"), pool.Want{}).released()
	w.advance(59 * time.Second)
	w.wantNoneClosed() // another peer's habits are its own
}

func TestWhatIsNotConsistentIsNotLearned(t *testing.T) {
	for name, ages := range map[string][]time.Duration{
		"two are too few":             {20 * time.Second, 20 * time.Second},
		"one differs":                 {20 * time.Second, 8 * time.Second, 20 * time.Second},
		"they drift by more than 10%": {5 * time.Second, 5300 * time.Millisecond, 5600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual)
			w.closesAfter(ages...)
			if got := w.stats().Peers[0].Learned; got != 0 {
				t.Fatalf("learned %v", got)
			}
		})
	}
}

// A restart closes all connections at one moment, and those of one burst at one age.
func TestARestartTeachesNothing(t *testing.T) {
	w := newWorld(t, usual)
	burst := times(10, w.request)
	for _, e := range burst {
		e.released()
	}
	w.advance(20 * time.Second)
	for _, e := range burst {
		e.peerCloses()
	}
	if got := w.stats().Peers[0].Learned; got != 0 {
		t.Fatalf("learned %v from one moment", got)
	}
}

func TestABeliefEndsWhenThePeerClosesSooner(t *testing.T) {
	w := newWorld(t, usual)
	w.closesAfter(20*time.Second, 20*time.Second, 20*time.Second)
	w.closesAfter(7 * time.Second)
	if got := w.stats().Peers[0].Learned; got != 0 {
		t.Fatalf("still believes %v", got)
	}
	w.closesAfter(7*time.Second, 7*time.Second)
	if got := w.stats().Peers[0].Learned; got != 6300*time.Millisecond {
		t.Fatalf("learned %v, want 6.3 s", got)
	}
}

func TestABeliefLapsesAfterAnHour(t *testing.T) {
	w := newWorld(t, usual)
	w.closesAfter(20*time.Second, 20*time.Second, 20*time.Second)
	w.advance(time.Hour)
	e := w.served()
	w.advance(30 * time.Second)
	w.request().wantReused(e).released()
}
