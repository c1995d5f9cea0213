package frontend

import (
	"io"

	"hearth/internal/core"
	"hearth/internal/loop"
)

// h2Output is one response on its way to the wire. What the wire takes, within the client's windows and a bound of its own,
// leaves at the end of the turn with what the other streams have said; what it does not take waits here.
//
// A response is done when the wire has all of it. What it then holds is bounded, and belongs to the connection: if that
// breaks, or its client takes nothing any more, it is like what is lost in the kernel's buffers.
type h2Output struct {
	queue []byte // queue[done:] waits; nil while nothing does
	done  int
	files []fileRange // where between the queue's bytes they go out

	started  bool // the head is on the wire
	bodiless bool // nothing goes out after it
	last     bool // the end of the body has been handed in
	ended    bool // and is on the wire
	timedOut bool
	err      error // nothing more can be sent

	left     int64 // by Content-Length: body bytes to be handed in; -1 = any number
	headSize int64 // bytes on the wire that are not the body's
	sent     int64 // body bytes on the wire
	pace     pace
	writable loop.Event // the fiber has something to do: see move. It alone takes that back
	scratch  [32]byte
}

func (o *h2Output) begin(l *loop.Loop) {
	files := o.files[:0]
	*o = h2Output{}
	o.files = files
	o.writable.Set(l)
}

func (o *h2Output) release(sh *shard) {
	o.putQueue(sh)
	clear(o.files)
	o.files = o.files[:0]
}

func (o *h2Output) putQueue(sh *shard) {
	if o.queue != nil {
		sh.putBuffer(o.queue)
		o.queue, o.done = nil, 0
	}
}

func (o *h2Output) pending() bool { return o.done < len(o.queue) || len(o.files) > 0 }

func (o *h2Output) fail(err error) error {
	if o.err == nil {
		o.err = err
	}
	return o.err
}

func (o *h2Output) complete() bool { return o.err == nil && o.ended }

// took accounts for n bytes of the body that the wire has taken, in frames of http2_chunk_size.
func (s *h2Stream) took(n int) {
	o := &s.out
	frames := 1
	if chunk := s.ws.Chunk; chunk > 0 {
		frames = (n + chunk - 1) / chunk
	}
	o.sent += int64(n)
	s.wrote(frames * frameHead)
}

// wrote accounts for n bytes that are not the body's.
func (s *h2Stream) wrote(n int) {
	o := &s.out
	o.headSize += int64(n)
	s.req.BytesSent, s.req.BodySent = o.headSize+o.sent, o.sent
	s.conn.askTurnEnd()
}

// Send implements core.Downstream.
//
// A file must stay open until the response has been flushed.
func (s *h2Stream) Send(c core.Chunk) error {
	o := &s.out
	switch {
	case o.err != nil:
		return o.err
	case !o.started:
		if err := s.SendHead(s.req); err != nil {
			return err
		}
	}
	size := c.Size()
	switch {
	case o.last && size > 0:
		return o.fail(errLength)
	case o.last:
		return s.TryFlush()
	case o.bodiless:
		o.last = c.Last
		return nil
	case o.left >= 0:
		if size > o.left || c.Last && size < o.left {
			return o.fail(errLength)
		}
		o.left -= size
	}
	o.last = c.Last
	s.put(c.Mem, c.Last && c.Len == 0)
	if c.Len > 0 && c.File.IsOpen() {
		o.files = append(o.files, fileRange{c.File, c.Off, c.Len, len(o.queue)})
	}
	return s.TryFlush()
}

// put gives mem to the wire, and keeps what that does not take.
func (s *h2Stream) put(mem []byte, last bool) {
	o := &s.out
	if !o.pending() && o.pace.rate == 0 {
		mem = mem[s.write(mem, last):]
	}
	if len(mem) > 0 {
		if o.queue == nil {
			o.queue = s.shard.takeBuffer()
		}
		o.queue = append(o.queue, mem...)
	}
}

// write gives p to the wire, and returns how much that took. With the last of the body goes its end, unless trailers follow.
func (s *h2Stream) write(p []byte, last bool) int {
	if len(p) == 0 {
		return 0
	}
	last = last && len(s.req.Out.Trailers) == 0
	took := s.wire.WriteData(s.ws, p, last)
	if took > 0 {
		s.out.ended = last && took == len(p)
		s.took(took)
	}
	return took
}

// Congested implements core.Downstream.
func (s *h2Stream) Congested() bool { return s.out.pending() }

// TryFlush implements core.Downstream.
func (s *h2Stream) TryFlush() error {
	s.out.writable.Clear()
	s.move()
	if o := &s.out; o.pending() && o.err == nil && !s.conn.blocked && o.pace.resume == 0 {
		// The wire is full, or the client's window is. The former helps at once to write what there is.
		s.conn.flush()
	}
	return s.out.err
}

// room is told by the wire that it takes more.
func (s *h2Stream) room() { s.move() }

// move gives the wire what it takes of what waits. What makes progress wakes the fiber, if that waits for it; so does the
// pace where it holds the rest back, which only the fiber can wait for.
func (s *h2Stream) move() {
	o := &s.out
	before, held := o.sent, false
	for o.err == nil && o.pending() && !held {
		allowed := o.pace.allowed(s.loop.Now(), o.sent, s.piece())
		held = allowed == 0
		if !held && s.writeNext(allowed) < allowed {
			break
		}
	}
	if o.err == nil && !o.pending() && o.last && !o.ended {
		s.sendEnd()
	}
	if o.sent != before || !o.pending() || held {
		o.writable.Set(s.loop)
	}
}

// piece is how many bytes can go out at once: queued ones up to the next file, or that file's.
func (s *h2Stream) piece() int64 {
	o := &s.out
	end := len(o.queue)
	if len(o.files) > 0 {
		if end = o.files[0].at; end == o.done {
			return o.files[0].n
		}
	}
	return int64(end - o.done)
}

// writeNext gives the wire up to n bytes of that piece.
func (s *h2Stream) writeNext(n int64) int64 {
	o := &s.out
	if len(o.files) > 0 && o.files[0].at == o.done {
		return s.writeFile(n)
	}
	p := o.queue[o.done : o.done+int(n)]
	took := s.write(p, o.last && len(o.files) == 0 && o.done+int(n) == len(o.queue))
	if o.done += took; o.done == len(o.queue) && len(o.files) == 0 {
		o.putQueue(s.shard)
	}
	return int64(took)
}

// writeFile reads up to n bytes of the first file straight into the wire.
func (s *h2Stream) writeFile(n int64) (total int64) {
	o := &s.out
	for f := &o.files[0]; total < n; {
		p := s.wire.Reserve(s.ws, int(min(n-total, scratchSize)))
		if len(p) == 0 {
			return total
		}
		m, err := f.file.ReadAt(p, f.off)
		if m < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			s.wire.Commit(s.ws, 0, false)
			o.fail(err)
			return total
		}
		f.off += int64(m)
		f.n -= int64(m)
		end := f.n == 0 && o.last && len(o.files) == 1 && f.at == len(o.queue) && len(s.req.Out.Trailers) == 0
		s.wire.Commit(s.ws, m, end)
		o.ended = end
		s.took(m)
		total += int64(m)
		if f.n == 0 {
			k := copy(o.files, o.files[1:])
			o.files[k] = fileRange{}
			o.files = o.files[:k]
			if !o.pending() {
				o.putQueue(s.shard)
			}
			return n
		}
	}
	return total
}

// sendEnd ends the response after its body: with trailers, or with an empty frame.
func (s *h2Stream) sendEnd() {
	s.out.ended = true
	trailers := s.req.Out.Trailers
	if len(trailers) == 0 {
		s.wire.WriteData(s.ws, nil, true)
		s.wrote(frameHead)
		return
	}
	hw := s.wire.Headers(s.ws)
	s.fields(hw, trailers)
	s.wrote(hw.End(true))
}

// WaitFlush implements core.Downstream.
func (s *h2Stream) WaitFlush() error {
	o := &s.out
	timeout := s.settings().SendTimeout
	deadline, sent := s.loop.Now().Add(timeout), o.sent
	for {
		if err := s.TryFlush(); err != nil {
			return err
		}
		if !o.pending() {
			return nil
		}
		if o.sent != sent {
			deadline, sent = s.loop.Now().Add(timeout), o.sent
		}
		if err := s.waitRoom(deadline); err != nil {
			o.timedOut = err == loop.ErrTimeout
			return o.fail(err)
		}
	}
}

// waitRoom waits until more can be sent.
func (s *h2Stream) waitRoom(deadline loop.Instant) error {
	if resume := s.out.pace.resume; resume > s.loop.Now() {
		if err := s.loop.Wait(resume, &s.left); err != loop.ErrTimeout {
			return err
		}
		return nil
	}
	return s.loop.Wait(deadline, &s.out.writable)
}

// Writable implements core.Downstream. While the pace holds output back, room says nothing: then it is an event that is never
// set, and ResumeAt says how long to wait.
func (s *h2Stream) Writable() *loop.Event {
	if s.out.pace.resume > s.loop.Now() {
		return &s.out.pace.held
	}
	return &s.out.writable
}

// SetRate implements core.Downstream.
func (s *h2Stream) SetRate(bytesPerSecond, after int64) {
	s.out.pace.set(s.loop.Now(), bytesPerSecond, after)
}

// ResumeAt implements core.Downstream.
func (s *h2Stream) ResumeAt() loop.Instant { return s.out.pace.resume }
