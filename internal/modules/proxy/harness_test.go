package proxy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/modules/headers"
	"hearth/internal/modules/notmodified"
	"hearth/internal/modules/ranges"
	"hearth/internal/modules/rewrite"
	"hearth/internal/pool"
	"hearth/internal/upstream"
)

// world is hearth's whole data path on a fake clock and network: a frontend, the phases, the exchange engine and the
// pool, with backends that the test scripts.
type world struct {
	t    testing.TB
	sim  *loop.Sim
	loop *loop.Loop
	net  *conn.FakeNet
	gen  *core.Generation
	port *core.Port
	log  *logs.ErrorLog
	dir  string // the prefix
	open int64
}

// modules is the least list that proxies, what its configurations choose by, and filters that may answer instead of a backend.
var modules = []*core.Module{&notmodified.Module, &ranges.Body, &rewrite.Module, &upstream.Module, &Module, &ranges.Module, &headers.Module}

// newWorld serves a configuration; what is not in an http block is put into one, in a server if it is only locations.
func newWorld(t testing.TB, config string) *world {
	t.Helper()
	w := &world{t: t, sim: loop.NewSim(), open: conn.Open(), dir: t.TempDir()}
	w.loop = w.sim.Loop()
	w.net = conn.NewFakeNet(w.sim)
	registry := logs.NewRegistry(1)
	log, err := registry.ErrorLog(logs.Sink{Target: logs.Target{Kind: logs.ToMemory, Size: 1 << 20}, Level: logs.Info})
	if err != nil {
		t.Fatal(err)
	}
	w.log = log
	if !strings.Contains(config, "server {") {
		config = "server { listen 80; " + config + "}"
	}
	cfg, err := conf.Load(conf.Options{
		File: "nginx.conf", Prefix: w.dir, Schema: core.NewSchema(modules),
		ReadFile: func(string) ([]byte, error) { return []byte("http { " + config + "}"), nil },
		Glob:     func(string) ([]string, error) { return nil, os.ErrNotExist },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.gen, err = core.Compile(cfg, core.Options{Number: 1, Modules: modules, Loops: []*loop.Loop{w.loop}, Logs: registry, Dialer: w.net, ErrorLog: log})
	if err != nil {
		t.Fatal(err)
	}
	w.port = core.NewPort(w.gen.Sockets[0])
	t.Cleanup(w.end)
	return w
}

// end checks, when all clients have gone, that nothing is left of what they asked for.
func (w *world) end() {
	w.sim.Run()
	w.loop.Post(func() {}) // one more turn: figures are those of a turn's beginning
	w.sim.Run()
	pools := map[string]*pool.Group{}
	upstream.Each(w.gen, func(name string, s *upstream.Shared) { pools[name] = s.Pool })
	fibers := w.loop.Stats().FibersLive
	w.gen.Close()
	w.sim.Run()
	w.sim.Stop()
	if w.t.Failed() {
		return
	}
	for name, p := range pools {
		if n := p.Stats(w.sim.Now()).Active; n != 0 {
			w.t.Errorf("%d connections to %s were never given back", n, name)
		}
	}
	if fibers != 0 {
		w.t.Errorf("%d fibers are still at work", fibers)
	}
	if n := conn.Open() - w.open; n != 0 {
		w.t.Errorf("%d connections were left open", n)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*_temp", "*"))
	if err != nil || len(files) > 0 {
		w.t.Errorf("temporary files were left: %v %v", files, err)
	}
}

// client is a client's connection.
type client struct {
	*conn.Peer
	w *world
}

func (w *world) connect() *client {
	c, peer := conn.Pair(w.loop)
	w.sim.Do(w.loop, func() { frontend.Serve(w.port, c) })
	cl := &client{Peer: peer, w: w}
	w.t.Cleanup(func() {
		peer.Close()
		w.sim.Run()
	})
	return cl
}

// send sends text, with LF written for CR LF, and runs everything that follows from it.
func (c *client) send(text string) *client {
	c.Send([]byte(crlf(text)))
	c.w.sim.Run()
	return c
}

// receive is what has come since the last call.
func (c *client) receive() string {
	c.w.sim.Run()
	return string(c.Received())
}

// get sends a GET on a new connection and returns the response.
func (w *world) get(path string, header ...string) string {
	w.t.Helper()
	return w.request("GET " + path + " HTTP/1.1\nHost: example.com\n" + strings.Join(append(header, ""), "\n") + "\n")
}

func (w *world) request(text string) string {
	w.t.Helper()
	return w.connect().send(text).receive()
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// backend is a scripted server at an address: what it has got, by connection, and what it answers.
type backend struct {
	w        *world
	addr     string
	peers    []*conn.Peer
	requests []string // what came, request by request
	// answer is called for each complete request head (and what of the body has come with it); nil = say nothing.
	answer func(b *backend, p *conn.Peer, request string)
}

// serve has a backend listen at addr; it answers every request with the text, LF standing for CR LF.
func (w *world) serve(addr, text string) *backend {
	return w.script(addr, func(_ *backend, p *conn.Peer, _ string) { p.Send([]byte(crlf(text))) })
}

func (w *world) script(addr string, answer func(b *backend, p *conn.Peer, request string)) *backend {
	b := &backend{w: w, addr: addr, answer: answer}
	w.net.Listen(conn.MustAddr(addr), func(p *conn.Peer) {
		b.peers = append(b.peers, p)
		var pending []byte
		p.OnData = func(p *conn.Peer) {
			pending = append(pending, p.Received()...)
			if !bytes.Contains(pending, []byte("\r\n\r\n")) {
				return
			}
			request := string(pending)
			pending = nil
			b.requests = append(b.requests, request)
			if b.answer != nil {
				b.answer(b, p, request)
			}
		}
	})
	return b
}

// last is the last request a backend has got.
func (b *backend) last() string {
	b.w.t.Helper()
	if len(b.requests) == 0 {
		b.w.t.Fatalf("backend %s got no request", b.addr)
	}
	return b.requests[len(b.requests)-1]
}

func (w *world) advance(d time.Duration) { w.sim.Advance(d) }

// errors are the error log's lines, without time and process.
func (w *world) errors() string {
	var lines []string
	for _, ring := range w.log.Rings() {
		for line := range strings.Lines(string(ring)) {
			_, line, _ = strings.Cut(line, " [")
			lines = append(lines, "["+strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

func (w *world) wantError(parts ...string) {
	w.t.Helper()
	log := w.errors()
	for _, part := range parts {
		if !strings.Contains(log, part) {
			w.t.Errorf("the error log has no %q:\n%s", part, log)
		}
	}
}

// status is the code of a response.
func status(response string) string {
	if len(response) < len("HTTP/1.1 200") {
		return fmt.Sprintf("(%q)", response)
	}
	return response[len("HTTP/1.1 "):len("HTTP/1.1 200")]
}

// body is what follows the head of a response.
func body(response string) string {
	_, body, _ := strings.Cut(response, "\r\n\r\n")
	return body
}

func wantStatus(t testing.TB, response, want string) {
	t.Helper()
	if got := status(response); got != want {
		t.Errorf("status %s, want %s, of %q", got, want, response)
	}
}

func wantBody(t testing.TB, response, want string) {
	t.Helper()
	if got := body(response); got != want {
		t.Errorf("body %.200q, want %.200q", got, want)
	}
}

func wantText(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func wantIn(t testing.TB, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in\n%s", part, text)
	}
}

func wantNotIn(t testing.TB, text, part string) {
	t.Helper()
	if strings.Contains(text, part) {
		t.Errorf("%q is in\n%s", part, text)
	}
}
