package frontend

import (
	"bytes"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/loop"
)

var benchBody = bytes.Repeat([]byte("x"), 100)

// fixed answers from memory and allocates nothing.
func fixed(r *core.Request) {
	r.Out.Status = 200
	r.Out.ContentLength = int64(len(benchBody))
	r.Down.SendHead(r)
	r.Down.Send(core.Chunk{Mem: benchBody, Last: true})
	r.Down.WaitFlush()
}

func benchWorld(b *testing.B) *world {
	w := newWorld(b, fixed)
	w.shard.engine.serve = func(r *core.Request, _ *core.Address) { fixed(r) }
	w.set.KeepaliveRequests = 1 << 30
	return w
}

// BenchmarkKeepAliveRequest is one small GET on an idle connection in memory: first byte, fiber, head, answer, idle again.
func BenchmarkKeepAliveRequest(b *testing.B) {
	w := benchWorld(b)
	c, p := conn.Pair(w.loop)
	w.sim.Run()
	Serve(nil, c)
	request := []byte("GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		p.Send(request)
		w.sim.Run()
		p.Received()
	}
}

// realServer serves loopback connections on a real loop until stop is called. e answers.
func realServer(b testing.TB, e *engine, port *core.Port) (l *loop.Loop, addr string, stop func()) {
	l, err := loop.New(loop.Options{})
	if err != nil {
		b.Fatal(err)
	}
	shardOf(l).engine = e
	ln, err := conn.Listen(conn.ListenOptions{Addr: conn.MustAddr("127.0.0.1:0"), NoDelay: true})
	if err != nil {
		b.Fatal(err)
	}
	if err := ln.AcceptOn(l, func(c *conn.Conn) { Serve(port, c) }); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() { l.Run(); close(done) }()
	return l, ln.Addr().String(), func() {
		ended := make(chan struct{})
		l.Post(func() { ln.Close(); CloseAll(l); close(ended) })
		<-ended
		l.Stop()
		<-done
	}
}

// dialRaw returns a blocking client socket without the Go runtime's poller, so that it costs this process a descriptor and nothing else.
func dialRaw(b testing.TB, addr string) int {
	ap := netip.MustParseAddrPort(addr)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()})
	}
	if err != nil {
		b.Fatal(err)
	}
	return fd
}

var benchRequest = []byte("GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n")

// BenchmarkKeepAliveRequestOverSockets is the same over loopback: its time is mostly the kernel's and the client's, its
// allocations are the server's.
func BenchmarkKeepAliveRequestOverSockets(b *testing.B) {
	_, addr, stop := realServer(b, benchWorld(b).shard.engine, nil)
	defer stop()
	fd := dialRaw(b, addr)
	defer unix.Close(fd)
	askOften(b, fd)
}

// BenchmarkIdleConnections measures what each of some 10,000 idle kept-alive connections costs: new, after bursts in which a thousand
// of them at a time have sent a request, and after half a minute's rest.
func BenchmarkIdleConnections(b *testing.B) {
	const n = 9900
	limit := unix.Rlimit{Cur: 2*n + 200, Max: 2*n + 200}
	var old unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &old)
	if old.Max > limit.Max {
		limit.Max = old.Max
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		b.Skip("descriptors: ", err)
	}
	l, addr, stop := realServer(b, benchWorld(b).shard.engine, nil)
	defer stop()
	sh := shardOf(l)
	onLoop := func(fn func()) {
		done := make(chan struct{})
		l.Post(func() { fn(); close(done) })
		<-done
	}
	ask := func(fds []int) {
		for _, fd := range fds {
			unix.Write(fd, benchRequest[:len(benchRequest)-2])
		}
		onLoop(func() {}) // the first parts have been read: each connection has a fiber and a session now
		for _, fd := range fds {
			unix.Write(fd, benchRequest[len(benchRequest)-2:])
		}
		answer := make([]byte, 4096)
		for _, fd := range fds {
			unix.Read(fd, answer)
		}
	}
	var fds []int
	for range 100 {
		fds = append(fds, dialRaw(b, addr))
	}
	ask(fds)
	base := residentBytes(b)
	for len(fds) < n {
		fds = append(fds, dialRaw(b, addr))
	}
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	before := residentBytes(b)
	for at := 0; at < n; at += 1000 {
		ask(fds[at : at+1000])
	}
	burst := residentBytes(b)
	time.Sleep(3 * trimEvery) // for what the burst needed, fibers and buffers, to be let go of
	after := residentBytes(b)
	var idle int
	onLoop(func() { idle = sh.idle.n })
	if idle != n {
		b.Fatalf("%d idle connections", idle)
	}
	b.ReportMetric(float64(before-base)/(n-100), "new-B/conn")
	b.ReportMetric(float64(burst-base)/(n-100), "burst-B/conn")
	b.ReportMetric(float64(after-base)/(n-100), "idle-B/conn")
	b.ReportMetric(0, "ns/op")
}

// residentBytes is the process's resident memory once the garbage has gone back to the system.
func residentBytes(b testing.TB) int64 {
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// BenchmarkRequestThroughCore is BenchmarkKeepAliveRequestOverSockets with core in the place of the test's engine.
func BenchmarkRequestThroughCore(b *testing.B) {
	s := coretest.New(b, []*core.Module{tester}, `keepalive_requests 1000000000; location / { say "hello"; }`)
	_, addr, stop := realServer(b, &coreEngine, core.NewPort(s.Gen.Sockets[0]))
	defer stop()
	fd := dialRaw(b, addr)
	defer unix.Close(fd)
	askOften(b, fd)
}

func askOften(b *testing.B, fd int) {
	answer := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unix.Write(fd, benchRequest); err != nil {
			b.Fatal(err)
		}
		if n, err := unix.Read(fd, answer); n < 100 || err != nil {
			b.Fatal(n, err)
		}
	}
}
