package conn

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// serveFunc is a task: one connection served in a fiber.
type serveFunc struct {
	c  *Conn
	do func(c *Conn)
}

func (s *serveFunc) RunFiber() {
	s.do(s.c)
	s.c.Close()
}

// serve accepts on the loops and runs do in a fiber for each connection. It returns where.
func serve(t testing.TB, addr Addr, loops []*loop.Loop, do func(c *Conn)) Addr {
	t.Helper()
	ln, err := Listen(ListenOptions{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ln.Close)
	if err := ln.Spread(loops, func(c *Conn) { c.Loop().Start(&serveFunc{c, do}) }); err != nil {
		t.Fatal(err)
	}
	return ln.Addr()
}

func echo(c *Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.Read(buf, 0)
		if err != nil || c.Write(buf[:n], time.Minute) != nil {
			return
		}
	}
}

// dial connects from a fiber of l.
func dialed(t testing.TB, l *loop.Loop, to Addr) *Conn {
	t.Helper()
	c, err := Net.Dial(l, to, DialOptions{NoDelay: true})
	if err != nil {
		t.Error(err)
		panic(err)
	}
	if err := c.WaitConnected(l.Now().Add(10 * time.Second)); err != nil {
		t.Error(err)
	}
	return c
}

func addrs(t testing.TB) map[string]Addr {
	return map[string]Addr{
		"TCP over IPv4":   MustAddr("127.0.0.1:0"),
		"TCP over IPv6":   MustAddr("[::1]:0"),
		"a unix socket":   Unix(filepath.Join(t.TempDir(), "s")),
		"an abstract one": Unix("@hearth-test-" + t.Name()),
	}
}

func TestEchoOver(t *testing.T) {
	for name, addr := range addrs(t) {
		t.Run(name, func(t *testing.T) {
			l := runLoops(t, 1)[0]
			at := serve(t, addr, []*loop.Loop{l}, echo)
			on(l, func() {
				c := dialed(t, l, at)
				defer c.Close()
				if c.RemoteAddr() != at {
					t.Errorf("RemoteAddr %v, want %v", c.RemoteAddr(), at)
				}
				if at.IP.IsValid() && c.LocalAddr().IP.Addr() != at.IP.Addr() {
					t.Errorf("LocalAddr %v", c.LocalAddr())
				}
				buf := make([]byte, 100)
				for _, msg := range []string{"one", "two", "three"} {
					if err := c.Write([]byte(msg), time.Second); err != nil {
						t.Fatal(err)
					}
					n, err := c.Read(buf, l.Now().Add(10*time.Second))
					if err != nil || string(buf[:n]) != msg {
						t.Errorf("read %q, %v; want %q", buf[:n], err, msg)
					}
				}
			})
		})
	}
}

// Much more than any buffer holds, through a reader that starts late: every kind of waiting is met.
func TestAFloodOver(t *testing.T) {
	for name, addr := range addrs(t) {
		t.Run(name, func(t *testing.T) {
			l := runLoops(t, 1)[0]
			const size = 20 << 20
			at := serve(t, addr, []*loop.Loop{l}, func(c *Conn) {
				chunk := bytes.Repeat([]byte("x"), 1<<20)
				for range size / len(chunk) {
					if err := c.Write(chunk, 10*time.Second); err != nil {
						t.Error(err)
						return
					}
				}
			})
			on(l, func() {
				c := dialed(t, l, at)
				defer c.Close()
				l.Wait(l.Now().Add(20*time.Millisecond), new(loop.Event))
				buf := make([]byte, 64<<10)
				total := 0
				for {
					n, err := c.Read(buf, l.Now().Add(10*time.Second))
					total += n
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if total != size {
					t.Errorf("read %d bytes, want %d", total, size)
				}
			})
		})
	}
}

func TestDialFailures(t *testing.T) {
	dir := t.TempDir()
	unused, err := Listen(ListenOptions{Addr: MustAddr("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	unused.Close() // its port is free now
	for _, tt := range []struct {
		name string
		to   Addr
		want error
	}{
		{"a port that nobody listens on", unused.Addr(), syscall.ECONNREFUSED},
		{"a unix socket that is not there", Unix(dir + "/none"), syscall.ENOENT},
		{"a path that is too long", Unix(string(bytes.Repeat([]byte("x"), 200))), syscall.ENAMETOOLONG},
		{"no address", Addr{}, syscall.EINVAL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := runLoops(t, 1)[0]
			on(l, func() {
				c, err := Net.Dial(l, tt.to, DialOptions{})
				if err == nil {
					err = c.WaitConnected(l.Now().Add(10 * time.Second))
					c.Close()
				}
				if err != tt.want {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestTheLocalAddressCanBeChosen(t *testing.T) {
	l := runLoops(t, 1)[0]
	from := make(chan Addr, 1)
	at := serve(t, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, func(c *Conn) { from <- c.RemoteAddr() })
	on(l, func() {
		c, err := Net.Dial(l, at, DialOptions{Local: MustAddr("127.0.0.77:0"), RcvBuf: 32 << 10, SndBuf: 32 << 10,
			KeepAlive: KeepAlive{On: true, Idle: 30 * time.Second, Interval: time.Second, Count: 3}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Read(make([]byte, 1), 0)
		if v, _ := unix.GetsockoptInt(c.FD(), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE); v != 30 {
			t.Errorf("TCP_KEEPIDLE %d, want 30", v)
		}
	})
	if a := <-from; a.Host() != "127.0.0.77" {
		t.Errorf("the server saw %v", a)
	}
}

func TestPeekOnASocket(t *testing.T) {
	l := runLoops(t, 1)[0]
	at := serve(t, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, func(c *Conn) {
		buf := make([]byte, 1)
		for c.Write([]byte("!"), 0) == nil {
			if _, err := c.Read(buf, 0); err != nil {
				return
			}
		}
	})
	on(l, func() {
		c := dialed(t, l, at)
		defer c.Close()
		l.Wait(0, c.Readable())
		if err := c.Peek(); err != ErrUnexpected {
			t.Errorf("with bytes there Peek returned %v", err)
		}
		c.Read(make([]byte, 10), 0)
		if err := c.Peek(); err != nil {
			t.Errorf("quiet, Peek returned %v", err)
		}
		c.CloseWrite()
		l.Wait(0, c.Readable())
		if err := c.Peek(); err != io.EOF || !c.HungUp() {
			t.Errorf("closed by the peer, Peek returned %v", err)
		}
	})
}

func TestResetIsSeenAsOne(t *testing.T) {
	l := runLoops(t, 1)[0]
	got := make(chan error, 1)
	at := serve(t, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, func(c *Conn) {
		_, err := c.Read(make([]byte, 1), 0)
		got <- err
	})
	on(l, func() { dialed(t, l, at).Reset() })
	if err := <-got; err != syscall.ECONNRESET {
		t.Errorf("the peer read %v", err)
	}
}

func TestSendFileAndSplice(t *testing.T) {
	const size = 8<<20 + 12345
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i * i >> 7)
	}
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, addr := range addrs(t) {
		t.Run(name, func(t *testing.T) {
			l := runLoops(t, 1)[0]
			origin := serve(t, addr, []*loop.Loop{l}, func(c *Conn) {
				f, err := os.Open(file)
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				if n, err := c.SendFile(FileOf(f), 5, size-5, 10*time.Second); err != nil || n != size-5 {
					t.Errorf("SendFile wrote %d, %v", n, err)
				}
			})
			relay := serve(t, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, func(c *Conn) {
				up := dialed(t, l, origin)
				defer up.Close()
				if n, err := Splice(c, up, size-5, 10*time.Second, 10*time.Second); err != nil || n != size-5 {
					t.Errorf("Splice moved %d, %v", n, err)
				}
			})
			on(l, func() {
				c := dialed(t, l, relay)
				defer c.Close()
				got := make([]byte, 0, size+1)
				for {
					n, err := c.Read(got[len(got):cap(got)], l.Now().Add(10*time.Second))
					got = got[:len(got)+n]
					if err != nil {
						break
					}
				}
				if !bytes.Equal(got, body[5:]) {
					t.Errorf("received %d bytes, or not the same", len(got))
				}
			})
			on(l, func() { CloseSplicers(l) })
		})
	}
}

func TestAFileThatIsTooShortIsAnError(t *testing.T) {
	l := runLoops(t, 1)[0]
	at := serve(t, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, echo)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("short")
	on(l, func() {
		c := dialed(t, l, at)
		defer c.Close()
		if n, err := c.SendFile(FileOf(f), 0, 10, time.Second); err != io.ErrUnexpectedEOF || n != 5 {
			t.Errorf("wrote %d, %v; want 5 and an unexpected end", n, err)
		}
	})
}

func TestAConnIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 192 {
		t.Errorf("a Conn takes %d bytes, want 192 at most (a size class)", n)
	}
}

// One byte to an echo server on the same loop and back: two switches, four system calls, two polls.
func BenchmarkEcho(b *testing.B) {
	l := runLoops(b, 1)[0]
	at := serve(b, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, echo)
	on(l, func() {
		c := dialed(b, l, at)
		defer c.Close()
		buf := make([]byte, 100)
		b.ReportAllocs()
		for b.Loop() {
			c.Write(buf[:64], time.Minute)
			c.Read(buf, l.Now().Add(time.Minute))
		}
	})
}

func BenchmarkWritev(b *testing.B) {
	l := runLoops(b, 1)[0]
	at := serve(b, MustAddr("127.0.0.1:0"), []*loop.Loop{l}, echo)
	on(l, func() {
		c := dialed(b, l, at)
		defer c.Close()
		buf := make([]byte, 100)
		bufs := make([][]byte, 2)
		b.ReportAllocs()
		for b.Loop() {
			bufs[0], bufs[1] = buf[:20], buf[20:64]
			c.Writev(bufs, time.Minute)
			c.Read(buf, l.Now().Add(time.Minute))
		}
	})
}

func TestTheHotPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, bench := range map[string]func(*testing.B){"Read and Write": BenchmarkEcho, "Writev": BenchmarkWritev} {
		if n := testing.Benchmark(bench).AllocsPerOp(); n != 0 {
			t.Errorf("%s: %d allocs/op, want 0", name, n)
		}
	}
}
