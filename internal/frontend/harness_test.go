package frontend

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// world is a loop on a fake clock whose connections are answered by a handler of the test's, in place of core.
type world struct {
	t      testing.TB
	sim    *loop.Sim
	loop   *loop.Loop
	shard  *shard
	server core.ServerConf
	set    core.LocationConf
	log    []string // what would be in the access log, a line for each request: "GET /a 200 5"
	errors []string // reasons of rejections
	open   int64
}

// newWorld returns a world with nginx's defaults.
func newWorld(t testing.TB, handler func(r *core.Request)) *world {
	w := &world{t: t, sim: loop.NewSim(), open: conn.Open()}
	w.loop = w.sim.Loop()
	w.shard = shardOf(w.loop)
	w.server = core.ServerConf{
		ClientHeaderTimeout: 60 * time.Second,
		Requests:            http1.RequestOptions{IgnoreInvalidHeaders: true, MaxHeaders: 1000, LineLimit: 8 << 10, TotalLimit: 33 << 10},
		HTTP2:               core.HTTP2Conf{MaxStreams: 128, Preread: 64 << 10},
		LargeHeaderBuffers:  conf.Bufs{Num: 4, Size: 8 << 10}, MaxHeaders: 1000,
	}
	w.set = core.LocationConf{
		ClientBodyTimeout: 60 * time.Second, SendTimeout: 60 * time.Second, PostponeOutput: 1460, ChunkedTransfer: true, HTTP2ChunkSize: 8 << 10,
		KeepaliveTimeout: core.KeepaliveTimeout{Idle: 75 * time.Second}, KeepaliveTime: time.Hour, KeepaliveRequests: 1000,
		KeepaliveDisable: core.KeepaliveMSIE6,
		LingeringClose:   core.LingeringOn, LingeringTime: 30 * time.Second, LingeringTimeout: 5 * time.Second,
	}
	w.shard.engine = &engine{
		address:    func(*core.Port, func() conn.Addr) *core.Address { return nil },
		server:     func(*core.Address) *core.ServerConf { return &w.server },
		byHost:     func(*core.Address) func(*http1.HostPort) *http1.RequestOptions { return nil },
		location:   func(*core.Request) *core.LocationConf { return &w.set },
		tls:        func(*core.Address) *core.AddressTLS { return nil },
		http2:      func(*core.Address) bool { return w.server.HTTP2.On },
		handshaken: func(*core.Address, *core.TLSState) *core.ServerConf { return &w.server },
		outermost:  func(*core.Address) *core.LocationConf { return &w.set },
		log:        func(_ *core.Address, _ *loop.Loop, _ *core.Client, line string) { w.errors = append(w.errors, line) },
		banner:     func(*core.Request) []byte { return hearth },
		serve: func(r *core.Request, _ *core.Address) {
			r.Out.HeaderOnly = string(r.Head.Method) == "HEAD"
			handler(r)
			w.note(r)
		},
		reject: func(r *core.Request, _ *core.Address, status int, reason string) {
			w.errors = append(w.errors, reason)
			r.LogStatus = status
			reply(r, status, fmt.Sprintf("error %d", status))
			w.note(r)
		},
		abandon: func(r *core.Request, _ *core.Address, status int, reason string) {
			w.errors = append(w.errors, reason)
			r.LogStatus = status
			w.note(r)
		},
	}
	return w
}

func (w *world) note(r *core.Request) {
	status := r.Out.Status
	if r.LogStatus != 0 {
		status = r.LogStatus
	}
	line := r.Head.Line
	if r.Head.Method == nil {
		line = nil // refused before its end: it is as much as had come
	}
	w.log = append(w.log, fmt.Sprintf("%s %d %d", line, status, r.BodySent))
}

// reply sends a whole response from memory.
func reply(r *core.Request, status int, body string) error {
	r.Out.Status = status
	r.Out.ContentLength = int64(len(body))
	if err := r.Down.SendHead(r); err != nil {
		return err
	}
	if err := r.Down.Send(core.Chunk{Mem: []byte(body), Last: true}); err != nil {
		return err
	}
	return r.Down.WaitFlush()
}

// stream sends a response of unknown length, a chunk at a time.
func stream(r *core.Request, parts ...string) error {
	r.Out.Status = 200
	if err := r.Down.SendHead(r); err != nil {
		return err
	}
	for i, p := range parts {
		if err := r.Down.Send(core.Chunk{Mem: []byte(p), Last: i == len(parts)-1}); err != nil {
			return err
		}
	}
	return r.Down.WaitFlush()
}

// readAll reads the request's body, in small pieces.
func readAll(r *core.Request) (string, error) {
	var body []byte
	p := make([]byte, 7)
	for {
		n, err := r.Down.ReadBody(p)
		body = append(body, p[:n]...)
		if err == io.EOF {
			return string(body), nil
		}
		if err != nil {
			return string(body), err
		}
	}
}

// ok answers every request with its path.
func ok(r *core.Request) { reply(r, 200, string(r.Head.Path)) }

// echo answers with the request's body.
func echo(r *core.Request) {
	body, err := readAll(r)
	if _, bad := err.(*http1.Error); bad {
		reply(r, 400, "bad body")
	} else if err != nil {
		r.LogStatus, r.Aborted = 400, true
		if err == loop.ErrTimeout {
			r.LogStatus = 408
		}
	} else {
		reply(r, 200, "["+body+"]")
	}
}

// client is the test's end of a connection.
type client struct {
	*conn.Peer
	w *world
}

func (w *world) connect() *client {
	c, p := conn.Pair(w.loop)
	cl := &client{p, w}
	w.sim.Do(w.loop, func() {}) // the loop's clock is read
	Serve(nil, c)
	w.sim.Run()
	return cl
}

// send sends a request, whose lines may be written with \n or with an explicit \r\n, as it is.
func (c *client) send(parts ...string) {
	c.w.t.Helper()
	for _, p := range parts {
		c.Send([]byte(p))
		c.w.sim.Run()
	}
}

func (w *world) advance(d time.Duration) { w.sim.Advance(d) }

var dateLine = regexp.MustCompile(`Date: [^\r]*\r\n`)

// got takes what has come so far, without Date.
func (c *client) got() string {
	return dateLine.ReplaceAllString(string(c.Received()), "")
}

// want compares what has come with the expected bytes; their lines are written with \n.
func (c *client) want(lines ...string) {
	c.w.t.Helper()
	want := strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\r\n")
	if got := c.got(); got != want {
		c.w.t.Fatalf("got:\n%s\nwant:\n%s", visible(got), visible(want))
	}
}

func (c *client) wantNothing() { c.w.t.Helper(); c.want() }

func (c *client) wantClosed() {
	c.w.t.Helper()
	if !c.ConnClosed() {
		c.w.t.Fatal("connection is open")
	}
}

func (c *client) wantOpen() {
	c.w.t.Helper()
	if c.Ended() {
		c.w.t.Fatal("connection has ended")
	}
}

// wantLingering: ended for writing, and still read from.
func (c *client) wantLingering() {
	c.w.t.Helper()
	if !c.Ended() || c.ConnClosed() {
		c.w.t.Fatalf("connection is not lingering: ended %v, closed %v", c.Ended(), c.ConnClosed())
	}
}

func (w *world) wantLog(lines ...string) {
	w.t.Helper()
	if got, want := strings.Join(w.log, "\n"), strings.Join(lines, "\n"); got != want {
		w.t.Fatalf("log:\n%s\nwant:\n%s", got, want)
	}
	w.log = nil
}

// wantNoLeak checks that nothing is left of connections and sessions. The test has closed or ended its clients.
func (w *world) wantNoLeak() {
	w.t.Helper()
	sh := w.shard
	if n := sh.idle.n + sh.active.n + sh.lingering.n; n != 0 {
		w.t.Fatalf("%d connections left", n)
	}
	if sh.counters.reading != 0 {
		w.t.Fatalf("%d connections counted as reading", sh.counters.reading)
	}
	if n := conn.Open() - w.open; n != 0 {
		w.t.Fatalf("%d connections open", n)
	}
}

func visible(s string) string {
	return strings.ReplaceAll(string(bytes.ReplaceAll([]byte(s), []byte("\r\n"), []byte("⏎\n"))), "\r", "\\r")
}

// head is that of an answer as the frontend writes it, with a length.
func head(status string, length int, connection string) string {
	return fmt.Sprintf("HTTP/1.1 %s\nServer: hearth\nContent-Length: %d\nConnection: %s\n\n", status, length, connection)
}

const host = "Host: a\r\n"

func get(path string) string { return "GET " + path + " HTTP/1.1\r\n" + host + "\r\n" }

var hearth = []byte("hearth")
