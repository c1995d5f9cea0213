package grpc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"hearth/internal/core/coretest"
)

const passes = "location / { grpc_pass " + backend + "; client_max_body_size 0; }"

// post is the head of a call whose messages come one by one; chunk is one of them.
func post(path string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
}

func chunk(message string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(message), message) }

const lastChunk = "0\r\n\r\n"

func TestMessagesGoBothWaysWhileACallLasts(t *testing.T) {
	s := &script{}
	h := hearth(t, passes, s, backend)
	c := h.Start(post("/chat"))
	if len(s.calls) != 1 {
		t.Fatal("the call waits for its first message")
	}
	q := s.calls[0]
	q.head(false, ":status: 200", "content-type: application/grpc")
	q.push()
	want := ""
	for _, message := range []string{"one", "two", "three"} {
		c.Feed(chunk(message))
		want += message
		if got := string(q.body); got != want {
			t.Fatalf("the server has %q of %q", got, want)
		}
		q.data(false, message)
		q.push()
		if got := c.Response().Body; got != want {
			t.Fatalf("the client has %q of %q", got, want)
		}
	}
	if q.ended || c.Done() {
		t.Fatal("the call has ended")
	}
	c.Feed(lastChunk)
	if !q.ended {
		t.Error("the server has not heard of the end")
	}
	q.head(true, "grpc-status: 0", "grpc-message: bye")
	q.push()
	res := c.Response()
	if !c.Done() || !res.Complete || res.Trailer.Get("grpc-status") != "0" || res.Trailer.Get("grpc-message") != "bye" {
		t.Errorf("%+v", res)
	}
	if len(s.resets) > 0 {
		t.Errorf("the call was reset: %v", s.resets)
	}
}

func TestAServerMayEndTheCallBeforeTheClient(t *testing.T) {
	s := &script{}
	h := hearth(t, passes, s, backend)
	c := h.Start(post("/collect") + chunk("one"))
	q := s.calls[0]
	q.head(true, ":status: 200", "grpc-status: 8")
	q.push()
	if res := c.Response(); !c.Done() || !res.Complete || res.Header.Get("grpc-status") != "8" {
		t.Errorf("%+v", res)
	}
	h.Sim.Run()
	if len(s.resets) != 1 || s.resets[0] != http2.ErrCodeNo && s.resets[0] != http2.ErrCodeCancel {
		t.Errorf("resets: %v", s.resets)
	}
}

func TestAClientThatLeavesCancelsItsCallAlone(t *testing.T) {
	s := &script{}
	h := hearth(t, passes, s, backend)
	before := h.Start(post("/before"))
	during := h.Start(post("/during") + chunk("a"))
	other := h.Start(coretest.Get("/other"))
	q := s.calls[1]
	q.head(false, ":status: 200")
	q.data(false, "message")
	q.push()
	before.Leave()
	during.Leave()
	if len(s.resets) != 2 || s.resets[0] != http2.ErrCodeCancel || s.resets[1] != http2.ErrCodeCancel {
		t.Errorf("resets: %v", s.resets)
	}
	if !before.Done() || !during.Response().Aborted {
		t.Error("the calls go on")
	}
	unary(s.calls[2])
	s.calls[2].push()
	if res := other.Response(); !res.Complete || res.Trailer.Get("grpc-status") != "0" {
		t.Errorf("%+v", res)
	}
	if s.calls[0].line != s.calls[2].line {
		t.Error("the calls did not share a connection")
	}
}

func TestTheClientsDeadlineIsPassedOn(t *testing.T) {
	s := &script{answer: unary}
	hearth(t, passes, s, backend).Get("/", "grpc-timeout: 250m")
	if !s.calls[0].has("grpc-timeout: 250m") {
		t.Errorf("%q", s.calls[0].fields)
	}
}

func TestAServerThatIsSilentForTooLong(t *testing.T) {
	s := &script{}
	h := hearth(t, "grpc_read_timeout 5s; "+passes, s, backend)
	head, body := h.Start(coretest.Get("/head")), h.Start(coretest.Get("/body"))
	s.calls[1].head(false, ":status: 200")
	s.calls[1].data(false, "message")
	s.calls[1].push()
	h.Sim.Advance(4 * time.Second)
	if head.Done() || body.Done() {
		t.Fatal("too soon")
	}
	h.Sim.Advance(2 * time.Second)
	if res := head.Response(); res.Status != 504 {
		t.Errorf("%+v", res)
	}
	if res := body.Response(); !res.Aborted || res.Body != "message" {
		t.Errorf("%+v", res)
	}
	if len(s.resets) != 2 || s.resets[0] != http2.ErrCodeCancel || s.resets[1] != http2.ErrCodeCancel {
		t.Errorf("resets: %v", s.resets)
	}
}

func TestAClientThatSendsRarelyIsNotSilence(t *testing.T) {
	s := &script{}
	h := hearth(t, "grpc_read_timeout 5s; client_body_timeout 1h; "+passes, s, backend)
	c := h.Start(post("/stream"))
	for range 10 {
		h.Sim.Advance(4 * time.Second)
		c.Feed(chunk("message"))
	}
	if c.Done() {
		t.Fatalf("%+v", c.Response())
	}
	c.Feed(lastChunk)
	h.Sim.Advance(6 * time.Second)
	if res := c.Response(); !c.Done() || res.Status != 504 {
		t.Errorf("%+v", res)
	}
}

func TestAServerThatTakesNothingForTooLong(t *testing.T) {
	s := &script{}
	h := hearth(t, "grpc_send_timeout 5s; client_body_timeout 1h; "+passes, s, backend)
	c := h.Start(post("/stream") + chunk(strings.Repeat("x", 1<<20)))
	h.Sim.Advance(6 * time.Second)
	if res := c.Response(); !c.Done() || res.Status != 504 {
		t.Errorf("%+v", res)
	}
	if n := len(s.calls[0].body); n > 65535 {
		t.Errorf("%d bytes were sent without credit", n)
	}
}

// A client that takes nothing costs what the server may send without credit, and no more.
func TestASlowReceiverSlowsTheServer(t *testing.T) {
	s := &script{}
	h := hearth(t, passes, s, backend)
	c := h.StartBlocked(coretest.Get("/"))
	q := s.calls[0]
	q.head(false, ":status: 200")
	total := 0
	for range 10 {
		total += q.flood()
		q.push()
	}
	if total > 256<<10 {
		t.Errorf("the server could send %d bytes to a client that takes none", total)
	}
	c.Unblock()
	for range 20 {
		total += q.flood()
		q.push()
	}
	if got := len(c.Response().Body); total < 1<<20 || got != total {
		t.Errorf("the client has %d bytes of %d", got, total)
	}
	q.head(true, "grpc-status: 0")
	q.push()
	if res := c.Response(); !c.Done() || res.Trailer.Get("grpc-status") != "0" {
		t.Errorf("%v, trailers %q", c.Done(), res.Trailer)
	}
}

func TestErrorPageGivesAStatus(t *testing.T) {
	h := hearth(t, `
		location / { grpc_pass `+backend+`; error_page 502 = @unavailable; error_page 504 = @late; grpc_read_timeout 1s; }
		location @unavailable { internal; default_type application/grpc; add_header grpc-status 14; add_header grpc-message "no server"; return 204; }
		location @late { internal; default_type application/grpc; add_header grpc-status 4; return 204; }`, &script{})
	if res := h.Get("/"); res.Status != 204 || res.Header.Get("grpc-status") != "14" || res.Header.Get("grpc-message") != "no server" {
		t.Errorf("%+v", res)
	}
}

func TestWhereACallGoesMayDependOnIt(t *testing.T) {
	s := &script{answer: unary}
	h := hearth(t, `
		upstream named { server 127.0.0.1:9001; }
		server {
			listen 80;
			location / { grpc_pass $http_x_to; }
			location /if { if ($http_x_to) { grpc_pass named; } grpc_pass `+backend+`; }
			location /unix { grpc_pass unix:/run/grpc; }
		}`, s, backend, "127.0.0.1:9001", "unix:/run/grpc")
	for _, test := range []struct{ path, to, authority string }{
		{"/", backend, backend}, {"/", "grpc://named", "named"}, {"/", "GRPC://127.0.0.1:9001", "127.0.0.1:9001"},
		{"/if", "", backend}, {"/if", "x", "named"}, {"/unix", "", "localhost"}, {"/", "unix:/run/grpc", "localhost"},
	} {
		res := h.Get(test.path, "X-To: "+test.to)
		if got := s.calls[len(s.calls)-1]; res.Status != 200 || !got.has(":authority: "+test.authority) {
			t.Errorf("%+v: %d, %q", test, res.Status, got.fields)
		}
	}
	for to, want := range map[string]string{
		"127.0.0.1": "no port in upstream \"127.0.0.1\"", "": "no host in upstream \"\"", "grpc://a/b": "invalid host in upstream \"a/b\"",
		"elsewhere:1": "no resolver defined to resolve elsewhere",
	} {
		res := h.Get("/", "X-To: "+to)
		if (res.Status != 500 && res.Status != 502) || !strings.Contains(strings.Join(res.Log, "\n"), want) {
			t.Errorf("%q: %d, %q", to, res.Status, res.Log)
		}
	}
}

func TestHostIsTheAuthority(t *testing.T) {
	s := &script{answer: unary}
	h := hearth(t, `location / { grpc_pass `+backend+`; grpc_set_header Host $http_host; }
		location /none { grpc_pass `+backend+`; grpc_set_header Host ""; }`, s, backend)
	h.Get("/")
	h.Get("/none")
	if q := s.calls[0]; !q.has(":authority: localhost") || strings.Contains(q.sent(), "\nhost:") {
		t.Errorf("%q", q.fields)
	}
	if q := s.calls[1]; strings.Contains(q.sent(), "localhost") {
		t.Errorf("%q", q.fields)
	}
}

func TestWhoWantsTrailers(t *testing.T) {
	for te, want := range map[string]bool{
		"trailers": true, "Trailers": true, "gzip, trailers": true, "trailers;q=0.5 , x": true, "": false, "gzip": false, "xtrailers": false, "trailers2": false,
	} {
		if got := wants([]byte(te)); got != want {
			t.Errorf("%q: %v", te, got)
		}
	}
}
