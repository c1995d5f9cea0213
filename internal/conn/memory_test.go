package conn

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"hearth/internal/loop"
)

func TestReadOfAnInMemoryConn(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(p *Peer)
		want string
		err  error
	}{
		{"waits for bytes", func(p *Peer) { p.Send([]byte("hello")) }, "hello", nil},
		{"sees the end", func(p *Peer) { p.CloseWrite() }, "", io.EOF},
		{"sees the bytes before the end", func(p *Peer) { p.Send([]byte("bye")); p.Close() }, "bye", nil},
		{"sees a reset", func(p *Peer) { p.Send([]byte("lost")); p.Reset() }, "", syscall.ECONNRESET},
		{"times out", func(p *Peer) {}, "", loop.ErrTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			c, p := Pair(l)
			var got string
			err := errors.New("still waiting")
			s.Do(l, func() {
				buf := make([]byte, 100)
				var n int
				n, err = c.Read(buf, l.Now().Add(time.Second))
				got = string(buf[:n])
				c.Close()
			})
			tt.do(p)
			s.Run()
			s.Advance(time.Minute)
			if got != tt.want || err != tt.err {
				t.Errorf("read %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestTheEndIsNotLostWhenItArrivesWithTheLastBytes(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	p.Send([]byte("all"))
	p.CloseWrite()
	var first string
	var then error
	s.Do(l, func() {
		buf := make([]byte, 100) // a short read
		n, _ := c.Read(buf, 0)
		first = string(buf[:n])
		_, then = c.Read(buf, l.Now().Add(time.Second))
		c.Close()
	})
	if first != "all" || then != io.EOF {
		t.Errorf("read %q then %v, want all then EOF", first, then)
	}
}

func TestAShortReadSavesTheOneThatWouldSayAgain(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	defer c.Close()
	p.Send([]byte("12345678"))
	s.Do(l, func() {
		buf := make([]byte, 4)
		c.Read(buf, 0)
		if !c.Readable().IsSet() {
			t.Error("a full read cleared readable")
		}
		c.Read(make([]byte, 5), 0)
		if c.Readable().IsSet() {
			t.Error("a short read left readable set")
		}
	})
}

func TestWriteWaitsForRoomAsOftenAsItTakes(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	p.SetWindow(3)
	var err error
	done := false
	s.Do(l, func() {
		err = c.Writev([][]byte{[]byte("ab"), {}, []byte("cdefg"), []byte("h")}, time.Second)
		done = true
		c.Close()
	})
	var got []byte
	for range 5 {
		got = append(got, p.Received()...)
		s.Advance(900 * time.Millisecond) // the timeout begins anew with each
	}
	if !done || err != nil || string(got) != "abcdefgh" {
		t.Errorf("done %v, error %v, received %q", done, err, got)
	}
	if c.BytesWritten != 8 {
		t.Errorf("BytesWritten %d, want 8", c.BytesWritten)
	}
}

func TestWriteEndsWhenThereIsNoRoomForTheTimeout(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	p.SetWindow(3)
	var err error
	s.Do(l, func() {
		err = c.Write([]byte("abcdef"), time.Second)
		c.Close()
	})
	s.Advance(time.Minute)
	if err != loop.ErrTimeout {
		t.Errorf("error %v, want ErrTimeout", err)
	}
	if got := p.Received(); string(got) != "abc" {
		t.Errorf("received %q", got)
	}
}

func TestPeek(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(p *Peer)
		want error
	}{
		{"a quiet connection is fine", func(p *Peer) {}, nil},
		{"bytes are unexpected", func(p *Peer) { p.Send([]byte("?")) }, ErrUnexpected},
		{"the end is seen", func(p *Peer) { p.Close() }, io.EOF},
		{"a reset is seen", func(p *Peer) { p.Reset() }, syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, l := testSim(t)
			c, p := Pair(l)
			defer c.Close()
			tt.do(p)
			if err := c.Peek(); err != tt.want { // even before the poller has told
				t.Errorf("Peek returned %v, want %v", err, tt.want)
			}
		})
	}
}

func TestHalfClose(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	p.Send([]byte("request"))
	p.CloseWrite()
	s.Do(l, func() {
		all := make([]byte, 0, 100)
		for {
			n, err := c.Read(all[len(all):cap(all)], 0)
			all = all[:len(all)+n]
			if err == io.EOF {
				break
			}
		}
		c.Write(append(all, '!'), 0)
		c.CloseWrite()
	})
	if got := p.Received(); string(got) != "request!" || !p.Ended() || p.ConnClosed() {
		t.Errorf("received %q, ended %v, closed %v", got, p.Ended(), p.ConnClosed())
	}
	c.Close()
	if !p.ConnClosed() || p.ConnReset() {
		t.Errorf("closed %v, reset %v, want a plain close", p.ConnClosed(), p.ConnReset())
	}
}

func TestCloseWakesTheFiberThatWaits(t *testing.T) {
	s, l := testSim(t)
	c, _ := Pair(l)
	var err error
	s.Do(l, func() { _, err = c.Read(make([]byte, 1), 0) })
	s.Do(l, func() { c.Close(); c.Close() })
	if err != ErrClosed {
		t.Errorf("the reader got %v, want ErrClosed", err)
	}
	if err := c.Write([]byte("x"), 0); err != ErrClosed {
		t.Errorf("a write got %v, want ErrClosed", err)
	}
}

type idleFunc func(c *Conn)

func (f *idleFunc) ConnReady(c *Conn) { (*f)(c) }

func TestOnIdle(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(p *Peer)
		want int
	}{
		{"bytes are told", func(p *Peer) { p.Send([]byte("x")) }, 1},
		{"the end is told", func(p *Peer) { p.CloseWrite() }, 1},
		{"a reset is told", func(p *Peer) { p.Reset() }, 1},
		{"room to write is not", func(p *Peer) { p.SetWindow(0); p.SetWindow(1) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			c, p := Pair(l)
			defer c.Close()
			told := 0
			h := idleFunc(func(c *Conn) {
				told++
				c.OnIdle(nil)
			})
			c.OnIdle(&h)
			tt.do(p)
			s.Run()
			if told != tt.want {
				t.Errorf("told %d times, want %d", told, tt.want)
			}
			if told > 0 && !c.Readable().IsSet() {
				t.Error("Readable is not set after taking it back")
			}
		})
	}
}

func TestWatch(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(p *Peer)
		want int
	}{
		{"bytes are told", func(p *Peer) { p.Send([]byte("x")) }, 1},
		{"the end is told", func(p *Peer) { p.CloseWrite() }, 1},
		{"a reset is told", func(p *Peer) { p.Reset() }, 1},
		{"room to write is told", func(p *Peer) { p.SetWindow(0); p.SetWindow(1) }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			c, p := Pair(l)
			defer c.Close()
			told := 0
			h := idleFunc(func(c *Conn) { told++ })
			c.Watch(&h)
			tt.do(p)
			s.Run()
			if told != tt.want {
				t.Errorf("told %d times, want %d", told, tt.want)
			}
			c.Watch(nil)
			c.OnIdle(nil)
			if !p.gone {
				p.SetWindow(0)
				p.SetWindow(1)
				s.Run()
			}
			if told != tt.want {
				t.Error("told after the watch had ended")
			}
		})
	}
}

func TestAnIdleConnMovesToAnotherLoop(t *testing.T) {
	s, a := testSim(t)
	b := s.Loop()
	c, p := Pair(a)
	told := 0
	h := idleFunc(func(*Conn) { told++ })
	c.OnIdle(&h)
	p.Send([]byte("early")) // reported to a, which has not run yet
	var got []byte
	s.Do(b, func() {
		if err := c.Move(b); err != nil {
			t.Error(err)
		}
		c.OnIdle(nil)
		buf := make([]byte, 100)
		n, err := c.Read(buf, b.Now().Add(time.Second))
		if err != nil {
			t.Error(err)
		}
		got = buf[:n]
		c.Write([]byte("answer"), 0)
		c.Close()
	})
	if string(got) != "early" || string(p.Received()) != "answer" {
		t.Errorf("read %q on the new loop", got)
	}
	if c.Loop() != b {
		t.Error("the loop did not change")
	}
}

func TestMovingAConnInUsePanics(t *testing.T) {
	s, a := testSim(t)
	b := s.Loop()
	c, _ := Pair(a)
	defer c.Close()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	c.Move(b)
}

func TestSpliceInMemory(t *testing.T) {
	s, l := testSim(t)
	from, fp := Pair(l)
	to, tp := Pair(l)
	tp.SetWindow(1000)
	body := bytes.Repeat([]byte("0123456789"), 20000)
	fp.Send(body)
	var moved int64
	err := errors.New("unfinished")
	s.Do(l, func() {
		moved, err = Splice(to, from, int64(len(body)), time.Second, time.Second)
		from.Close()
		to.Close()
	})
	var got []byte
	for len(tp.Pending()) > 0 {
		got = append(got, tp.Received()...)
		s.Run()
	}
	if err != nil || moved != int64(len(body)) || !bytes.Equal(got, body) {
		t.Errorf("moved %d, received %d, error %v", moved, len(got), err)
	}
}

func TestASpliceCutShortIsAnError(t *testing.T) {
	s, l := testSim(t)
	from, fp := Pair(l)
	to, _ := Pair(l)
	fp.Send([]byte("half"))
	fp.Close()
	var err error
	s.Do(l, func() {
		_, err = Splice(to, from, 8, 0, 0)
		from.Close()
		to.Close()
	})
	var se *SpliceError
	if !errors.As(err, &se) || se.Write || se.Err != io.ErrUnexpectedEOF {
		t.Errorf("error %#v, want an unexpected end of the source", err)
	}
}
