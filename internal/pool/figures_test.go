package pool_test

import (
	"math"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// "Figures kept, per peer and per upstream: idle, active, dials, reuses, reuse ratio, closes by reason,
// misses by reason, connect time and TLS handshake time histograms, oldest idle age, requests per
// connection."
func TestFiguresKept(t *testing.T) {
	w := newWorld(t, usual)
	w.listen(conn.MustAddr("10.0.0.2:80"))
	a := w.requestOn(0)
	b := w.requestOn(1)
	a.released()
	w.advance(5 * time.Second)
	b.releases(pool.Error)
	w.requestOn(0).wantReused(a)
	active := w.requestOn(1)
	ls := w.g.Lease(w.loops[0], w.key("10.0.0.2:80"), pool.Want{})
	c, _ := conn.Pair(w.loops[0])
	ls.Adopt(c, pool.Took{Connect: 3 * time.Millisecond, Handshake: 20 * time.Millisecond})
	ls.Release(pool.Kept)
	w.advance(7 * time.Second)

	s := w.stats()
	if len(s.Peers) != 2 {
		t.Fatalf("%d peers", len(s.Peers))
	}
	p := s.Peers[0]
	if p.Addr != backend || p.Idle != 0 || p.Active != 2 || p.Dials != 3 || p.Reuses != 1 || p.Peak != 2 {
		t.Errorf("peer 1: %+v", p.Figures)
	}
	if p.ReuseRatio() != 0.25 || p.MissesBy[pool.NoIdle] != 3 || p.ClosesBy[pool.Error] != 1 {
		t.Errorf("peer 1: reuse ratio %v, no_idle %d, errors %d", p.ReuseRatio(), p.MissesBy[pool.NoIdle], p.ClosesBy[pool.Error])
	}
	q := s.Peers[1]
	if q.Idle != 1 || q.OldestIdle != 7*time.Second || q.Connect.Max != 3000 || q.Handshake.Max != 20000 {
		t.Errorf("peer 2: idle %d, oldest %v, connect %d µs, handshake %d µs", q.Idle, q.OldestIdle, q.Connect.Max, q.Handshake.Max)
	}
	if s.Idle != 1 || s.Active != 2 || s.Dials != 4 || s.Peak != 3 || s.Leases() != 5 || s.PerConn.Count != 1 {
		t.Errorf("upstream: %+v", s.Figures)
	}
	active.releases(pool.Error)
	for _, e := range []*exchange{a} {
		e.conn.Close()
	}
}

func TestThePeakIsTheMostLeasesAtOnce(t *testing.T) {
	w := newWorld(t, minOf(4)) // more connections than leases: not each dial is a new peak
	w.keepsWarm(pool.Opener{})
	for _, n := range []int{1, 3, 2} {
		var all []*exchange
		for i := range n {
			all = append(all, w.requestOn(i%2))
		}
		for _, e := range all {
			e.released()
		}
	}
	if got := w.stats().Peers[0].Peak; got != 3 {
		t.Errorf("peak %d, want 3", got)
	}
}

// "By Little's law: connections busy at once = request rate × mean time in the backend."
func TestLittlesLaw(t *testing.T) {
	for _, c := range []struct{ rate, mean, busy float64 }{
		{1000, 0.05, 50}, {10, 0.001, 0.01}, {0, 1, 0},
	} {
		if got := pool.LittlesLaw(c.rate, c.mean); math.Abs(got-c.busy) > 1e-9 {
			t.Errorf("%v/s × %v s = %v, want %v", c.rate, c.mean, got, c.busy)
		}
	}
}

// "`pool = (rps / workers) / requests per connection × 2`"
func TestRuleOfThumb(t *testing.T) {
	for _, c := range []struct {
		rps     float64
		workers int
		perConn float64
		want    int
	}{
		{10000, 4, 100, 50}, {10000, 4, 1000, 5}, {1, 4, 1000, 1}, {100, 0, 10, 0}, {100, 1, 0, 0},
	} {
		if got := pool.RuleOfThumb(c.rps, c.workers, c.perConn); got != c.want {
			t.Errorf("%v rps, %d workers, %v a connection: %d, want %d", c.rps, c.workers, c.perConn, got, c.want)
		}
	}
}

// "the observed peak of concurrent leases per peer and suggest `keepalive` from that"
func TestSizing(t *testing.T) {
	w := newWorld(t, usual)
	before := w.stats()
	for range 10 { // five at once, 200 ms each, ten times in 10 s
		var all []*exchange
		for i := range 5 {
			all = append(all, w.requestOn(i%2))
		}
		w.advance(200 * time.Millisecond)
		for _, e := range all {
			e.released()
		}
		w.advance(800 * time.Millisecond)
	}
	after := w.stats()
	got := pool.SizingOf(&before, &after)
	want := pool.Sizing{Rate: 5, Busy: 1, Peak: 5, Suggested: 3, Little: 1, Thumb: 1}
	if math.Abs(got.Busy-1) > 1e-6 {
		t.Errorf("busy %v, want 1", got.Busy)
	}
	if got.Busy = 1; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if (pool.SizingOf(&after, &after) != pool.Sizing{}) {
		t.Error("a sizing out of no time")
	}
	var _ loop.Instant = after.At
}
