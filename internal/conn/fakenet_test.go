package conn

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"hearth/internal/loop"
)

func TestFakeNet(t *testing.T) {
	addr := MustAddr("10.0.0.1:80")
	for _, tt := range []struct {
		name  string
		setUp func(n *FakeNet)
		want  error
	}{
		{"connects to a server", func(n *FakeNet) { n.Listen(addr, func(*Peer) {}) }, nil},
		{"is refused without one", func(n *FakeNet) {}, syscall.ECONNREFUSED},
		{"times out where nothing answers", func(n *FakeNet) { n.Hang(addr) }, loop.ErrTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			n := NewFakeNet(s)
			tt.setUp(n)
			err := errors.New("still connecting")
			s.Do(l, func() {
				var c *Conn
				c, err = n.Dial(l, addr, DialOptions{})
				if err == nil {
					err = c.WaitConnected(l.Now().Add(time.Second))
					c.Close()
				}
			})
			s.Advance(time.Minute)
			if err != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if n.Dials[addr] != 1 {
				t.Errorf("%d dials counted, want 1", n.Dials[addr])
			}
		})
	}
}

func TestAScriptedServerAnswers(t *testing.T) {
	s, l := testSim(t)
	n := NewFakeNet(s)
	addr := Unix("/run/backend")
	n.Listen(addr, func(p *Peer) {
		p.OnData = func(p *Peer) {
			if req := p.Received(); len(req) > 0 {
				p.Send(append([]byte("re: "), req...))
			}
		}
	})
	var got string
	s.Do(l, func() {
		c, err := n.Dial(l, addr, DialOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if err := c.Write([]byte("hello"), time.Second); err != nil { // waits for the connection by itself
			t.Error(err)
		}
		buf := make([]byte, 100)
		k, _ := c.Read(buf, 0)
		got = string(buf[:k])
	})
	if got != "re: hello" {
		t.Errorf("answer %q", got)
	}
}
