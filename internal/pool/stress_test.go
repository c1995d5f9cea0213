package pool_test

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// fickle is a backend on a real socket: it answers each line with a line, and now and then closes the
// connection, sends a byte too many, or resets, at once or after a moment of idleness. With a configuration it speaks TLS.
func fickle(t *testing.T, secure *tls.Config) conn.Addr {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { moody(c.(*net.TCPConn), secure) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return conn.TCP(ln.Addr().(*net.TCPAddr).AddrPort())
}

func moody(tcp *net.TCPConn, secure *tls.Config) {
	var c net.Conn = tcp
	if secure != nil {
		c = tls.Server(tcp, secure)
		c.SetDeadline(time.Now().Add(time.Minute))
	}
	defer c.Close() // with a goodbye
	buf := make([]byte, 1)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if _, err := c.Write([]byte("!")); err != nil {
			return
		}
		switch rand.IntN(40) {
		case 0:
			return
		case 1:
			c.Write([]byte("?"))
			return
		case 2:
			tcp.SetLinger(0)
			return
		case 3:
			tcp.Close() // without one
			return
		}
	}
}

// worker makes exchanges on one loop and counts how they went.
type worker struct {
	g     *pool.Group
	l     *loop.Loop
	ids   []pool.Identity
	tally *tally
	open  pool.Opener
}

type tally struct{ done, raced, wrong atomic.Int64 }

func (w *worker) exchange() {
	k := w.g.Peer(w.ids[rand.IntN(len(w.ids))])
	ls := w.g.Lease(w.l, k, pool.Want{NonIdempotent: rand.IntN(4) == 0})
	if ls.Full {
		ls.Release(pool.Error)
		return
	}
	deadline := w.l.Now().Add(10 * time.Second)
	if ls.Conn == nil {
		c, took, err := w.open.Open(w.l, k.Identity().Addr)
		if err != nil {
			ls.Release(pool.Error)
			return
		}
		ls.Adopt(c, took)
	}
	var answer [8]byte
	err := ls.Conn.Write([]byte("."), time.Second)
	n := 0
	if err == nil {
		n, err = ls.Conn.Read(answer[:], deadline)
	}
	switch {
	case err != nil:
		if !pool.Race(pool.Failure{Reused: ls.Reused, Died: err != loop.ErrTimeout}).Race {
			w.tally.wrong.Add(1)
		}
		w.tally.raced.Add(1)
		ls.Release(pool.Error)
	case n != 1 || answer[0] != '!':
		ls.Release(pool.UnexpectedData)
	default:
		w.tally.done.Add(1)
		ls.Release(pool.Kept)
	}
}

// TestStress has loops lease, steal, evict, lose connections to their peers and change limits all at
// once, on real sockets. What it wants: every exchange either succeeds or is an idle race; the bound
// holds; and at the end nothing is open.
func TestStress(t *testing.T) {
	stress(t, 150, nil, pool.Opener{Dialer: conn.Net, Timeout: 10 * time.Second})
}

// TestStressOverTLS is the same where an idle connection has more to say than its end, and needs its loop to hear it.
func TestStressOverTLS(t *testing.T) {
	client := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	stress(t, 40, newTLSServer(t), pool.Opener{Dialer: conn.Net, Timeout: 10 * time.Second, Handshake: func(c *conn.Conn, until loop.Instant) error {
		return c.ConnectTLS(client, conn.TLSOptions{Deadline: until})
	}})
}

func stress(t *testing.T, rounds int, secure *tls.Config, open pool.Opener) {
	const nLoops, fibers = 3, 12
	before := conn.Open()
	loops := make([]*loop.Loop, nLoops)
	var running sync.WaitGroup
	for i := range loops {
		l, err := loop.New(loop.Options{ID: i, Log: func(msg string) { t.Error(msg) }})
		if err != nil {
			t.Fatal(err)
		}
		loops[i] = l
		running.Go(l.Run)
	}
	limits := usual
	limits.Idle, limits.Requests, limits.IdleTimeout = 16, 60, 20*time.Millisecond
	g := pool.NewGroup("stress", loops, limits)
	addr := fickle(t, secure)
	g.SetMaxConns(addr, 30)
	ids := []pool.Identity{{Addr: addr, Proto: "HTTP/1.1"}, {Addr: addr, Proto: "HTTP/1.1", TLS: "sni=a"}}
	g.KeepWarm(g.Peer(ids[0]), open)

	var sum tally
	var working sync.WaitGroup
	for _, l := range loops {
		for range fibers {
			w := &worker{g: g, l: l, ids: ids, tally: &sum, open: open}
			working.Add(1)
			l.Post(func() {
				l.Go(func() {
					defer working.Done()
					for range rounds {
						w.exchange()
						// Loops that are idle by turns are what makes the others steal.
						if rand.IntN(8) == 0 {
							l.Wait(l.Now().Add(time.Duration(rand.IntN(3000)) * time.Microsecond))
						}
					}
				})
			})
		}
	}
	ended := make(chan struct{})
	var disturbing sync.WaitGroup
	disturbing.Go(func() { // reloads and readers, all the while
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
			changed := limits
			changed.Idle = []int{16, 4, 24, 0}[n%4]
			changed.Min = n % 3
			g.SetLimits(changed)
			if s := g.Stats(1); s.Idle > 24 {
				t.Errorf("%d idle", s.Idle)
			}
			if n%16 == 0 {
				g.Retain(nil) // the exchanges name the peer again at once
				g.KeepWarm(g.Peer(ids[0]), open)
			}
		}
	})
	working.Wait()
	close(ended)
	disturbing.Wait()
	g.Close(pool.Shutdown)
	s := g.Stats(1)
	t.Logf("%d exchanges, %d idle races, reuses %d, dials %d, closes %v", sum.done.Load(), sum.raced.Load(), s.Reuses, s.Dials, s.ClosesBy)
	for _, l := range loops { // what Close posted, and a warm dial that was under way, end before the loops do
		done := make(chan struct{})
		l.Post(func() { l.Go(func() { l.Wait(l.Now().Add(20 * time.Millisecond)); close(done) }) })
		<-done
	}
	for _, l := range loops {
		l.Stop()
	}
	running.Wait()
	if n := sum.wrong.Load(); n > 0 {
		t.Errorf("%d exchanges failed on connections just dialled", n)
	}
	if sum.done.Load() == 0 || s.Reuses == 0 {
		t.Error("nothing was reused")
	}
	if n := conn.Open() - before; n != 0 {
		t.Errorf("%d connections leaked", n)
	}
}
