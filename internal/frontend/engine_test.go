package frontend

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/loop"
)

// tester is a module whose content handlers use the engine as real ones do.
var tester = &core.Module{
	Name: "test_frontend",
	Directives: []conf.Directive{
		{Name: "say", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			v, err := core.CompileValue(c, args[0])
			core.SetContent(b, func(r *core.Request) core.Verdict { return r.Reply(200, textPlain, v.Eval(r)) })
			return err
		}},
		{Name: "answer", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			n, err := conf.Num(c, args)
			core.SetContent(b, func(*core.Request) core.Verdict { return core.Verdict(n) })
			return err
		}},
		{Name: "echo_body", In: conf.Location, Args: conf.NoArgs, Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
			core.SetContent(b, func(r *core.Request) core.Verdict {
				var body []byte
				p := make([]byte, 100)
				for {
					n, err := r.ReadBody(p)
					body = append(body, p[:n]...)
					var bad *core.BodyError
					if errors.As(err, &bad) {
						return bad.Verdict()
					}
					if err != nil {
						return r.Reply(200, nil, body)
					}
				}
			})
			return nil
		}},
	},
}

// site is a configuration of core's that is served by the frontend on a Sim.
type site struct {
	*coretest.Server
	t    *testing.T
	port *core.Port
}

func newSite(t *testing.T, config string) *site {
	s := &site{Server: coretest.New(t, []*core.Module{tester}, config), t: t}
	s.port = core.NewPort(s.Gen.Sockets[0])
	return s
}

// connect returns a client's connection to the site.
func (s *site) connect() *conn.Peer {
	c, p := conn.Pair(s.Loop)
	s.Sim.Do(s.Loop, func() {})
	Serve(s.port, c)
	s.Sim.Run()
	return p
}

// wantClosedIn lets that time pass, at whose end the connections are to be closed, and not a millisecond before.
func (s *site) wantClosedIn(d time.Duration, peers ...*conn.Peer) {
	s.t.Helper()
	s.Sim.Advance(d - time.Millisecond)
	for i, p := range peers {
		if p.Ended() {
			s.t.Errorf("connection %d ended before %v", i, s.Sim.Now().Sub(loop.SimStart))
		}
	}
	s.Sim.Advance(time.Millisecond)
	for i, p := range peers {
		if !p.ConnClosed() {
			s.t.Errorf("connection %d is open after %v", i, s.Sim.Now().Sub(loop.SimStart))
		}
	}
}

// answer sends a request on a new connection and returns the status line, the fields and the body, and whether the
// connection was ended.
func (s *site) answer(request string) (answer string, ended bool) {
	p := s.connect()
	p.Send([]byte(request))
	s.Sim.Run()
	return dateLine.ReplaceAllString(string(p.Received()), ""), p.Ended()
}

func TestConfigurationsOfCore(t *testing.T) {
	const config = `
server_tokens off;
client_header_timeout 5s;
large_client_header_buffers 2 1k;
keepalive_timeout 10s 8s;
location / { say "hello $uri $connection_requests"; }
location /small { client_max_body_size 5; echo_body; }
location /echo { echo_body; }
location /bad { answer 400; }
location /gone { answer 444; }
location /last { keepalive_requests 1; say "$request_length"; }
`
	for _, tt := range []struct {
		name, request string
		want          []string // parts of the answer, in order
		ended         bool
	}{
		{"a page", get("/x"), []string{"HTTP/1.1 200 OK\r\nServer: hearth\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" +
			"Connection: keep-alive\r\nKeep-Alive: timeout=8\r\n\r\nhello /x 1"}, false},
		{"two of them", get("/x") + get("/y"), []string{"hello /x 1", "hello /y 2"}, false},
		{"HEAD", "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", []string{"Content-Length: 10\r\nConnection: keep-alive\r\nKeep-Alive: timeout=8\r\n\r\n"}, false},
		{"the last request", get("/last"), []string{"Connection: close\r\n\r\n31"}, true},
		{"a body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/y"), []string{"\r\n\r\nabc", "hello /y 2"}, false},
		{"a body nobody reads", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/y"), []string{"hello / 1", "hello /y 2"}, false},
		{"a body that is too large", "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n123456" + get("/y"), []string{"HTTP/1.1 413 ", "Connection: close", "413"}, true},
		{"too large in chunks", "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n0\r\n\r\n", []string{"HTTP/1.1 413 ", "Connection: close"}, true},
		{"too large in a chunk that is announced", "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n3\r\n", []string{"HTTP/1.1 413 ", "Connection: close"}, true},
		{"too large, announced", "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n", []string{"HTTP/1.1 413 "}, true},
		{"an invalid chunk", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", []string{"HTTP/1.1 400 ", "Connection: close"}, true},
		{"an error that closes", get("/bad"), []string{"HTTP/1.1 400 Bad Request\r\nServer: hearth\r\nContent-Type: text/html\r\n", "Connection: close", "<center>hearth</center>"}, true},
		{"no answer at all", get("/gone"), nil, true},
		{"not HTTP", "\x16\x03\x01\r\n", []string{"HTTP/1.1 400 Bad Request\r\n", "Connection: close"}, true},
		{"a long line", "GET /" + strings.Repeat("a", 1100) + " HTTP/1.1\r\n", []string{"HTTP/1.1 414 Request-URI Too Large\r\n"}, true},
		{"a long field", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 1100) + "\r\n\r\n", []string{"HTTP/1.1 400 Bad Request\r\n", "Request Header Or Cookie Too Large"}, true},
		{"HTTP/0.9", "GET /old\r\n", []string{"hello /old 1"}, true},
		{"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", []string{"HTTP/1.1 405 Not Allowed\r\n", "Connection: close"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, config)
			got, ended := s.answer(tt.request)
			rest := got
			for _, part := range tt.want {
				at := strings.Index(rest, part)
				if at < 0 {
					t.Fatalf("%q is not in\n%s", part, visible(got))
				}
				rest = rest[at+len(part):]
			}
			if tt.want == nil && got != "" {
				t.Errorf("answer:\n%s", visible(got))
			}
			if ended != tt.ended {
				t.Errorf("ended: %v", ended)
			}
		})
	}
}

func TestTimeoutsOfCore(t *testing.T) {
	s := newSite(t, "client_header_timeout 5s; client_body_timeout 7s; keepalive_timeout 10s; location / { echo_body; }")
	silent, slowHead, slowBody, idle := s.connect(), s.connect(), s.connect(), s.connect()
	slowHead.Send([]byte("GET / HTTP/1.1\r\n"))
	slowBody.Send([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1"))
	idle.Send([]byte(get("/")))
	s.Sim.Run()
	for _, step := range []struct {
		at    time.Duration
		peers []*conn.Peer
	}{{5 * time.Second, []*conn.Peer{silent, slowHead}}, {7 * time.Second, []*conn.Peer{slowBody}}, {10 * time.Second, []*conn.Peer{idle}}} {
		s.wantClosedIn(step.at-s.Sim.Now().Sub(loop.SimStart), step.peers...)
	}
	want := []string{
		`[info] client timed out (110: Connection timed out) while reading client request headers, client: 127.0.0.1, server: , request: "GET / HTTP/1.1"`,
		`[info] client timed out (110: Connection timed out), client: 127.0.0.1, server: , request: "POST / HTTP/1.1", host: "a"`,
	}
	if got := s.Log(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("log:\n%s", strings.Join(got, "\n"))
	}
}

func TestTheTimeForTheFirstHeadBeginsWithTheConnection(t *testing.T) {
	s := newSite(t, "client_header_timeout 5s; keepalive_timeout 10s; location / { echo_body; }")
	late, empty, kept := s.connect(), s.connect(), s.connect()
	kept.Send([]byte(get("/")))
	s.Sim.Advance(3 * time.Second)
	late.Send([]byte("GET / HTTP/1.1\r\n"))
	empty.Send([]byte("\r\n"))
	s.Sim.Advance(time.Second)
	kept.Send([]byte("GET / HTTP/1.1\r\n"))
	empty.Send([]byte("\r\n"))
	s.Sim.Advance(time.Second)
	if !late.ConnClosed() || !empty.ConnClosed() {
		t.Errorf("open after 5 s: one whose head came late: %v, one with empty lines: %v", !late.ConnClosed(), !empty.ConnClosed())
	}
	s.wantClosedIn(4*time.Second, kept) // a later head has its whole time, and no more
}

func TestEmptyLinesKeepNoConnection(t *testing.T) {
	s := newSite(t, "client_header_timeout 5s; keepalive_timeout 10s; location / { echo_body; }")
	p := s.connect()
	p.Send([]byte(get("/")))
	s.Sim.Advance(4 * time.Second)
	p.Send([]byte("\r\n"))
	s.Sim.Advance(4 * time.Second)
	p.Send([]byte("\r\n\r\n"))
	s.wantClosedIn(2*time.Second, p) // keepalive_timeout after the answer
}

func TestANewGenerationServesOldConnections(t *testing.T) {
	s := newSite(t, `location / { say "old"; }`)
	p := s.connect()
	p.Send([]byte(get("/")))
	s.Sim.Run()
	p.Received()
	old := s.Reload(`location / { say "new"; }`)
	defer old.Close()
	s.port.Swap(s.Gen.Sockets[0])
	p.Send([]byte(get("/")))
	s.Sim.Run()
	if got := string(p.Received()); !strings.HasSuffix(got, "\r\n\r\nnew") {
		t.Error(visible(got))
	}
}

var textPlain = []byte("text/plain")
