package pool_test

import (
	"testing"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// hot is a group with n idle connections on the first of two loops.
func hot(tb testing.TB, n int) (*pool.Group, *loop.Loop, *pool.Key) {
	sim := loop.NewSim()
	l, other := sim.Loop(), sim.Loop()
	limits := usual
	limits.Requests = 0
	g := pool.NewGroup("api", []*loop.Loop{l, other}, limits)
	k := g.Peer(pool.Identity{Addr: backend, Proto: "HTTP/1.1"})
	sim.Do(l, func() {
		leases := make([]pool.Lease, n)
		for i := range leases {
			leases[i] = g.Lease(l, k, pool.Want{})
			c, _ := conn.Pair(l)
			leases[i].Adopt(c, pool.Took{})
		}
		for i := range leases {
			leases[i].Release(pool.Kept)
		}
	})
	tb.Cleanup(func() { g.Close(pool.Shutdown) })
	return g, l, k
}

// BenchmarkLeaseAndRelease is what a proxied request costs in the pool, on the loop's own connections.
func BenchmarkLeaseAndRelease(b *testing.B) {
	g, l, k := hot(b, 16)
	b.ReportAllocs()
	for range b.N {
		ls := g.Lease(l, k, pool.Want{})
		ls.KeepAlive(pool.Hint{})
		ls.Release(pool.Kept)
	}
}

// "In steady state a proxied HTTP/1.1 request allocates nothing."
func TestAReusedLeaseAllocatesNothing(t *testing.T) {
	g, l, k := hot(t, 16)
	n := testing.AllocsPerRun(1000, func() {
		ls := g.Lease(l, k, pool.Want{})
		if !ls.Reused {
			t.Fatal("not reused")
		}
		ls.Release(pool.Kept)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
