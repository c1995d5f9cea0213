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
func TestChangedLimitsKeepThePool(t *testing.T) {
	w := newWorld(t, keepalive(64))
	e := w.served()
	out := w.request()
	w.g.SetLimits(keepalive(8))
	out.released()
	w.request().wantReused(e).released()
	if s := w.stats(); s.Dials != 1 || s.Reuses != 2 {
		t.Errorf("%d dials, %d reuses counted", s.Dials, s.Reuses)
	}
}

func TestAnUpstreamThatLeftTheConfiguration(t *testing.T) {
	w := newWorld(t, usual)
	w.served()
	w.g.Close(pool.PeerRemoved)
	w.wantClosed(pool.PeerRemoved)
}

// "Out of descriptors: ... idle connections are given up first."
func TestIdleConnectionsAreGivenUp(t *testing.T) {
	w := newWorld(t, keepalive(4))
	four := times(4, w.request)
	for _, e := range four {
		e.released()
	}
	for range 3 {
		if !w.g.CloseOldest() {
			t.Fatal("none closed of four")
		}
	}
	w.wantIdle(1)
	if !w.g.CloseOldest() || w.g.CloseOldest() {
		t.Fatal("there was one")
	}
	for _, e := range times(6, w.request) {
		e.releases(pool.Kept)
	}
	w.wantIdle(4) // the places are not lost
}
