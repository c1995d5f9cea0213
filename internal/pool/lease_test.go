package pool_test

import (
	"testing"
	"time"

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
