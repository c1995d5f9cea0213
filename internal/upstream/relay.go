package upstream

import (
	"errors"
	"io"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// relay passes the response's body on. What it does next follows from four facts: is there stored data, does the
// client take more, has the backend more, is there room to keep it. It waits only when none of them lets it go on.
//
// Without proxy_buffering there is no room: the backend is read only as fast as the client takes what it sends.
func (x *Exchange) relay() core.Verdict {
	r := x.R
	heard := r.Loop.Now() // when the backend last sent something
	x.began, x.beganBytes = heard, r.Main.BytesSent
	x.took = heard
	if x.Conn != nil {
		x.body0 = x.Conn.BytesRead - int64(x.In.Len())
	}
	for {
		if err := x.pushPipe(); err != nil && err != conn.ErrAgain {
			return x.clientLost(err)
		}
		if x.up.on {
			if err := x.upload(); err != nil {
				return x.uploadFailed(err)
			}
		}
		congested := x.piped() || r.Down.Congested()
		if !congested {
			if x.store.pending() {
				if err := x.store.send(r); err != nil {
					return x.clientLost(err)
				}
				continue
			}
			if x.ended {
				return x.last()
			}
		}
		silent := false
		if !x.ended && (!congested || (x.buffering && x.store.room(x.Set, x.clientIsSlow()))) {
			err := x.advance(congested)
			switch {
			case err == nil:
				if x.lastSent {
					return core.OK
				}
				heard = r.Loop.Now()
				continue
			case err == conn.ErrAgain:
				silent = true
			case err == io.EOF:
				x.finish()
				continue
			case isClient(err):
				return x.clientLost(err)
			default:
				return x.cut(err)
			}
		}
		if silent && !congested { // nothing to do until the backend sends: the client gets what there is
			if err := r.Send(core.Chunk{Flush: true}); err != nil {
				return x.clientLost(err)
			}
			if r.Down.Congested() {
				continue
			}
		}
		if verdict := x.waitRelay(silent, congested, heard); verdict != core.OK {
			return verdict
		}
	}
}

// advance takes one step with the backend: moves bytes straight to the client, sends a piece on, or stores it.
func (x *Exchange) advance(congested bool) error {
	if now := x.R.Loop.Now(); x.rate > 0 && now < x.resume {
		return conn.ErrAgain
	}
	if !congested && x.splices() {
		return x.splice()
	}
	data, err := x.piece()
	if err != nil {
		return err
	}
	if congested || x.store.pending() {
		return x.store.add(x, data)
	}
	return x.pass(data)
}

// piece is the next of the body: what the backend has sent, or, under proxy_limit_rate, a tenth of a second's worth of it.
func (x *Exchange) piece() ([]byte, error) {
	data := x.owed
	x.owed = nil
	if len(data) == 0 {
		var err error
		if data, err = x.Proto.TryBody(x); err != nil {
			return nil, err
		}
		x.attempt().Length += int64(len(data))
	}
	if x.rate > 0 {
		n := min(int64(len(data)), max(x.rate/10, 1))
		data, x.owed = data[:n], data[n:]
		x.resume = max(x.resume, x.R.Loop.Now()).Add(time.Duration(n * int64(time.Second) / x.rate))
	}
	return data, nil
}

// bodyDone says whether all of the body has been taken.
func (x *Exchange) bodyDone() bool { return len(x.owed) == 0 && x.Proto.BodyDone(x) }

// pass sends a piece on. With the last one the connection goes back to the pool in the same turn, so it is idle
// again before the client can have seen the end.
func (x *Exchange) pass(data []byte) error {
	c := core.Chunk{Mem: data, Flush: !x.buffering}
	done := x.bodyDone()
	if done && !x.trailers() {
		c.Last, x.lastSent = true, true
	}
	err := x.R.Send(c)
	if done {
		x.finish()
	}
	if err != nil {
		return &clientError{err}
	}
	return nil
}

// last ends the body towards the client.
func (x *Exchange) last() core.Verdict {
	if x.lastSent {
		return core.OK
	}
	x.lastSent = true
	x.R.Out.Trailers = x.passTrailers(x.R.Out.Trailers)
	if err := x.R.Send(core.Chunk{Last: true}); err != nil {
		return x.clientLost(err)
	}
	return core.OK
}

// waitRelay waits for the side, or the sides, that relay cannot go on without.
func (x *Exchange) waitRelay(silent, congested bool, heard loop.Instant) core.Verdict {
	r := x.R
	var events [4]*loop.Event
	on := events[:0]
	var until loop.Instant
	held := x.rate > 0 && r.Loop.Now() < x.resume // what the backend sends is left where it is for now
	if silent {
		if held {
			until = x.resume
		} else {
			on = append(on, x.readable)
			until = deadline(heard, x.Set.ReadTimeout)
		}
	}
	if congested {
		on = append(on, r.Down.Writable())
		until = earlier(until, r.Down.ResumeAt())
		until = earlier(until, x.sendDeadline())
		if !x.ended && x.buffering && !x.clientIsSlow() {
			until = earlier(until, r.Loop.Now().Add(slowAfter)) // to see whether it has become so
		}
	} else if x.mindsClient() {
		on = append(on, r.Down.Gone())
	}
	var sending *loop.Event
	if x.up.on {
		var late loop.Instant
		if sending, late = x.uploadEvent(); sending != nil {
			on = append(on, sending)
			until = earlier(until, late)
		}
	}
	err := r.Loop.Wait(until, on...)
	now := r.Loop.Now()
	switch {
	case err == nil:
	case err != loop.ErrTimeout:
		return x.cut(err)
	case congested && past(now, x.sendDeadline()):
		return x.clientLost(loop.ErrTimeout)
	case silent && !held && past(now, deadline(heard, x.Set.ReadTimeout)):
		return x.cut(loop.ErrTimeout)
	case sending != nil:
		if _, late := x.uploadEvent(); past(now, late) {
			return x.uploadFailed(x.uploadLate())
		}
	}
	if congested {
		if err := r.Down.TryFlush(); err != nil {
			return x.clientLost(err)
		}
	} else if (held || !x.readable.IsSet()) && x.mindsClient() && r.Down.ClientGone() {
		return x.clientLost(errAbort)
	}
	return core.OK
}

// A client that takes more than fastClient bytes per second is about as quick as the backend: it is waited for, since
// to write to a file and read again would cost more than the backend's connection is held longer. Who is slower than
// that over slowAfter gets what does not fit into proxy_buffers from a temporary file, and the backend is free.
const (
	fastClient = 16 << 20
	slowAfter  = 100 * time.Millisecond
)

// clientIsSlow judges by the response so far.
func (x *Exchange) clientIsSlow() bool {
	elapsed := x.R.Loop.Now().Sub(x.began)
	return elapsed >= slowAfter && float64(x.R.Main.BytesSent-x.beganBytes) < fastClient*elapsed.Seconds()
}

func past(now, until loop.Instant) bool { return until != 0 && now >= until }

// sendDeadline is when the client has taken nothing for send_timeout.
func (x *Exchange) sendDeadline() loop.Instant {
	if sent := x.R.Main.BytesSent; sent != x.tookBytes {
		x.tookBytes, x.took = sent, x.R.Loop.Now()
	}
	return deadline(x.took, x.R.Location.Conf.SendTimeout)
}

// earlier is the earlier of two instants, of which zero is never.
func earlier(a, b loop.Instant) loop.Instant {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// clientLost ends an exchange whose client has gone or takes nothing any more. It has not gone when it was the response's
// head that a filter did not let pass.
func (x *Exchange) clientLost(err error) core.Verdict {
	r := x.R
	switch {
	case errors.Is(err, core.ErrInstead):
		return x.instead()
	case errors.Is(err, errAbort):
		r.Error(logs.Info, "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while %s", readingBody)
	case errors.Is(err, loop.ErrTimeout):
		r.Error(logs.Info, "client timed out (110: Connection timed out) while sending to client")
	}
	if !r.HeadSent {
		r.LogStatus = 499
	}
	x.release(pool.ResponseUnread)
	x.done("")
	return core.Close
}

// clientFailed ends an exchange whose request body could not be read: the client sent too much of it, or a malformed one
// (413, 400), or was too slow (408, without an answer, as in nginx), or has gone.
func (x *Exchange) clientFailed(err error) core.Verdict {
	var body *core.BodyError
	if errors.As(err, &body) && body.Status != 408 {
		x.release(pool.RequestUnsent)
		x.done("")
		return body.Verdict()
	}
	slow := errors.Is(err, loop.ErrTimeout) || body != nil
	verdict := x.clientLost(err)
	if slow {
		x.R.LogStatus = 408
	}
	return verdict
}

// uploadFailed ends an exchange whose request could not be sent to its end while the response was on its way.
func (x *Exchange) uploadFailed(err error) core.Verdict {
	var body *core.BodyError
	switch {
	case !isClient(err):
		return x.cut(err)
	case errors.As(err, &body) && !x.R.HeadSent:
		return x.clientFailed(err)
	}
	return x.clientLost(err)
}

// cut ends an exchange whose backend broke off in the middle of the body. The client gets what has come, unless the body was
// malformed, and must not take that for the whole: its connection is closed without the end of the message (RFC 9112,
// section 8).
func (x *Exchange) cut(err error) core.Verdict {
	r := x.R
	if local, ok := err.(*localError); ok {
		r.Error(logs.Crit, "%s while %s", local.cause(), readingBody)
		x.release(pool.ResponseUnread)
		x.done("")
		return core.Close
	}
	fault := faultOf(err, readingBody, x.called("recv()"))
	r.Error(logs.Error, "%s", fault.cause)
	x.ended = true
	x.release(closeReason(err))
	x.done(readingBody)
	if fault.Condition != OnInvalidHeader {
		x.deliverRest()
	}
	return core.Close
}

// deliverRest sends what has come, as fast as the client takes it, if it takes something within send_timeout. What becomes of
// that matters to nobody any more.
func (x *Exchange) deliverRest() {
	r := x.R
	_ = r.Send(core.Chunk{Flush: true})
	for {
		if err := x.pushPipe(); err != nil && err != conn.ErrAgain {
			return
		}
		if !x.piped() && !r.Down.Congested() {
			if !x.store.pending() {
				return
			}
			if x.store.send(r) != nil || r.Send(core.Chunk{Flush: true}) != nil {
				return
			}
			continue
		}
		_ = r.Loop.Wait(earlier(x.sendDeadline(), r.Down.ResumeAt()), r.Down.Writable())
		if past(r.Loop.Now(), x.sendDeadline()) || r.Down.TryFlush() != nil {
			return
		}
	}
}
