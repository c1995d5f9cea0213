package pool_test

import (
	"maps"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// world is a group on a fake clock and a fake network, and what the tests say about it.
type world struct {
	t     *testing.T
	sim   *loop.Sim
	net   *conn.FakeNet
	loops []*loop.Loop
	g     *pool.Group
	peers map[*conn.Conn]*conn.Peer
	seen  map[string]int64 // closes by reason that a test has spoken of
	open  int64            // connections open before
}

// backend is the address most tests use.
var backend = conn.MustAddr("10.0.0.1:80")

// usual are the defaults of an upstream block on two loops, without a learned timeout to surprise.
var usual = pool.Limits{
	Idle: 64, Requests: 1000, MaxAge: time.Hour, IdleTimeout: 60 * time.Second, Learn: true,
}

// newWorld makes a group on two loops, with a backend that accepts everything.
func newWorld(t *testing.T, limits pool.Limits) *world {
	w := &world{t: t, sim: loop.NewSim(), peers: map[*conn.Conn]*conn.Peer{}, seen: map[string]int64{}, open: conn.Open()}
	w.net = conn.NewFakeNet(w.sim)
	w.loops = []*loop.Loop{w.sim.Loop(), w.sim.Loop()}
	w.g = pool.NewGroup("api", w.loops, limits)
	w.listen(backend)
	t.Cleanup(func() {
		w.g.Close(pool.Shutdown)
		w.sim.Stop()
		if n := conn.Open() - w.open; n != 0 {
			t.Errorf("%d connections leaked", n)
		}
	})
	return w
}

func (w *world) listen(addr conn.Addr) {
	w.net.Listen(addr, func(p *conn.Peer) { w.peers[p.Conn()] = p })
}

func (w *world) key(addr string) *pool.Key {
	return w.g.Peer(pool.Identity{Addr: conn.MustAddr(addr), Proto: "HTTP/1.1"})
}

// advance moves the clock.
func (w *world) advance(d time.Duration) { w.sim.Advance(d) }

// exchange is one request's use of the pool.
type exchange struct {
	*world
	pool.Lease
	loop  *loop.Loop
	conn  *conn.Conn
	ended bool
}

// leases takes a connection for a request on loop i, dialling if the pool says so.
func (w *world) leases(i int, k *pool.Key, want pool.Want) *exchange {
	w.t.Helper()
	e := &exchange{world: w, loop: w.loops[i]}
	w.sim.Do(e.loop, func() {
		e.Lease = w.g.Lease(e.loop, k, want)
		if e.Conn == nil && !e.Full {
			began := e.loop.Now()
			c, err := w.net.Dial(e.loop, k.Identity().Addr, conn.DialOptions{})
			if err == nil {
				err = c.WaitConnected(0)
			}
			if err != nil {
				c.Close()
				e.Release(pool.Error)
				e.ended = true
				return
			}
			e.Adopt(c, pool.Took{Connect: e.loop.Now().Sub(began)})
		}
		e.conn = e.Conn
	})
	return e
}

// request is leases for a plain request to the usual backend on the first loop.
func (w *world) request() *exchange {
	w.t.Helper()
	return w.leases(0, w.key("10.0.0.1:80"), pool.Want{})
}

// requestOn is request on another loop.
func (w *world) requestOn(i int) *exchange {
	w.t.Helper()
	return w.leases(i, w.key("10.0.0.1:80"), pool.Want{})
}

// post is a request that is not idempotent.
func (w *world) post() *exchange {
	w.t.Helper()
	return w.leases(0, w.key("10.0.0.1:80"), pool.Want{NonIdempotent: true})
}

// served is a request from lease to release.
func (w *world) served() *exchange {
	w.t.Helper()
	return w.request().released()
}

// releases ends the exchange and returns how its connection ended.
func (e *exchange) releases(why pool.Close) (how pool.Close) {
	e.sim.Do(e.loop, func() { how = e.Release(why) })
	return how
}

// released ends the exchange cleanly.
func (e *exchange) released() *exchange {
	e.t.Helper()
	if how := e.releases(pool.Kept); how != pool.Kept {
		e.t.Fatalf("the connection was closed: %v", how)
	}
	return e
}

// releasedAs wants a clean exchange to end the connection for a reason.
func (e *exchange) releasedAs(want pool.Close) {
	e.t.Helper()
	if how := e.releases(pool.Kept); how != want {
		e.t.Fatalf("released: %v, want %v", how, want)
	}
	e.wantClosed(want)
}

func (e *exchange) wantReused(of *exchange) *exchange {
	e.t.Helper()
	if !e.Reused {
		e.t.Fatalf("dialled (%v), want a reused connection", e.Miss)
	}
	if of != nil && e.conn != of.conn {
		e.t.Fatalf("another connection was reused")
	}
	return e
}

func (e *exchange) wantDialled(why pool.Miss) *exchange {
	e.t.Helper()
	if e.Reused {
		e.t.Fatalf("a connection was reused, want one dialled (%v)", why)
	}
	if e.Miss != why {
		e.t.Fatalf("dialled because of %v, want %v", e.Miss, why)
	}
	return e
}

// peerCloses is the backend closing the exchange's connection.
func (e *exchange) peerCloses() {
	e.peers[e.conn].Close()
	e.sim.Run()
}

func (e *exchange) peerSends(s string) {
	e.peers[e.conn].Send([]byte(s))
	e.sim.Run()
}

func (e *exchange) peerResets() {
	e.peers[e.conn].Reset()
	e.sim.Run()
}

func (e *exchange) isClosed() bool { return e.conn.Closed() }

// closes are the counts by reason.
func (w *world) closes() map[string]int64 {
	n := map[string]int64{}
	s := w.stats()
	for _, why := range pool.Closes() {
		if c := s.ClosesBy[why]; c > 0 {
			n[why.String()] = c
		}
	}
	return n
}

func (w *world) stats() pool.GroupStats { return w.g.Stats(w.sim.Now()) }

// wantClosed wants these closings since the last wantClosed, and no others.
func (w *world) wantClosed(want ...pool.Close) {
	w.t.Helper()
	expected := maps.Clone(w.seen)
	for _, why := range want {
		expected[why.String()]++
	}
	if got := w.closes(); !maps.Equal(got, expected) {
		w.t.Fatalf("closed so far: %v, want %v", got, expected)
	}
	w.seen = expected
}

func (w *world) wantNoneClosed() { w.t.Helper(); w.wantClosed() }

func (w *world) wantIdle(n int64) {
	w.t.Helper()
	if got := w.stats().Idle; got != n {
		w.t.Fatalf("%d idle, want %d", got, n)
	}
}

// times makes n of something.
func times(n int, fn func() *exchange) []*exchange {
	var all []*exchange
	for range n {
		all = append(all, fn())
	}
	return all
}
