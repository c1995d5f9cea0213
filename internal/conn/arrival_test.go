package conn

import (
	"errors"
	"io"
	"slices"
	"testing"

	"hearth/internal/loop"
)

func TestAnArrivalIsWhatReadWouldReturn(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *Conn, p *Peer)
		n    int
		err  error
		next error // of TryRead afterwards
	}{
		{"bytes", func(_ *Conn, p *Peer) { p.Send([]byte("abc")) }, 3, nil, ErrAgain},
		{"more bytes than there is room for", func(_ *Conn, p *Peer) { p.Send([]byte("abcdefgh")) }, 5, nil, nil},
		{"the end", func(_ *Conn, p *Peer) { p.CloseWrite() }, 0, io.EOF, io.EOF},
		{"bytes and the end", func(_ *Conn, p *Peer) { p.Send([]byte("abc")); p.CloseWrite() }, 3, nil, io.EOF},
		{"a connection that is closed", func(c *Conn, _ *Peer) { c.Close() }, 0, ErrAgain, ErrClosed},
		{"nothing in time", func(*Conn, *Peer) {}, 0, loop.ErrTimeout, ErrAgain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			c, p := Pair(l)
			defer c.Close()
			var a Arrival
			n, err, next := 0, error(nil), error(nil)
			s.Do(l, func() {
				n, err = a.Read(c, make([]byte, 5), l.Now().Add(10), nil)
				_, next = c.TryRead(make([]byte, 5))
			})
			tt.do(c, p)
			s.Advance(20)
			if n != tt.n || err != tt.err || next != tt.next {
				t.Errorf("%d, %v, then %v; want %d, %v, then %v", n, err, next, tt.n, tt.err, tt.next)
			}
		})
	}
}

func TestAnArrivalsErrorIsNotLost(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	defer c.Close()
	var a Arrival
	var err error
	s.Do(l, func() { _, err = a.Read(c, make([]byte, 5), 0, nil) })
	p.Reset()
	s.Run()
	if err == nil || errors.Is(err, io.EOF) || err == ErrAgain {
		t.Errorf("the reset shows as %v", err)
	}
}

func TestSomethingElseEndsTheWaitForAnArrival(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	defer c.Close()
	var a Arrival
	var other loop.Event
	err := error(nil)
	s.Do(l, func() { _, err = a.Read(c, make([]byte, 5), 0, &other) })
	s.Do(l, func() { other.Set(l) })
	if err != ErrAgain {
		t.Errorf("error %v, want ErrAgain", err)
	}
	p.Send([]byte("x"))
	s.Run()
	if c.BytesRead != 0 {
		t.Error("what comes afterwards is read all the same")
	}
}

// All that has come is read before the first fiber goes on.
func TestArrivalsOfATurnAreReadTogether(t *testing.T) {
	s, l := testSim(t)
	var order []string
	var peers []*Peer
	for range 3 {
		c, p := Pair(l)
		defer c.Close()
		peers = append(peers, p)
		s.Do(l, func() {
			var a Arrival
			n, err := a.Read(c, make([]byte, 5), 0, nil)
			for _, p := range peers {
				if len(p.Conn().mem.in) > 0 {
					t.Error("a fiber goes on while bytes are left in a socket")
				}
			}
			if n != 1 || err != nil || c.BytesRead != 1 {
				t.Errorf("%d, %v, %d counted; want one byte", n, err, c.BytesRead)
			}
			order = append(order, "went on")
		})
	}
	for _, p := range peers {
		p.Send([]byte("x"))
	}
	s.Run()
	if want := []string{"went on", "went on", "went on"}; !slices.Equal(order, want) {
		t.Errorf("%q", order)
	}
}

// What comes in two parts ends one expectation only, and the connection has its handler back.
func TestTheFormerHandlerIsBackAfterAnArrival(t *testing.T) {
	s, l := testSim(t)
	c, p := Pair(l)
	defer c.Close()
	told := 0
	h := idleFunc(func(c *Conn) { told++ })
	c.OnIdle(&h)
	c.OnIdle(nil)
	slot := c.idle.Load()
	var a Arrival
	buf := make([]byte, 5)
	s.Do(l, func() {
		if n, err := a.Read(c, buf, 0, nil); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	p.Send([]byte("ab"))
	s.Run()
	p.Send([]byte("cd"))
	s.Run()
	if string(buf) != "ab\x00\x00\x00" {
		t.Errorf("buffer %q: the second part belongs to the next read", buf)
	}
	if c.idle.Load() != slot {
		t.Error("another handler than before")
	}
	if n, err := c.TryRead(buf); n != 2 || err != nil {
		t.Errorf("the second part: %d, %v", n, err)
	}
	c.OnIdle(&h)
	p.Send([]byte("e"))
	s.Run()
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}
