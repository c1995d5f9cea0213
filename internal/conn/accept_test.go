package conn

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// connectMany makes n connections, one after the other, each served before the next.
func connectMany(t *testing.T, l *loop.Loop, at Addr, n int) []*Conn {
	conns := make([]*Conn, n)
	on(l, func() {
		for i := range conns {
			conns[i] = dialed(t, l, at)
			if _, err := conns[i].Read(make([]byte, 1), l.Now().Add(10*time.Second)); err != nil {
				t.Error(err)
			}
		}
	})
	return conns
}

func closeAll(l *loop.Loop, conns []*Conn) {
	on(l, func() {
		for _, c := range conns {
			c.Close()
		}
	})
}

// greet says hello and stays until the client goes.
func greet(c *Conn) {
	c.Write([]byte("!"), 0)
	c.Read(make([]byte, 1), 0)
}

func TestConnectionsAreSpreadEvenlyOverLoops(t *testing.T) {
	loops := runLoops(t, 4)
	loops, client := loops[:3], loops[3]
	at := serve(t, MustAddr("127.0.0.1:0"), loops, greet)
	conns := connectMany(t, client, at, 9)
	for i, l := range loops {
		if n := l.Clients().Load(); n != 3 {
			t.Errorf("loop %d has %d of 9 connections, want 3", i, n)
		}
	}
	closeAll(client, conns)
}

func TestABurstOfConnectionsIsSpreadEvenlyToo(t *testing.T) {
	loops := runLoops(t, 3)
	loops, client := loops[:2], loops[2]
	ln, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conns := make([]*Conn, 40)
	on(client, func() { // all are in the queue before the first is accepted
		for i := range conns {
			conns[i] = dialed(t, client, ln.Addr())
		}
	})
	var served [2]atomic.Int64
	all := make(chan bool, len(conns))
	err = ln.Spread(loops, func(c *Conn) {
		served[c.Loop().ID()].Add(1)
		c.Loop().Start(&serveFunc{c, greet})
		all <- true
	})
	if err != nil {
		t.Fatal(err)
	}
	for range conns {
		<-all
	}
	if a, b := served[0].Load(), served[1].Load(); a != 20 || b != 20 {
		t.Errorf("the loops got %d and %d of 40", a, b)
	}
	closeAll(client, conns)
}

func TestAListenerCanBeServedByOthers(t *testing.T) {
	loops := runLoops(t, 3)
	loops, client := loops[:2], loops[2]
	ln, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var generation [3]atomic.Int64
	serveAs := func(g int) func(*Conn) {
		return func(c *Conn) {
			generation[g].Add(1)
			c.Loop().Start(&serveFunc{c, greet})
		}
	}
	for g, ls := range [][]*loop.Loop{loops[:1], loops, loops[1:]} {
		if err := ln.Spread(ls, serveAs(g)); err != nil {
			t.Fatal(err)
		}
		closeAll(client, connectMany(t, client, ln.Addr(), 4))
	}
	for g := range generation {
		if n := generation[g].Load(); n != 4 {
			t.Errorf("generation %d served %d connections, want 4", g, n)
		}
	}
}

// Their clients take them for established, and would see a reset.
func TestConnectionsInTheQueueOfAClosedListenerAreServed(t *testing.T) {
	loops := runLoops(t, 3)
	loops, client := loops[:2], loops[2]
	ln, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]*Conn, 100) // more than are accepted in a turn
	held, queued := make(chan bool), make(chan bool)
	loops[0].Post(func() { held <- true; <-queued }) // it accepts nothing before the listener is closed
	<-held
	if err := ln.Spread(loops, func(c *Conn) { c.Loop().Start(&serveFunc{c, greet}) }); err != nil {
		t.Fatal(err)
	}
	on(client, func() {
		for i := range conns {
			conns[i] = dialed(t, client, ln.Addr())
		}
	})
	ln.Close()
	close(queued)
	on(client, func() {
		for i, c := range conns {
			if _, err := c.Read(make([]byte, 1), client.Now().Add(10*time.Second)); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		}
	})
	closeAll(client, conns)
}

func TestOutOfDescriptorsAcceptPausesAndRecovers(t *testing.T) {
	loops := runLoops(t, 2)
	loops, client := loops[:1], loops[1]
	ln, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	told := make(chan error, 10)
	var limit unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	ln.OnError = func(err error, paused bool) {
		if !paused {
			t.Error("not paused")
		}
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
		told <- err
	}
	var c *Conn
	on(client, func() { c = dialed(t, client, ln.Addr()) })
	low := limit
	low.Cur = uint64(c.FD() + 1) // descriptors below may be free: fill them
	var fill []int
	unix.Setrlimit(unix.RLIMIT_NOFILE, &low)
	for {
		fd, err := unix.Dup(c.FD())
		if err != nil {
			break
		}
		fill = append(fill, fd)
	}
	served := make(chan bool, 1)
	err = ln.AcceptOn(loops[0], func(c *Conn) { c.Close(); served <- true })
	if err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != syscall.EMFILE {
		t.Errorf("told of %v, want EMFILE", err)
	}
	for _, fd := range fill {
		unix.Close(fd)
	}
	<-served
	closeAll(client, []*Conn{c})
}

func TestListenFailuresReadAsNginxWritesThem(t *testing.T) {
	first, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, err = Listen(ListenOptions{Addr: first.Addr()})
	want := "bind() to " + first.Addr().String() + " failed (98: Address already in use)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("the errno cannot be told")
	}
}

func TestListenOptions(t *testing.T) {
	o := ListenOptions{Addr: MustAddr("[::1]:0"), Backlog: 10, ReusePort: true, IPv6Only: true, DeferAccept: true,
		FastOpen: 5, NoDelay: true, RcvBuf: 100 << 10, SndBuf: 100 << 10, KeepAlive: KeepAlive{On: true, Idle: 7 * time.Second}}
	ln, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	o.Addr = ln.Addr()
	again, err := Listen(o) // reuseport
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	for name, opt := range map[string][3]int{
		"IPV6_V6ONLY":   {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		"TCP_KEEPIDLE":  {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 7},
		"TCP_NODELAY":   {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		"TCP_FASTOPEN":  {unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 5},
		"SO_ACCEPTCONN": {unix.SOL_SOCKET, unix.SO_ACCEPTCONN, 1},
	} {
		if v, err := unix.GetsockoptInt(ln.FD(), opt[0], opt[1]); err != nil || v != opt[2] {
			t.Errorf("%s is %d (%v), want %d", name, v, err, opt[2])
		}
	}
}

func TestAnInheritedListener(t *testing.T) {
	ln, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	fd, err := unix.Dup(ln.FD())
	if err != nil {
		t.Fatal(err)
	}
	heir, err := ListenerFromFD(fd)
	if err != nil || heir.Addr() != ln.Addr() {
		t.Fatalf("got %v, %v", heir, err)
	}
	heir.Close()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := ListenerFromFD(int(file.Fd())); err == nil {
		t.Error("a file was taken for a listener")
	}
}

func TestTheFileOfADeadUnixSocketIsReplaced(t *testing.T) {
	addr := Unix(filepath.Join(t.TempDir(), "s"))
	dead, err := Listen(ListenOptions{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(ListenOptions{Addr: addr}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a live socket's file was replaced: %v", err)
	}
	dead.Close()
	ln, err := Listen(ListenOptions{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}
