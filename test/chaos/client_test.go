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

// crowd is the clients: each makes a connection, does one thing or another with it, and drops it, over and over.
type crowd struct {
	t      *testing.T
	addr   string
	ids    atomic.Int64
	whole  atomic.Int64 // complete responses of 200, each of which was the right one
	cut    atomic.Int64 // that ended too early, after a head of 200
	misled atomic.Int64 // given what a backend said out of turn
	tunnel atomic.Int64 // echoes in tunnels

	mu       sync.Mutex
	statuses map[int]int
}

// client is one connection.
type client struct {
	*crowd
	*net.TCPConn
	in *bufio.Reader
}

// ask is a request to be.
type ask struct {
	method, id string
	size, up   int // bytes of the response, and of the body
	chunked    bool
	fields     string
}

func (w *crowd) ask() *ask {
	a := &ask{method: "GET", id: fmt.Sprintf("%06d", w.ids.Add(1)), size: rand.IntN(3000)}
	switch rand.IntN(10) {
	case 0:
		a.size = rand.IntN(600 << 10)
	case 1:
		a.size = 0
	}
	switch rand.IntN(8) {
	case 0, 1:
		a.method, a.up, a.chunked = "POST", rand.IntN(2000), one(2)
		if one(5) {
			a.up = rand.IntN(200 << 10)
		}
		if one(6) {
			a.fields = "Expect: 100-continue\r\n"
		}
	case 2:
		a.method = "HEAD"
	}
	return a
}

func (a *ask) head() []byte {
	b := fmt.Appendf(nil, "%s /r/%s HTTP/1.1\r\nHost: chaos\r\nX-Id: %s\r\nX-Size: %d\r\nX-Up: %d\r\n%s", a.method, a.id, a.id, a.size, a.up, a.fields)
	switch {
	case a.method != "POST":
	case a.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	default:
		b = fmt.Appendf(b, "Content-Length: %d\r\n", a.up)
	}
	return append(b, "\r\n"...)
}

func (a *ask) body() []byte {
	if a.method != "POST" {
		return nil
	}
	b := textOf("up" + a.id).make(a.up)
	if !a.chunked {
		return b
	}
	var out []byte
	for len(b) > 0 {
		n := 1 + rand.IntN(len(b))
		out = fmt.Appendf(out, "%x\r\n%s\r\n", n, b[:n])
		b = b[n:]
	}
	return append(out, "0\r\n\r\n"...)
}

func (a *ask) bytes() []byte { return append(a.head(), a.body()...) }

// answered reads the answer to a, and reports whether the connection is good for another.
func (c *client) answered(a *ask) bool {
	for {
		r, err := http.ReadResponse(c.in, &http.Request{Method: a.method})
		if err != nil {
			if !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
				c.t.Errorf("%s %s: %v", a.method, a.id, err)
			}
			return false
		}
		if r.StatusCode < 200 {
			continue
		}
		c.count(r.StatusCode)
		if r.StatusCode != 200 {
			_, err := io.Copy(io.Discard, r.Body)
			return err == nil && !r.Close
		}
		id := r.Header.Get("X-Id")
		if id == late {
			c.misled.Add(1)
			return false
		}
		if id != a.id {
			c.t.Errorf("%s %s was answered with %q", a.method, a.id, id)
		}
		n, wrong, err := textOf(a.id).check(r.Body)
		if wrong != nil {
			c.t.Errorf("the answer to %s %s: %v", a.method, a.id, wrong)
			return false
		}
		if err != nil {
			if strings.Contains(err.Error(), "timeout") {
				c.t.Errorf("%s %s: hangs after %d of %d bytes", a.method, a.id, n, a.size)
			}
			c.cut.Add(1)
			return false
		}
		if a.method != "HEAD" && n != a.size {
			c.t.Errorf("the answer to %s %s is whole, but %d bytes of %d", a.method, a.id, n, a.size)
		}
		c.whole.Add(1)
		return !r.Close
	}
}

func (w *crowd) count(status int) {
	w.mu.Lock()
	w.statuses[status]++
	w.mu.Unlock()
}

// patience bounds what must never hang.
const patience = 20 * time.Second

func (w *crowd) connect() *client {
	conn, err := net.DialTimeout("tcp", w.addr, patience)
	if err != nil {
		w.t.Errorf("%s: a client cannot connect: %v", time.Now().Format(time.StampMilli), err)
		return nil
	}
	conn.SetDeadline(time.Now().Add(patience))
	return &client{crowd: w, TCPConn: conn.(*net.TCPConn), in: bufio.NewReader(conn)}
}

// run has clients come one after another until the end.
func (w *crowd) run(end time.Time) {
	for time.Now().Before(end) {
		c := w.connect()
		if c == nil {
			return
		}
		behaviours[rand.IntN(len(behaviours))](c)
		if one(3) {
			reset(c.TCPConn)
		}
		c.Close()
	}
}

// behaviours, some of them more than once, which makes them more frequent.
var behaviours = []func(*client){
	(*client).good, (*client).good, (*client).good, (*client).good, (*client).good,
	(*client).pipelines, (*client).pipelines, (*client).trickles, (*client).abortsRequest, (*client).abortsResponse,
	(*client).readsSlowly, (*client).halfCloses, (*client).boasts, (*client).tunnels, (*client).tunnels, (*client).babbles,
}

func (c *client) good() {
	for range 1 + rand.IntN(30) {
		a := c.ask()
		if _, err := c.Write(a.bytes()); err != nil {
			c.answered(a) // an early answer may be there
			return
		}
		if !c.answered(a) {
			return
		}
		if one(10) {
			pause(20 * time.Millisecond)
		}
	}
}

// pipelines sends several at once. A proxy that answers early closes, so what comes after is not always answered.
func (c *client) pipelines() {
	var asks []*ask
	var all []byte
	for range 2 + rand.IntN(6) {
		a := c.ask()
		a.size, a.up, a.fields = min(a.size, 20<<10), min(a.up, 10<<10), ""
		asks, all = append(asks, a), append(all, a.bytes()...)
	}
	if one(3) {
		all = all[:len(all)-rand.IntN(len(all)/2)]
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		c.Write(all)
		io.Copy(io.Discard, c.in)
		return
	}
	go c.Write(all)
	for _, a := range asks {
		if !c.answered(a) {
			return
		}
	}
}

// trickles sends a request in small pieces.
func (c *client) trickles() {
	a := c.ask()
	a.up = min(a.up, 3000)
	for b := a.bytes(); len(b) > 0; {
		n := min(len(b), 1+rand.IntN(300))
		if _, err := c.Write(b[:n]); err != nil {
			break
		}
		b = b[n:]
		pause(2 * time.Millisecond)
	}
	c.answered(a)
}

func (c *client) abortsRequest() {
	a := c.ask()
	if one(2) {
		a.method, a.up, a.chunked = "POST", rand.IntN(300<<10), one(2)
	}
	b := a.bytes()
	c.Write(b[:rand.IntN(len(b))])
	pause(5 * time.Millisecond)
}

func (c *client) abortsResponse() {
	a := c.ask()
	a.size = rand.IntN(2 << 20)
	c.Write(a.bytes())
	c.SetReadDeadline(time.Now().Add(rand.N(100 * time.Millisecond)))
	io.CopyN(io.Discard, c.in, int64(rand.IntN(a.size+1)))
}

func (c *client) readsSlowly() {
	a := c.ask()
	a.size = 200<<10 + rand.IntN(3<<20)
	c.SetReadBuffer(64 << 10)
	c.Write(a.bytes())
	c.in = bufio.NewReaderSize(slowly{c.TCPConn}, 16<<10)
	c.answered(a)
}

type slowly struct{ io.Reader }

func (s slowly) Read(b []byte) (int, error) {
	if one(8) {
		pause(4 * time.Millisecond)
	}
	return s.Reader.Read(b)
}

func (c *client) halfCloses() {
	a := c.ask()
	c.Write(a.bytes())
	c.CloseWrite()
	c.answered(a)
}

// boasts has a head that is large, or too large.
func (c *client) boasts() {
	a := c.ask()
	for range rand.IntN(12) {
		a.fields += "X-Large: " + strings.Repeat("x", rand.IntN(6000)) + "\r\n"
	}
	go c.Write(a.bytes())
	c.answered(a)
}

func (c *client) babbles() {
	b := make([]byte, 1+rand.IntN(500))
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	if one(2) {
		b = append([]byte("GET / HTTP/1.1\r\nHost: a\r\n"), b...)
	}
	c.Write(b)
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	io.Copy(io.Discard, c.in)
}

func (c *client) tunnels() {
	a := &ask{method: "GET", id: strconv.Itoa(int(c.ids.Add(1))), fields: "Upgrade: echo\r\nConnection: Upgrade\r\n"}
	early := one(4) // bytes for the other side right behind the head
	b := a.bytes()
	t, sent := textOf("ws"+a.id), 0
	if early {
		b = append(b, t.make(100)...)
		sent = 100
	}
	c.Write(b)
	r, err := http.ReadResponse(c.in, nil)
	if err != nil || r.StatusCode != 101 {
		return
	}
	c.count(101)
	got := 0
	buf := make([]byte, 20<<10)
	for range rand.IntN(40) {
		n := rand.IntN(len(buf))
		t.fill(buf[:n], sent)
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
		sent += n
		for back := make([]byte, 4096); got < sent; {
			m, err := c.in.Read(back)
			for i, x := range back[:m] {
				if x != t[(got+i)%len(t)] {
					c.t.Errorf("tunnel %s: other bytes at %d: %.60q", a.id, got+i, back[i:m])
					return
				}
			}
			if got += m; err != nil {
				if strings.Contains(err.Error(), "timeout") {
					c.t.Errorf("tunnel %s hangs: %d of %d bytes came back", a.id, got, sent)
				}
				return
			}
			if one(200) {
				return
			}
		}
		c.tunnel.Add(1)
	}
}
