package conn

import (
	"sync"
	"testing"
	"time"

	"hearth/internal/loop"
)

// shelf is the smallest pool that several loops share: what Move is for. It is guarded by mu.
type shelf struct {
	mu    sync.Mutex
	idle  []*Conn
	t     *testing.T
	moved int
	died  int
}

func (s *shelf) put(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.OnIdle(s)
	s.idle = append(s.idle, c)
}

// take prefers another loop's connection, so that nearly all are moved.
func (s *shelf) take(l *loop.Loop) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	i := len(s.idle) - 1
	for j, c := range s.idle {
		if c.Loop() != l {
			i = j
			break
		}
	}
	c := s.idle[i]
	s.idle = append(s.idle[:i], s.idle[i+1:]...)
	if c.Loop() != l {
		s.moved++
	}
	if err := c.Move(l); err != nil {
		s.t.Error(err)
	}
	c.OnIdle(nil)
	return c
}

// ConnReady is called on whichever loop polled c when something came in.
func (s *shelf) ConnReady(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, idle := range s.idle {
		if idle == c {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			c.Close() // may be another loop's by now: lent, and under the lock
			s.died++
			return
		}
	}
}

// Two loops take each other's idle connections as fast as they can, while the server closes some of
// those that are idle. Every answer must reach the fiber that asked, or the connection be found dead.
func TestConnectionsMoveBetweenBusyLoops(t *testing.T) {
	loops := runLoops(t, 3)
	loops, server := loops[:2], loops[2]
	at := serve(t, MustAddr("127.0.0.1:0"), []*loop.Loop{server}, func(c *Conn) {
		buf := make([]byte, 8)
		for i := 0; ; i++ {
			n, err := c.Read(buf, 0)
			if err != nil || c.Write(buf[:n], 0) != nil {
				return
			}
			if i == 5+c.FD()%7 {
				server.Wait(server.Now().Add(time.Millisecond), new(loop.Event)) // idle by then, mostly
				return
			}
		}
	})
	s := &shelf{t: t}
	for _, l := range loops { // more than are needed at once, so that there are always some to take
		on(l, func() {
			for range 16 {
				s.put(dialed(t, l, at))
			}
		})
	}
	var wg sync.WaitGroup
	for _, l := range loops {
		for f := range 8 {
			wg.Add(1)
			l.Post(func() {
				l.Go(func() {
					defer wg.Done()
					for i := range 300 {
						ask(t, s, l, at, byte('a'+f), byte(i))
					}
				})
			})
		}
	}
	wg.Wait()
	if s.moved == 0 {
		t.Error("none was moved: the test does not test")
	}
	t.Logf("%d moved, %d found dead", s.moved, s.died)
	for _, c := range s.idle {
		c.Close()
	}
	for _, l := range append(loops, server) {
		on(l, func() {}) // events of the closed connections are delivered before the loops end
	}
}

// ask sends two bytes on a pooled connection, or on a new one if that dies, and wants them back.
func ask(t *testing.T, s *shelf, l *loop.Loop, at Addr, msg ...byte) {
	for range 10 {
		c := s.take(l)
		if c == nil {
			c = dialed(t, l, at)
		}
		var buf [8]byte
		if c.Write(msg, 10*time.Second) == nil {
			n, err := c.Read(buf[:], l.Now().Add(10*time.Second))
			if err == nil && string(buf[:n]) == string(msg) {
				if c.Readable().IsSet() && c.Peek() != nil {
					c.Close()
					return
				}
				s.put(c)
				return
			}
			if err == nil || err == loop.ErrTimeout {
				t.Errorf("asked %q, got %q, %v", msg, buf[:n], err)
			}
		}
		c.Close()
	}
	t.Error("ten connections in a row died")
}
