package pool_test

import (
	"fmt"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/pool"
)

// "idle connections to an address that left are closed; active ones finish."
func TestARemovedPeer(t *testing.T) {
	w := newWorld(t, usual)
	idle, active := w.requestOn(1), w.requestOn(0)
	idle.released()
	w.g.RemovePeer(backend)
	w.wantClosed(pool.PeerRemoved)
	if active.isClosed() {
		t.Fatal("an active connection was closed")
	}
	active.releasedAs(pool.PeerRemoved)
	if n := len(w.stats().Peers); n != 0 {
		t.Errorf("%d peers remembered", n)
	}
	if got := w.stats().Dials; got != 2 {
		t.Errorf("the upstream counts %d dials, want those of the peer that left too", got)
	}
}

func TestAPeerThatComesBackIsKeptAgain(t *testing.T) {
	w := newWorld(t, usual)
	active := w.request()
	w.g.RemovePeer(backend)
	w.key("10.0.0.1:80")
	active.released()
	w.request().wantReused(active).released()
}

func TestRetainKeepsTheNamedOnly(t *testing.T) {
	w := newWorld(t, usual)
	var kept []*exchange
	for i := range 4 {
		addr := fmt.Sprintf("10.0.0.%d:80", i+1)
		w.listen(conn.MustAddr(addr))
		kept = append(kept, w.leases(i%2, w.key(addr), pool.Want{}).released())
	}
	w.g.Retain([]conn.Addr{conn.MustAddr("10.0.0.2:80"), conn.MustAddr("10.0.0.3:80"), conn.MustAddr("10.0.0.9:80")})
	w.wantClosed(pool.PeerRemoved, pool.PeerRemoved)
	for i, e := range kept {
		if e.isClosed() != (i == 0 || i == 3) {
			t.Errorf("peer %d closed: %v", i+1, e.isClosed())
		}
	}
}

func TestAGroupThatClosesDuringALease(t *testing.T) {
	w := newWorld(t, usual)
	idle, active := w.requestOn(1), w.requestOn(0)
	idle.released()
	w.g.Close(pool.Shutdown)
	w.wantClosed(pool.Shutdown)
	active.releasedAs(pool.Shutdown)
}

// "with the number of identities bounded and the emptied ones forgotten"
func TestEmptiedIdentitiesAreForgotten(t *testing.T) {
	limits := usual
	limits.Idle = 1
	w := newWorld(t, limits)
	for i := range 5000 {
		id := pool.Identity{Addr: backend, Local: fmt.Sprint(i)}
		w.leases(i%2, w.g.Peer(id), pool.Want{}).released()
	}
	if n := w.g.Keys(); n > 1024 {
		t.Errorf("%d identities remembered", n)
	}
	if got := w.stats().Dials; got != 5000 {
		t.Errorf("%d dials counted", got)
	}
}

func keepalive(n int) pool.Limits { l := usual; l.Idle = n; return l }

// "a pool whose identity is still in the new configuration keeps its connections and counters; changed
// limits apply at once".
func TestAReloadKeepsThePool(t *testing.T) {
	w := newWorld(t, usual)
	r := pool.NewRegistry(w.loops)
	old := r.Acquire("api", keepalive(64))
	w.g = old
	e := w.served()
	out := w.request()

	w.g = r.Acquire("api", keepalive(8))
	r.Release(old, pool.Shutdown)
	if w.g != old || w.g.Limits().Idle != 8 {
		t.Fatalf("another pool, or its limits: %+v", w.g.Limits())
	}
	out.released()
	w.request().wantReused(e).released()
	if s := w.stats(); s.Dials != 1 || s.Reuses != 2 {
		t.Errorf("%d dials, %d reuses counted", s.Dials, s.Reuses)
	}
	r.Release(w.g, pool.Shutdown)
	w.wantClosed(pool.Shutdown)
	if n := len(r.Groups()); n != 0 {
		t.Errorf("%d groups left", n)
	}
}

func TestAnUpstreamThatLeftTheConfiguration(t *testing.T) {
	w := newWorld(t, usual)
	r := pool.NewRegistry(w.loops)
	w.g = r.Acquire("api", usual)
	w.served()
	r.Release(w.g, pool.PeerRemoved)
	w.wantClosed(pool.PeerRemoved)
}

// "hearth pools implicit upstreams too ... with the number of identities bounded"
func TestImplicitUpstreamsAreBounded(t *testing.T) {
	w := newWorld(t, usual)
	r := pool.NewRegistry(w.loops)
	busy := r.Implicit("http://10.0.0.1", usual)
	w.g = busy
	e := w.served()
	for i := range 2000 {
		r.Implicit(fmt.Sprintf("http://b%d", i), usual)
		if r.Implicit("http://10.0.0.1", usual) != busy {
			t.Fatalf("forgotten while in use, after %d others", i)
		}
	}
	if n := len(r.Groups()); n > 512 {
		t.Errorf("%d groups", n)
	}
	w.request().wantReused(e).released()
	for i := range 1000 {
		r.Implicit(fmt.Sprintf("http://c%d", i), usual)
	}
	w.advance(0)
	if n := len(r.Groups()); n > 512 {
		t.Errorf("%d groups", n)
	}
	r.Close(pool.Shutdown)
}

// "Out of descriptors: ... idle connections are given up first."
func TestIdleConnectionsAreGivenUp(t *testing.T) {
	w := newWorld(t, usual)
	r := pool.NewRegistry(w.loops)
	w.g = r.Acquire("api", keepalive(4))
	four := times(4, w.request)
	for _, e := range four {
		e.released()
	}
	if n := r.CloseIdle(3); n != 3 {
		t.Fatalf("%d closed", n)
	}
	w.wantIdle(1)
	if n := r.CloseIdle(3); n != 1 {
		t.Fatalf("%d closed of one", n)
	}
	for _, e := range times(6, w.request) {
		e.releases(pool.Kept)
	}
	w.wantIdle(4) // the places are not lost
	r.Release(w.g, pool.Shutdown)
}
