package upstream

import (
	"hearth/internal/conn"
	"hearth/internal/logs"
)

// spliceFrom is the size from which moving a body through a pipe is cheaper than reading and writing it.
const spliceFrom = 64 << 10

// splices says whether the next bytes can go from socket to socket inside the kernel: a long run of body bytes that
// nothing here looks at, neither a filter nor a limit nor an encoding on either side.
func (x *Exchange) splices() bool {
	return x.rate == 0 && !x.store.pending() && x.Proto.RawBody(x) >= spliceFrom && x.tls == nil && x.R.RawOutput() && x.R.Down.Raw() != nil
}

// splice moves what the backend has sent into a pipe and from there to the client. What the client's socket does not
// take stays in the pipe: the client then counts as congested until pushPipe has got rid of it.
func (x *Exchange) splice() error {
	if x.pipe == nil {
		pipe, err := conn.NewSplicer(x.R.Loop)
		if err != nil {
			return &localError{err}
		}
		x.pipe = pipe
	}
	n, err := x.pipe.Pull(x.Conn, x.Proto.RawBody(x))
	if err != nil {
		return premature(err)
	}
	x.Proto.TookRaw(x, int64(n))
	x.attempt().Length += int64(n)
	if x.Proto.BodyDone(x) {
		x.finish()
	}
	if err := x.pushPipe(); err != nil && err != conn.ErrAgain {
		return &clientError{err}
	}
	return nil
}

// piped says whether bytes are in the pipe.
func (x *Exchange) piped() bool { return x.pipe != nil && x.pipe.Held() > 0 }

// pushPipe hands the client what is in the pipe; conn.ErrAgain when it takes no more.
func (x *Exchange) pushPipe() error {
	for x.piped() {
		n, err := x.pipe.Push(x.R.Down.Raw())
		x.R.Down.CountSent(int64(n))
		if err != nil {
			return err
		}
	}
	return nil
}

// closePipe gives the pipe back to the loop; with bytes in it, it is closed.
func (x *Exchange) closePipe() {
	if x.pipe == nil {
		return
	}
	if x.piped() {
		x.R.Error(logs.Debug, "%d spliced bytes were not delivered", x.pipe.Held())
	}
	x.pipe.Release()
	x.pipe = nil
}
