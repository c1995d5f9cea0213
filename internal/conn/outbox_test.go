package conn

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// soon is a loop with connections, and what has been sent to their peers, in order.
type soon struct {
	t    *testing.T
	sim  *loop.Sim
	loop *loop.Loop
	sent []string
}

func newSoon(t *testing.T) *soon {
	sim, l := testSim(t)
	return &soon{t: t, sim: sim, loop: l}
}

// pair makes a connection; name says in sent whose bytes they are.
func (s *soon) pair(name string, client bool) (*Conn, *Peer) {
	c, p := Pair(s.loop)
	if client {
		c.client = true
		s.loop.Clients().Add(1)
	}
	p.OnData = func(p *Peer) {
		if b := p.Received(); len(b) > 0 {
			s.sent = append(s.sent, name+":"+string(b))
		}
	}
	s.t.Cleanup(c.Close)
	return c, p
}

// post writes soon, and wants all of it taken and none of it sent yet.
func (s *soon) post(c *Conn, text string) {
	s.t.Helper()
	if n, err := c.TryWriteSoon([]byte(text)); n != len(text) || err != nil {
		s.t.Errorf("TryWriteSoon took %d, %v; want all %d bytes", n, err, len(text))
	}
	if c.BytesWritten != 0 || !c.Posted() {
		s.t.Errorf("%q has been written at once", text)
	}
}

func (s *soon) wantSent(want ...string) {
	s.t.Helper()
	ok := len(s.sent) == len(want)
	for i := range s.sent {
		ok = ok && s.sent[i] == want[i]
	}
	if !ok {
		s.t.Errorf("sent %q, want %q", s.sent, want)
	}
	s.sent = nil
}

func TestSmallMessagesLeaveAtTheEndOfTheTurnThoseToBackendsFirst(t *testing.T) {
	s := newSoon(t)
	client, _ := s.pair("client", true)
	backend, _ := s.pair("backend", false)
	s.sim.Do(s.loop, func() {
		s.post(client, "answer")
		s.post(backend, "request")
	})
	s.wantSent("backend:request", "client:answer")
	if client.BytesWritten != 6 || client.Posted() {
		t.Errorf("%d bytes counted as written, want 6", client.BytesWritten)
	}
}

func TestWhatIsWrittenAfterAMessageFollowsIt(t *testing.T) {
	for name, write := range map[string]func(c *Conn) error{
		"by Write":        func(c *Conn) error { return c.Write([]byte("two"), 0) },
		"by Writev":       func(c *Conn) error { return c.Writev([][]byte{[]byte("tw"), []byte("o")}, 0) },
		"as soon as that": func(c *Conn) error { _, err := c.TryWriteSoon([]byte("two")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSoon(t)
			c, _ := s.pair("c", false)
			s.sim.Do(s.loop, func() {
				s.post(c, "one,")
				if err := write(c); err != nil {
					t.Error(err)
				}
			})
			s.wantSent("c:one,two")
		})
	}
}

func TestClosingSendsTheMessageFirstAndResettingDropsIt(t *testing.T) {
	s := newSoon(t)
	for name, end := range map[string]func(c *Conn){"closed": (*Conn).Close, "ended": func(c *Conn) { c.CloseWrite() }, "reset": (*Conn).Reset} {
		c, p := s.pair(name, true)
		s.sim.Do(s.loop, func() {
			s.post(c, "last")
			end(c)
		})
		if name == "reset" {
			s.wantSent()
		} else {
			s.wantSent(name + ":last")
		}
		if !p.Ended() {
			t.Errorf("%s: the peer does not see the end", name)
		}
	}
}

func TestAMessageThatDoesNotFitLeavesWhenThereIsRoom(t *testing.T) {
	const inUse, idle, idleLater = 0, 1, 2
	for name, state := range map[string]int{"of a connection in use": inUse, "of an idle client": idle, "of one that is idle later": idleLater} {
		t.Run(name, func(t *testing.T) {
			s := newSoon(t)
			c, p := s.pair("c", true)
			p.OnData = nil
			p.SetWindow(4)
			s.sim.Do(s.loop, func() {
				s.post(c, "abcdefgh")
				if state == idle {
					c.OnIdle(idleForTest{})
				}
			})
			if state == idleLater {
				c.OnIdle(idleForTest{})
			}
			if got := string(p.Received()); got != "abcd" || c.BytesWritten != 4 {
				t.Fatalf("sent %q, %d bytes counted; want the 4 there is room for", got, c.BytesWritten)
			}
			if n, err := c.TryWriteSoon([]byte("i")); n != 0 || err != ErrAgain {
				t.Errorf("took %d, %v meanwhile; want nothing", n, err)
			}
			s.sim.Run()
			if got := string(p.Received()); got != "efgh" || c.BytesWritten != 8 {
				t.Errorf("then %q, %d bytes counted; want the rest", got, c.BytesWritten)
			}
			s.sim.Run()
			if state != inUse {
				c.OnIdle(nil)
			}
			if !c.Writable().IsSet() {
				t.Error("not writable after that")
			}
		})
	}
}

type idleForTest struct{}

func (idleForTest) ConnReady(*Conn) {}

func TestAMessageThatCannotBeSentShowsInTheNextRead(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(p *Peer)
		want error
	}{
		"the peer has closed": {(*Peer).Close, io.EOF},
		"the peer has reset":  {(*Peer).Reset, unix.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSoon(t)
			conn, p := s.pair("c", false)
			s.sim.Do(s.loop, func() {
				s.post(conn, "request")
				c.end(p)
				if _, err := conn.Read(make([]byte, 10), 0); err != c.want {
					t.Errorf("Read: %v, want %v", err, c.want)
				}
			})
			if conn.BytesWritten != 0 {
				t.Errorf("%d bytes counted as written", conn.BytesWritten)
			}
		})
	}
}

func TestATurnKeepsBackNoMoreThanItsShare(t *testing.T) {
	s := newSoon(t)
	s.sim.Do(s.loop, func() {
		for range outboxItems {
			c, _ := s.pair("c", false)
			s.post(c, "x")
		}
		first := outboxes.Of(s.loop).items[0].conn
		c, _ := s.pair("c", false)
		s.post(c, "x")
		if first.Posted() {
			t.Error("the first message still waits")
		}
	})
	if len(s.sent) != outboxItems+1 {
		t.Errorf("%d messages sent, want %d", len(s.sent), outboxItems+1)
	}
}

func TestATLSMessageLeavesAtTheEndOfTheTurnAndWhatFollowsComesBehindIt(t *testing.T) {
	for name, after := range map[string]struct {
		do   func(c *Conn)
		want string
	}{
		"nothing":   {func(*Conn) {}, "one,"},
		"a write":   {func(c *Conn) { c.Write([]byte("two"), 0) }, "one,two"},
		"a message": {func(c *Conn) { c.TryWriteSoon([]byte("two")) }, "one,two"},
		"the end":   {func(c *Conn) { c.CloseWrite() }, "one,"},
		"a close":   {(*Conn).Close, "one,"},
	} {
		t.Run(name, func(t *testing.T) {
			sim, c, _, tc := tlsPair(t, TLSOptions{})
			sim.Do(c.Loop(), func() {
				before := c.BytesWritten
				if n, err := c.TryWriteSoon([]byte("one,")); n != 4 || err != nil {
					t.Errorf("TryWriteSoon took %d, %v; want all 4 bytes", n, err)
				}
				if c.BytesWritten != before || !c.Posted() {
					t.Error("it has been written at once")
				}
				after.do(c)
			})
			sim.Run()
			if c.Posted() {
				t.Error("it still waits after the turn")
			}
			sim.Do(c.Loop(), c.Close)
			if got, err := io.ReadAll(tc); string(got) != after.want || err != nil {
				t.Errorf("the client reads %q, %v; want %q and a goodbye", got, err, after.want)
			}
		})
	}
}

func TestAGoodbyeDoesNotOvertakeATLSMessage(t *testing.T) {
	sim, c, p, tc := tlsPair(t, TLSOptions{})
	p.SetWindow(10)
	sim.Do(c.Loop(), func() {
		c.TryWriteSoon([]byte("of which the peer gets a part"))
	})
	sim.Do(c.Loop(), func() {
		p.SetWindow(1 << 20) // the loop has not been told yet
		c.Close()
	})
	if got, err := io.ReadAll(tc); len(got) != 0 || err != io.ErrUnexpectedEOF {
		t.Errorf("the client reads %q, %v; want a stream that is cut, not one that is garbled", got, err)
	}
}
