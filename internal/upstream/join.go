package upstream

import (
	"errors"

	"hearth/internal/loop"
	"hearth/internal/pool"
)

// join asks the pool for a place on a shared connection, and has one opened if the pool says so. The place may come later:
// joinStream waits for it.
func (x *Exchange) join(want pool.Want) {
	key := x.Group.keyOf(x)
	if x.Group.pool.Join(x.R.Loop, key, want, &x.wait) {
		open := x.opener()
		open.Carry = x.Set.Streams.Carry
		x.Group.pool.Open(x.R.Loop, key, open)
	}
	x.lease = pool.Lease{}
	if x.wait.Lease.Full {
		x.lease = x.wait.Lease
	}
}

// maxJoins bounds how often a place is asked for that then is none any more.
const maxJoins = 8

// joinStream waits for the place and begins a stream there.
func (x *Exchange) joinStream(attempt *Attempt) *Fault {
	until := deadline(x.R.Loop.Now(), x.Set.ConnectTimeout)
	for n := 0; ; n++ {
		err := x.awaitPlace(until)
		switch {
		case err == pool.ErrAgain && n < maxJoins:
		case err != nil:
			x.leased = false
			return faultOf(err, connecting, "connect()")
		default:
			x.lease, x.wait.Lease = x.wait.Lease, pool.Lease{}
			if x.Stream = x.Set.Streams.Open(x.lease.Carrier, x); x.Stream != nil {
				x.beginStream(attempt)
				return nil
			}
			x.lease.Release(pool.Kept) // it has gone since
			if n >= maxJoins {
				x.leased = false
				return faultOf(errClosed, connecting, "connect()")
			}
		}
		x.join(pool.Want{NonIdempotent: !idempotent(x.R.Method)})
		if x.lease.Full {
			x.lease.Release(pool.Error)
			x.leased = false
			return faultOf(errFull, connecting, "connect()")
		}
	}
}

var errFull = errors.New("max_conns reached")

// beginStream notes the stream's beginning.
func (x *Exchange) beginStream(attempt *Attempt) {
	x.readable = x.Stream.Readable()
	attempt.Reused, attempt.Requests = x.lease.Reused, x.lease.Requests
	if x.lease.Reused {
		attempt.Connect = 0
	} else {
		attempt.Dialled, attempt.Connect = x.lease.Miss.String(), x.R.Loop.Now().Sub(attempt.start)
	}
}

// awaitPlace waits for what the pool has promised. A client that goes takes nobody else's place with him.
func (x *Exchange) awaitPlace(until loop.Instant) error {
	w := &x.wait
	for !w.Done.IsSet() {
		events := [2]*loop.Event{&w.Done, nil}
		if x.mindsClient() {
			events[1] = x.R.Down.Gone()
		}
		err := x.R.Loop.Wait(until, events[:]...)
		if err == nil && !w.Done.IsSet() && x.mindsClient() && x.R.Down.ClientGone() {
			err = errAbort
		}
		if err != nil {
			w.Cancel()
			return err
		}
	}
	return w.Err
}

// refused says whether the backend has said that it did nothing with the request.
func refused(err error) bool {
	var reset *ResetError
	return errors.As(err, &reset) && reset.Refused
}
