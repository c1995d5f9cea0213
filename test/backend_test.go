package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Backend is a scripted HTTP/1 server. It keeps what it was sent, byte for byte.
type Backend struct {
	Addr   string
	ln     net.Listener
	answer func(*Call) // nil: echo

	mu    sync.Mutex // guards what follows
	open  map[net.Conn]bool
	conns int
	calls []string // each request: head, and body without its framing
}

// Call is a request that a backend has read, to be answered with Write. A connection is kept unless Close is called.
type Call struct {
	net.Conn
	In           *bufio.Reader
	Head         string // with the empty line
	Method, Path string
	Body         []byte
	Nth          int // of its connection, from 1
	closed       bool
}

func (c *Call) Close() error { c.closed = true; return c.Conn.Close() }

// Say writes an answer with a length.
func (c *Call) Say(status int, body string, fields ...string) {
	head := ""
	for _, f := range fields {
		head += f + "\r\n"
	}
	fmt.Fprintf(c, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %d\r\n\r\n%s", status, head, len(body), body)
}

// Reset closes with RST instead of FIN.
func (c *Call) Reset() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// Field returns a field of the request's head.
func (c *Call) Field(name string) string { return fieldOf(c.Head, name) }

func fieldOf(head, name string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Backend starts a backend. Its answer runs in a goroutine for each connection.
func (l *Lab) Backend(answer func(*Call)) *Backend {
	l.Helper()
	b := l.serve("127.0.0.1:0", answer)
	l.backends = append(l.backends, b)
	return b
}

func (l *Lab) serve(addr string, answer func(*Call)) *Backend {
	l.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		l.Fatal(err)
	}
	b := &Backend{Addr: ln.Addr().String(), ln: ln, answer: answer, open: map[net.Conn]bool{}}
	go b.accept()
	return b
}

// Nowhere is a backend that refuses connections.
func (l *Lab) Nowhere() *Backend {
	b := &Backend{Addr: fmt.Sprintf("127.0.0.1:%d", freePort())}
	l.backends = append(l.backends, b)
	return b
}

func (b *Backend) accept() {
	for {
		c, err := b.ln.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.open[c] = true
		b.conns++
		b.mu.Unlock()
		go b.serve(c)
	}
}

func (b *Backend) serve(c net.Conn) {
	defer func() {
		c.Close()
		b.mu.Lock()
		delete(b.open, c)
		b.mu.Unlock()
	}()
	in := bufio.NewReader(c)
	for n := 1; ; n++ {
		call := &Call{Conn: c, In: in, Nth: n}
		if call.receive() != nil {
			return
		}
		b.mu.Lock()
		b.calls = append(b.calls, call.Head+string(call.Body))
		b.mu.Unlock()
		if b.answer == nil {
			call.Echo()
		} else {
			b.answer(call)
		}
		if call.closed {
			return
		}
	}
}

// receive reads one request.
func (c *Call) receive() error {
	for {
		line, err := c.In.ReadString('\n')
		if err != nil {
			return err
		}
		c.Head += line
		if line == "\r\n" {
			break
		}
	}
	parts := strings.Split(c.Head, " ")
	c.Method, c.Path = parts[0], parts[1]
	var err error
	switch {
	case c.Field("Transfer-Encoding") != "":
		c.Body, err = readChunked(c.In)
	case c.Field("Content-Length") != "":
		n, _ := strconv.Atoi(c.Field("Content-Length"))
		c.Body = make([]byte, n)
		_, err = io.ReadFull(c.In, c.Body)
	}
	return err
}

func readChunked(in *bufio.Reader) (body []byte, err error) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return body, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return body, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return body, err
		}
		if n == 0 {
			return body, nil
		}
		body = append(body, chunk[:n]...)
	}
}

// Echo answers with the request itself.
func (c *Call) Echo() {
	if c.Method == "HEAD" {
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(c.Head))
		return
	}
	c.Say(200, c.Head+string(c.Body))
}

// Seen returns the requests so far, and forgets them.
func (b *Backend) Seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := b.calls
	b.calls = nil
	return calls
}

// Connections is how many connections were accepted.
func (b *Backend) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conns
}

// Open is how many connections there are now.
func (b *Backend) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// Close ends the backend with all its connections.
func (b *Backend) Close() {
	if b.ln == nil {
		return
	}
	b.ln.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		c.Close()
	}
}

// hang waits until the other side goes away, or for long.
func (c *Call) hang() {
	c.SetReadDeadline(time.Now().Add(patience))
	c.In.ReadByte()
}
