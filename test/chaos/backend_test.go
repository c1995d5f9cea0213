package chaos

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backends are servers that answer a request with the text of its id, or misbehave.
type backends struct {
	t     *testing.T
	addrs []string
	lns   []net.Listener
	calm  atomic.Bool // no misbehaving from now on
	posts sync.Map    // ids of POSTs whose head has arrived
	seen  atomic.Int64

	mu   sync.Mutex
	open map[net.Conn]bool
}

func startBackends(t *testing.T, n int) *backends {
	b := &backends{t: t, open: map[net.Conn]bool{}}
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b.addrs, b.lns = append(b.addrs, ln.Addr().String()), append(b.lns, ln)
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				b.mu.Lock()
				b.open[c] = true
				b.mu.Unlock()
				go b.serve(c.(*net.TCPConn))
			}
		}()
	}
	t.Cleanup(b.close)
	return b
}

func (b *backends) close() {
	for _, ln := range b.lns {
		ln.Close()
	}
	b.hangUp()
}

// hangUp closes all connections.
func (b *backends) hangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		c.Close()
	}
}

func (b *backends) connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// one tells whether a thing that happens once in n times does so now.
func one(n int) bool { return rand.IntN(n) == 0 }

func pause(most time.Duration) { time.Sleep(rand.N(most)) }

func reset(c *net.TCPConn) { c.SetLinger(0); c.Close() }

func (b *backends) serve(c *net.TCPConn) {
	defer func() {
		c.Close()
		b.mu.Lock()
		delete(b.open, c)
		b.mu.Unlock()
	}()
	in := bufio.NewReader(c)
	for nth := 1; ; nth++ {
		wait := time.Minute
		if !b.calm.Load() && one(3) {
			wait = rand.N(30 * time.Millisecond) // a keep-alive timeout
		}
		c.SetReadDeadline(time.Now().Add(wait))
		if _, err := in.Peek(1); err != nil {
			return
		}
		if nth > 1 && !b.calm.Load() && one(20) {
			reset(c) // on reuse, before the request is taken in
			return
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
		r, err := http.ReadRequest(in)
		if err != nil {
			if err != io.EOF && err != io.ErrUnexpectedEOF && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "closed") {
				b.t.Errorf("a backend was sent a bad request: %v", err)
			}
			return
		}
		if !b.answer(c, in, r) {
			return
		}
	}
}

// answer reports whether the connection is kept.
func (b *backends) answer(c *net.TCPConn, in *bufio.Reader, r *http.Request) bool {
	b.seen.Add(1)
	id := strings.TrimPrefix(r.URL.Path, "/r/")
	if got := r.Header.Get("X-Id"); got != id {
		b.t.Errorf("the request %q has the header of %q", id, got)
	}
	if r.Method == "POST" {
		if _, again := b.posts.LoadOrStore(id, true); again {
			b.t.Errorf("POST %s was delivered twice", id)
		}
	}
	storm := !b.calm.Load()
	if r.Header.Get("Upgrade") != "" {
		return b.tunnel(c, in, storm)
	}
	if storm && r.Method == "POST" && one(15) { // an answer before the upload has been read, and the end
		fmt.Fprintf(c, "HTTP/1.1 403 No\r\nX-Id: %s\r\nContent-Length: 0\r\n\r\n", id)
		pause(5 * time.Millisecond)
		return false
	}
	n, wrong, err := textOf("up" + id).check(r.Body)
	if wrong != nil {
		b.t.Errorf("the body of request %s: %v", id, wrong)
		return false
	}
	if err != nil {
		return false
	}
	if want, _ := strconv.Atoi(r.Header.Get("X-Up")); n != want {
		b.t.Errorf("the body of request %s: whole, but %d bytes of %d", id, n, want)
	}
	size, _ := strconv.Atoi(r.Header.Get("X-Size"))
	p := &reply{c: c, id: id, size: size, head: r.Method == "HEAD", storm: storm}
	return p.send()
}

// tunnel echoes.
func (b *backends) tunnel(c *net.TCPConn, in *bufio.Reader, storm bool) bool {
	if storm && one(10) {
		io.WriteString(c, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
		return true
	}
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
	buf := make([]byte, 8<<10)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return false
		}
		if storm && one(100) {
			reset(c)
			return false
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return false
		}
	}
}

// late is the id of a response nobody asked for that comes a moment after the right one. If the connection has been given
// to the next request by then, no proxy can tell.
const late = "late"

// reply is one response, good or bad.
type reply struct {
	c     *net.TCPConn
	id    string
	size  int
	head  bool
	storm bool
	slow  bool
}

func (p *reply) send() bool {
	if !p.storm {
		return p.whole(false)
	}
	p.slow = one(8)
	switch rand.IntN(24) {
	case 0: // cut in the head
		io.WriteString(p.c, "HTTP/1.1 200 OK\r\nX-Id: "[:1+rand.IntN(22)])
		if one(2) {
			reset(p.c)
		}
		return false
	case 1: // cut in the body
		fmt.Fprintf(p.c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: %d\r\n\r\n", p.id, p.size+1)
		p.c.Write(textOf(p.id).make(rand.IntN(p.size + 1)))
		if one(2) {
			reset(p.c)
		}
		return false
	case 2: // cut in a chunk
		fmt.Fprintf(p.c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", p.id, p.size+9)
		p.c.Write(textOf(p.id).make(p.size))
		return false
	case 3:
		io.WriteString(p.c, "\x16\x03\x01 garbage \r\n\r\n")
		return !one(2)
	case 4, 5:
		for range rand.IntN(20) {
			fmt.Fprintf(p.c, "HTTP/1.1 %d Wait\r\nX-Id: interim\r\n\r\n", []int{100, 102, 103}[rand.IntN(3)])
		}
		return p.whole(one(2))
	case 6: // the end without notice, at once or in a moment
		p.whole(one(2))
		if one(2) {
			pause(2 * time.Millisecond)
		}
		if one(3) {
			reset(p.c)
		}
		return false
	case 7: // a response nobody asked for, on the heels of the right one
		if p.head || p.size > 8000 {
			return p.whole(false)
		}
		p.c.Write(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: %d\r\n\r\n%s"+
			"HTTP/1.1 200 OK\r\nX-Id: unasked\r\nContent-Length: 7\r\n\r\nunasked", p.id, p.size, textOf(p.id).make(p.size)))
		return true
	case 13:
		p.whole(one(2))
		pause(2 * time.Millisecond)
		io.WriteString(p.c, "HTTP/1.1 200 OK\r\nX-Id: "+late+"\r\nContent-Length: 4\r\n\r\nlate")
		return false
	case 8: // as long as the connection
		fmt.Fprintf(p.c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nConnection: close\r\n\r\n", p.id)
		if !p.head {
			p.body(p.c.Write)
		}
		return false
	case 9:
		return false
	case 10:
		fmt.Fprintf(p.c, "HTTP/1.1 %d No\r\nX-Id: %s\r\nContent-Length: 0\r\n\r\n", []int{204, 304, 404, 503}[rand.IntN(4)], p.id)
		return one(2)
	case 11: // bad chunks
		fmt.Fprintf(p.c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", p.id)
		return true
	case 12: // later than the proxy has patience for
		pause(400 * time.Millisecond)
		return p.whole(one(2))
	}
	return p.whole(one(2))
}

// whole sends all of the response, with a length or in chunks.
func (p *reply) whole(chunked bool) bool {
	if p.head {
		_, err := fmt.Fprintf(p.c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: %d\r\n\r\n", p.id, p.size)
		return err == nil
	}
	if !chunked {
		if _, err := fmt.Fprintf(p.c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: %d\r\n\r\n", p.id, p.size); err != nil {
			return false
		}
		return p.body(p.c.Write) == nil
	}
	out := bufio.NewWriterSize(p.c, 1+rand.IntN(8000))
	fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n", p.id)
	err := p.body(func(b []byte) (int, error) {
		fmt.Fprintf(out, "%x;odd=\"1\"\r\n%s\r\n", len(b), b)
		if one(4) {
			return len(b), out.Flush()
		}
		return len(b), nil
	})
	io.WriteString(out, "0\r\nX-Trailer: 1\r\n\r\n")
	return err == nil && out.Flush() == nil
}

// body writes the text in pieces.
func (p *reply) body(write func([]byte) (int, error)) error {
	piece := 1 + rand.IntN(64<<10)
	if one(4) {
		piece = 1 + rand.IntN(200) + p.size/50
	}
	piece = max(piece, p.size/500) // the slowest is done before a client's patience ends
	buf := make([]byte, piece)
	for sent := 0; sent < p.size; {
		b := buf[:min(piece, p.size-sent)]
		textOf(p.id).fill(b, sent)
		if _, err := write(b); err != nil {
			return err
		}
		sent += len(b)
		if p.slow {
			pause(3 * time.Millisecond)
		}
	}
	return nil
}
