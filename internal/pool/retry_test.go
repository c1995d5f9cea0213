package pool_test

import (
	"testing"

	"hearth/internal/pool"
)

// "if a *reused* connection dies before the first response byte, retries on another connection, dialling
// afresh the second time: for idempotent methods always; for others only if no byte of the request was
// written, or `proxy_next_upstream ... non_idempotent`. Body bytes still held in the buffer are replayed"
//
// "never counts such a race as a failure of the peer"
func TestWhoMayRetryAfterWhichFailure(t *testing.T) {
	var (
		notARace = pool.Verdict{}
		again    = pool.Verdict{Race: true, Retry: true}
		afresh   = pool.Verdict{Race: true, Retry: true, Fresh: true}
		lost     = pool.Verdict{Race: true}
	)
	for _, c := range []struct {
		name string
		f    pool.Failure
		want pool.Verdict
	}{
		{"a GET on a reused connection that died is sent again",
			pool.Failure{Reused: true, Died: true, RequestWritten: true, Replayable: true, Idempotent: true}, again},
		{"the second time it is dialled for",
			pool.Failure{Reused: true, Died: true, RequestWritten: true, Replayable: true, Idempotent: true, Races: 1}, afresh},
		{"on a connection just dialled there is no idle race",
			pool.Failure{Died: true, RequestWritten: true, Replayable: true, Idempotent: true, Races: 2}, notARace},
		{"a timeout is no race: the peer is slow",
			pool.Failure{Reused: true, RequestWritten: true, Replayable: true, Idempotent: true}, notARace},
		{"nor is an end in the middle of the response",
			pool.Failure{Reused: true, Died: true, ResponseStarted: true, RequestWritten: true, Replayable: true, Idempotent: true}, notARace},
		{"a POST that went out is not delivered twice",
			pool.Failure{Reused: true, Died: true, RequestWritten: true, Replayable: true}, lost},
		{"a POST of which nothing was written is sent again",
			pool.Failure{Reused: true, Died: true}, again},
		{"also afresh the second time",
			pool.Failure{Reused: true, Died: true, Races: 1}, afresh},
		{"a POST that went out is, with non_idempotent",
			pool.Failure{Reused: true, Died: true, RequestWritten: true, Replayable: true, NonIdempotentOK: true}, again},
		{"a PUT whose body has left the buffer is not",
			pool.Failure{Reused: true, Died: true, RequestWritten: true, Idempotent: true}, lost},
		{"nor with non_idempotent",
			pool.Failure{Reused: true, Died: true, RequestWritten: true, NonIdempotentOK: true}, lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pool.Race(c.f); got != c.want {
				t.Errorf("%+v\n got %+v\nwant %+v", c.f, got, c.want)
			}
		})
	}
}
