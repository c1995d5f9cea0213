package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/http2"
)

// overH2 serves everything from one backend over HTTP/2, with the given directives in the location.
func overH2(t *testing.T, directives string) (*world, *h2backend) {
	t.Helper()
	w := newWorld(t, "upstream u { server 10.0.0.1:80; keepalive_timeout 60s; } server { listen 80; location / { proxy_pass http://u; proxy_http_version 2; "+directives+" } }")
	return w, w.h2("10.0.0.1:80")
}

// ask begins a GET on a connection of its own.
func (w *world) ask(path string) *client {
	return w.connect().send("GET " + path + " HTTP/1.1\nHost: example.com\n\n")
}

// askAtOnce begins n of them in one turn.
func (w *world) askAtOnce(n int) (clients []*client) {
	for range n {
		clients = append(clients, w.connect())
	}
	for _, c := range clients {
		c.Send([]byte(crlf("GET / HTTP/1.1\nHost: example.com\n\n")))
	}
	w.sim.Run()
	return clients
}

func (b *h2backend) wantConns(n int) {
	b.w.t.Helper()
	if len(b.conns) != n {
		b.w.t.Errorf("%d connections were dialled, want %d", len(b.conns), n)
	}
}

func (b *h2backend) wantAsked(n int) {
	b.w.t.Helper()
	if len(b.asked) != n {
		b.w.t.Fatalf("the backend has got %d requests, want %d", len(b.asked), n)
	}
}

func hold(*h2request) {}

func TestH2TheRequestIsTheSameInFrames(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://10.0.0.1:80; proxy_http_version 2; proxy_set_header X-From "$remote_addr"; }`)
	b := w.h2("10.0.0.1:80")
	response := w.get("/path?q=1", "Accept: text/plain", "TE: trailers", "Upgrade: nothing")
	wantStatus(t, response, "200")
	wantBody(t, response, "/path?q=1")
	q := b.asked[0]
	wantText(t, strings.Join([]string{q.method, q.scheme, q.authority, q.path}, " "), "GET http 10.0.0.1 /path?q=1")
	wantText(t, strings.Join(q.fields, "\n"), "x-from: 127.0.0.1\naccept: text/plain")
}

func TestH2ExchangesShareAConnectionUpToTheLimit(t *testing.T) {
	w, _ := overH2(t, "")
	b := w.h2With("10.0.0.1:80", http2.Options{MaxStreams: 100})
	b.answer = hold
	var clients []*client
	for i := range 100 {
		clients = append(clients, w.ask(fmt.Sprintf("/%d", i)))
	}
	b.wantAsked(100)
	b.wantConns(1)
	extra := w.ask("/extra")
	b.wantConns(2)
	b.conns[0].run(func() {
		for _, q := range append([]*h2request(nil), b.conns[0].open...) {
			q.respond(200, q.path)
		}
	})
	for i, c := range clients {
		wantBody(t, c.receive(), fmt.Sprintf("/%d", i))
	}
	b.conns[1].run(func() { b.conns[1].open[0].respond(200, "x") })
	wantBody(t, extra.receive(), "x")
	w.advance(61 * time.Second)
	for _, c := range b.conns {
		if !c.ConnClosed() || len(c.away) == 0 || c.away[0] != http2.NoError {
			t.Errorf("an idle connection was not ended with GOAWAY: closed %v, %v", c.ConnClosed(), c.away)
		}
	}
}

func TestH2WhoComesWhileOneIsDialledWaitsForIt(t *testing.T) {
	w, b := overH2(t, "")
	clients := w.askAtOnce(50)
	b.wantConns(1)
	for _, c := range clients {
		wantBody(t, c.receive(), "/")
	}
}

func TestH2ADialThatFailsFailsAllWhoWait(t *testing.T) {
	w, _ := overH2(t, "")
	w.net.Refuse(conn.MustAddr("10.0.0.1:80"))
	clients := w.askAtOnce(3)
	for _, c := range clients {
		wantStatus(t, c.receive(), "502")
	}
	if n := w.net.Dials[conn.MustAddr("10.0.0.1:80")]; n != 1 {
		t.Errorf("%d dials, want 1", n)
	}
	w.wantError("connect() failed (111: Connection refused) while connecting to upstream")
}

func TestH2AWaiterThatGoesLeavesTheOthersWaiting(t *testing.T) {
	w, _ := overH2(t, "proxy_connect_timeout 10s;")
	w.net.Hang(conn.MustAddr("10.0.0.1:80"))
	first, second := w.ask("/1"), w.ask("/2")
	first.Close()
	w.sim.Run()
	w.wantError("client prematurely closed connection, so upstream connection is closed too while connecting to upstream")
	w.advance(10 * time.Second)
	wantStatus(t, second.receive(), "504")
	w.wantError("upstream timed out (110: Connection timed out) while connecting to upstream")
}

func TestH2ABodyIsSentWithinFlowControl(t *testing.T) {
	for _, config := range []string{"", "proxy_request_buffering off;", "client_body_buffer_size 1k;"} {
		t.Run(config, func(t *testing.T) {
			w, b := overH2(t, config)
			b.begin = func(q *h2request) { q.hold = true }
			b.answer = func(q *h2request) { q.respond(200, fmt.Sprint(len(q.body))) }
			c := w.connect().send("POST / HTTP/1.1\nHost: example.com\nContent-Length: 200000\n\n")
			for range 20 {
				c.send(strings.Repeat("x", 10000))
			}
			q := b.asked[0]
			if len(q.body) != 65535 && len(q.body) != 65536 {
				t.Errorf("%d bytes were sent into the window", len(q.body))
			}
			for range 10 {
				b.conns[0].run(func() { q.credit(40000) })
			}
			wantBody(t, c.receive(), "200000")
			wantIn(t, strings.Join(q.fields, "\n"), "content-length: 200000")
		})
	}
}

// RFC 9113, section 8.1: a server can send a complete response before the client has sent the whole request.
func TestH2TheRequestGoesOnWhileTheResponseIsPassedOn(t *testing.T) {
	w, b := overH2(t, "proxy_request_buffering off; proxy_buffering off;")
	c := w.connect().send("POST / HTTP/1.1\nHost: example.com\nTransfer-Encoding: chunked\n\n3\none\n")
	b.wantAsked(1)
	q := b.asked[0]
	wantText(t, string(q.body), "one")
	b.conns[0].run(func() {
		q.head(200, false)
		q.send("first", false)
	})
	wantIn(t, c.receive(), "first")
	c.send("3\ntwo\n")
	wantText(t, string(q.body), "onetwo")
	b.conns[0].run(func() { q.send("second", false) })
	wantIn(t, c.receive(), "second")
	b.answer = func(q *h2request) { q.send("third", true) }
	c.send("0\n\n")
	wantIn(t, c.receive(), "third\r\n0\r\n\r\n")
	b.wantConns(1)
}

func TestH2AnEarlyResponseEndsTheRequest(t *testing.T) {
	for _, tail := range []string{"", "NO_ERROR"} {
		t.Run("reset "+tail, func(t *testing.T) {
			w, b := overH2(t, "proxy_request_buffering off;")
			b.begin = func(q *h2request) {
				q.head(413, false)
				q.wire.WriteData(q.s, []byte("too much"), true)
				if tail != "" {
					q.release() // with RST_STREAM
				}
			}
			c := w.connect().send("POST / HTTP/1.1\nHost: example.com\nContent-Length: 1000000\n\nxxx")
			response := c.receive()
			wantStatus(t, response, "413")
			wantIn(t, response, "too much")
			c.Close()
			w.sim.Run()
			b.begin = nil
			wantStatus(t, w.get("/"), "200")
			b.wantConns(1)
		})
	}
}

func TestH2ASlowClientHoldsUpNobodyElse(t *testing.T) {
	w, b := overH2(t, "proxy_buffering off;")
	big := strings.Repeat("0123456789", 1<<18)
	b.answer = func(q *h2request) {
		if q.path == "/big" {
			q.head(200, false)
			q.send(big, true)
			return
		}
		q.respond(200, "quick")
	}
	slow := w.connect()
	slow.SetWindow(1000)
	slow.send("GET /big HTTP/1.1\nHost: example.com\n\n")
	q := b.asked[0]
	sent := len(big) - len(q.out)
	if sent > 600<<10 {
		t.Errorf("%d bytes were taken for a client that takes nothing", sent)
	}
	for range 5 {
		wantBody(t, w.get("/small"), "quick")
	}
	if now := len(big) - len(q.out); now != sent {
		t.Errorf("%d more bytes were taken meanwhile", now-sent)
	}
	slow.SetWindow(10 << 20)
	var got strings.Builder
	for range 100 {
		got.WriteString(slow.receive())
	}
	_, all, _ := strings.Cut(got.String(), "\r\n\r\n")
	if !strings.HasSuffix(all, "\r\n0\r\n\r\n") || strings.Count(all, "0123456789") < 1<<18-200 {
		t.Errorf("the slow client has got %d bytes", len(all))
	}
	b.wantConns(1)
}

// A client that keeps up gets a wider window, so that a distant backend is not held up.
func TestH2TheWindowGrowsForAQuickClient(t *testing.T) {
	w, _ := overH2(t, "")
	b := w.h2With("10.0.0.1:80", http2.Options{OutputLimit: 8 << 20})
	b.answer = func(q *h2request) { q.head(200, false) }
	c := w.ask("/")
	q, window := b.asked[0], 0
	for range 50 {
		if room := b.conns[0].wire.Room(q.s); room > window {
			window = room
		}
		b.conns[0].run(func() { b.conns[0].wire.WriteData(q.s, make([]byte, 1<<20), false) })
		c.receive()
	}
	if window < 1<<20-1<<18 || window > 1<<20 {
		t.Errorf("the window grew to %d, want nearly 1 MB", window)
	}
}

func TestH2WhatGoAwayLeavesOutGoesElsewhere(t *testing.T) {
	w, b := overH2(t, "")
	b.answer = hold
	kept := w.ask("/kept")
	b.conns[0].run(func() { b.conns[0].wire.GoAway(http2.NoError, "") })
	after := w.ask("/after") // a new connection, since that one takes no more
	b.wantConns(2)
	b.conns[1].run(func() { b.asked[1].respond(200, "after") })
	wantBody(t, after.receive(), "after")
	b.conns[0].run(func() { b.asked[0].respond(200, "kept") })
	wantBody(t, kept.receive(), "kept")
	if !b.conns[0].ConnClosed() {
		t.Error("the connection that goes away was kept")
	}
	wantText(t, w.errors(), "")
}

func TestH2ARequestThatWasNotProcessedIsSentAgainWhateverItIs(t *testing.T) {
	w, b := overH2(t, "")
	n := 0
	b.answer = func(q *h2request) {
		if n++; n == 1 {
			q.wire.Reset(q.s, http2.RefusedStream)
			q.release()
			return
		}
		q.respond(200, string(q.body))
	}
	response := w.request("POST / HTTP/1.1\nHost: example.com\nContent-Length: 4\n\nbody")
	wantStatus(t, response, "200")
	wantBody(t, response, "body")
	b.wantAsked(2)
}

func TestH2WhoRefusesAllTheTimeHasFailed(t *testing.T) {
	w, b := overH2(t, "")
	b.answer = func(q *h2request) {
		q.wire.Reset(q.s, http2.RefusedStream)
		q.release()
	}
	wantStatus(t, w.request("POST / HTTP/1.1\nHost: example.com\nContent-Length: 4\n\nbody"), "502")
	b.wantAsked(3)
	w.wantError("upstream rejected request with error 7 while reading response header from upstream")
}

func TestH2AResetIsAnInvalidResponse(t *testing.T) {
	t.Run("before the head", func(t *testing.T) {
		w, b := overH2(t, "")
		b.answer = func(q *h2request) {
			q.wire.Reset(q.s, http2.InternalError)
			q.release()
		}
		wantStatus(t, w.get("/"), "502")
		b.wantAsked(1)
		w.wantError("upstream rejected request with error 2 while reading response header from upstream")
	})
	t.Run("in the body", func(t *testing.T) {
		w, b := overH2(t, "")
		b.answer = func(q *h2request) {
			q.head(200, false)
			q.send("partly", false)
			q.wire.Reset(q.s, http2.Cancel)
			q.release()
		}
		c := w.ask("/")
		wantNotIn(t, c.receive(), "\r\n0\r\n")
		if !c.ConnClosed() {
			t.Error("the client was not told that the body is cut")
		}
		w.wantError("upstream rejected request with error 8 while reading upstream")
		b.answer = nil
		wantStatus(t, w.get("/again"), "200")
		b.wantConns(1)
	})
}

func TestH2AConnectionThatEndsEndsItsStreams(t *testing.T) {
	t.Run("fresh: 502", func(t *testing.T) {
		w, b := overH2(t, "")
		b.answer = func(q *h2request) { q.Close() }
		wantStatus(t, w.get("/"), "502")
		w.wantError("upstream prematurely closed connection while reading response header from upstream")
	})
	t.Run("reused: those without an answer are sent again", func(t *testing.T) {
		w, b := overH2(t, "")
		wantStatus(t, w.get("/warm"), "200")
		b.answer = hold
		begun, other := w.ask("/begun"), w.ask("/other")
		b.wantConns(1)
		b.conns[0].run(func() {
			b.asked[1].head(200, false)
			b.asked[1].send("some", false)
		})
		b.answer = nil
		b.conns[0].Close()
		w.sim.Run()
		wantBody(t, other.receive(), "/other")
		wantIn(t, begun.receive(), "some")
		if !begun.ConnClosed() {
			t.Error("a cut response looks complete")
		}
		b.wantConns(2)
	})
	t.Run("a POST is not", func(t *testing.T) {
		w, b := overH2(t, "")
		wantStatus(t, w.get("/warm"), "200")
		b.answer = func(q *h2request) { q.Close() }
		wantStatus(t, w.request("POST / HTTP/1.1\nHost: example.com\nContent-Length: 4\n\nbody"), "502")
		b.wantConns(1)
	})
}

func TestH2ABackendThatSpeaksSomethingElse(t *testing.T) {
	w, _ := overH2(t, "")
	w.serve("10.0.0.1:80", "HTTP/1.1 400 Bad Request\nContent-Length: 0\n\n")
	w.net.Listen(conn.MustAddr("10.0.0.1:80"), func(p *conn.Peer) {
		p.OnData = func(p *conn.Peer) {
			if len(p.Received()) > 0 && !p.ConnClosed() {
				p.Send([]byte(crlf("HTTP/1.1 400 Bad Request\nContent-Length: 0\n\n")))
			}
		}
	})
	wantStatus(t, w.get("/"), "502")
	w.wantError("while reading response header from upstream")
}

func TestH2AnIdleConnectionIsCheckedBeforeUse(t *testing.T) {
	w, b := overH2(t, "")
	wantStatus(t, w.get("/1"), "200")
	w.advance(5 * time.Second)
	wantStatus(t, w.get("/2"), "200") // soon: no check
	w.advance(20 * time.Second)
	wantStatus(t, w.get("/3"), "200")
	b.wantConns(1)
	w.advance(20 * time.Second)
	b.conns[0].deaf = true
	c := w.connect().send("POST / HTTP/1.1\nHost: example.com\nContent-Length: 4\n\nbody")
	b.wantConns(1)
	w.advance(2 * time.Second)
	wantStatus(t, c.receive(), "200")
	b.wantConns(2)
	wantText(t, w.errors(), "")
}

func TestH2ASilentPeerIsFoundOut(t *testing.T) {
	w, b := overH2(t, "proxy_read_timeout 10m;")
	b.answer = hold
	c := w.ask("/")
	w.advance(5 * time.Minute) // it answers PING: a long poll
	wantText(t, c.receive(), "")
	b.conns[0].deaf = true
	w.advance(8 * time.Minute)
	wantStatus(t, c.receive(), "502")
	w.wantError("no answer to PING")
}

func TestH2LimitsOfTheUpstreamBlock(t *testing.T) {
	t.Run("keepalive_requests counts streams", func(t *testing.T) {
		w := newWorld(t, "upstream u { server 10.0.0.1:80; keepalive_requests 3; } server { listen 80; "+strings.Replace(h2u, "X", "", 1)+"}")
		b := w.h2("10.0.0.1:80")
		for range 7 {
			wantStatus(t, w.get("/"), "200")
		}
		b.wantConns(3)
	})
	t.Run("keepalive_time", func(t *testing.T) {
		w := newWorld(t, "upstream u { server 10.0.0.1:80; keepalive_time 10s; } server { listen 80; "+strings.Replace(h2u, "X", "", 1)+"}")
		b := w.h2("10.0.0.1:80")
		for range 4 {
			wantStatus(t, w.get("/"), "200")
			w.advance(4 * time.Second)
		}
		b.wantConns(2)
	})
	t.Run("keepalive 0", func(t *testing.T) {
		w := newWorld(t, "upstream u { server 10.0.0.1:80; keepalive 0; } server { listen 80; "+strings.Replace(h2u, "X", "", 1)+"}")
		b := w.h2("10.0.0.1:80")
		wantStatus(t, w.get("/"), "200")
		wantStatus(t, w.get("/"), "200")
		b.wantConns(2)
	})
	t.Run("max_conns", func(t *testing.T) {
		w := newWorld(t, "upstream u { server 10.0.0.1:80 max_conns=1; server 10.0.0.2:80 backup; } server { listen 80; "+strings.Replace(h2u, "X", "", 1)+"}")
		b, other := w.h2("10.0.0.1:80"), w.h2("10.0.0.2:80")
		b.answer = hold
		w.ask("/1")
		wantStatus(t, w.get("/2"), "200")
		other.wantAsked(1)
		b.wantConns(1)
	})
}

const h2u = "location / { proxy_pass http://u; proxy_http_version 2; X }"

func TestH2ThePeersLimitOnStreams(t *testing.T) {
	t.Run("one at a time", func(t *testing.T) {
		w, _ := overH2(t, "")
		b := w.h2With("10.0.0.1:80", http2.Options{MaxStreams: 1})
		b.answer = hold
		clients := []*client{w.ask("/"), w.ask("/"), w.ask("/")}
		b.wantConns(3)
		for _, c := range b.conns {
			if c.most > 1 {
				t.Errorf("%d streams at once", c.most)
			}
			c.run(func() { c.open[0].respond(200, "x") })
		}
		for _, c := range clients {
			wantBody(t, c.receive(), "x")
		}
	})
	t.Run("all at once before it has told", func(t *testing.T) {
		w, _ := overH2(t, "")
		w.h2With("10.0.0.1:80", http2.Options{MaxStreams: 4})
		clients := w.askAtOnce(12)
		for _, c := range clients {
			wantStatus(t, c.receive(), "200")
		}
	})
}

func TestH2ResponsesWithoutABody(t *testing.T) {
	w, b := overH2(t, "")
	b.answer = func(q *h2request) {
		switch q.path {
		case "/204":
			q.head(204, true)
		case "/204late":
			q.head(204, false)
			q.wire.WriteData(q.s, nil, true)
			q.release()
		case "/304":
			q.head(304, true, "etag: \"x\"", "content-length: 100")
		case "/empty":
			q.head(200, true)
		case "/head":
			q.head(200, true, "content-length: 1234")
		}
	}
	wantStatus(t, w.get("/204"), "204")
	wantStatus(t, w.get("/204late"), "204")
	wantStatus(t, w.get("/304"), "304")
	wantIn(t, w.get("/empty"), "Content-Length: 0")
	response := w.request("HEAD /head HTTP/1.1\nHost: example.com\n\n")
	wantIn(t, response, "Content-Length: 1234")
	wantBody(t, response, "")
	b.wantConns(1)
}

func TestH2InterimResponses(t *testing.T) {
	w, b := overH2(t, "")
	b.answer = func(q *h2request) {
		q.head(103, false, "link: </x>")
		q.head(100, false)
		q.respond(200, "final")
	}
	wantBody(t, w.get("/"), "final")
	b.answer = func(q *h2request) {
		for range 150 {
			q.head(103, false)
		}
	}
	wantStatus(t, w.get("/"), "502")
	w.wantError("upstream sent too many 1xx responses")
}

func TestH2ABodyThatIsNotWhatWasAnnounced(t *testing.T) {
	for name, body := range map[string]string{"more": "0123456789x", "less": "012345678"} {
		t.Run(name, func(t *testing.T) {
			w, b := overH2(t, "")
			b.answer = func(q *h2request) {
				q.head(200, false, "content-length: 10")
				q.send(body, true)
			}
			c := w.ask("/")
			c.receive()
			if !c.ConnClosed() {
				t.Error("the client was not told that the body is wrong")
			}
			w.wantError("[error]", "while reading")
		})
	}
}

func TestH2AHeadThatIsTooBig(t *testing.T) {
	w, b := overH2(t, "proxy_buffer_size 4k;")
	b.answer = func(q *h2request) { q.head(200, true, "x: "+strings.Repeat("y", 5000)) }
	wantStatus(t, w.get("/"), "502")
	w.wantError("upstream sent too big header while reading response header from upstream")
}

func TestH2TrailersArePassedOn(t *testing.T) {
	w, b := overH2(t, "proxy_pass_trailers on;")
	b.answer = func(q *h2request) {
		q.head(200, false)
		q.send("body", false)
		q.head(0, true, "x-check: 42")
	}
	wantBody(t, w.get("/", "TE: trailers"), "4\r\nbody\r\n0\r\nx-check: 42\r\n\r\n")
}

func TestH2Variables(t *testing.T) {
	w := newWorld(t, `upstream u { server 10.0.0.1:80; keepalive_requests 2; } server { listen 80; location / { proxy_pass http://u; proxy_http_version 2; proxy_pass_trailers on;
		add_trailer X "$upstream_connection_reused $upstream_connection_requests $upstream_connection_miss_reason $upstream_connection_close_reason $upstream_status $upstream_trailer_t"; } }`)
	b := w.h2("10.0.0.1:80")
	b.answer = func(q *h2request) {
		q.head(200, false)
		q.send("b", false)
		q.head(0, true, "t: tail")
	}
	wantIn(t, w.get("/"), "X: 0 1 no_idle - 200 tail")
	wantIn(t, w.get("/"), "X: 1 2 - max_requests 200 tail")
}

func TestH2AClientThatGoesEndsItsStreamOnly(t *testing.T) {
	w, b := overH2(t, "")
	b.answer = hold
	gone, stays := w.ask("/gone"), w.ask("/stays")
	gone.Close()
	w.sim.Run()
	if b.asked[0].reset != http2.Cancel {
		t.Errorf("the stream was reset with %v, want CANCEL", b.asked[0].reset)
	}
	b.conns[0].run(func() { b.asked[1].respond(200, "x") })
	wantBody(t, stays.receive(), "x")
	b.wantConns(1)
}

func TestH2Timeouts(t *testing.T) {
	t.Run("no response", func(t *testing.T) {
		w, b := overH2(t, "proxy_read_timeout 5s;")
		b.answer = hold
		c := w.ask("/")
		w.advance(5 * time.Second)
		wantStatus(t, c.receive(), "504")
		w.wantError("upstream timed out (110: Connection timed out) while reading response header from upstream")
		b.answer = nil
		wantStatus(t, w.get("/"), "200")
		b.wantConns(1)
	})
	t.Run("the body stops", func(t *testing.T) {
		w, b := overH2(t, "proxy_read_timeout 5s;")
		b.answer = func(q *h2request) {
			q.head(200, false)
			q.send("some", false)
		}
		c := w.ask("/")
		w.advance(5 * time.Second)
		c.receive()
		if !c.ConnClosed() {
			t.Error("the client still waits")
		}
		w.wantError("upstream timed out (110: Connection timed out) while reading upstream")
	})
	t.Run("the request is not taken", func(t *testing.T) {
		w, b := overH2(t, "proxy_send_timeout 5s;")
		b.begin = func(q *h2request) { q.hold = true }
		c := w.connect().send("POST / HTTP/1.1\nHost: example.com\nContent-Length: 100000\n\n" + strings.Repeat("x", 100000))
		w.advance(5 * time.Second)
		wantStatus(t, c.receive(), "504")
		w.wantError("upstream timed out (110: Connection timed out) while sending request to upstream")
	})
	t.Run("the client does not go on", func(t *testing.T) {
		w, b := overH2(t, "proxy_request_buffering off; client_body_timeout 5s;")
		c := w.connect().send("POST / HTTP/1.1\nHost: example.com\nContent-Length: 10\n\nx")
		b.wantAsked(1)
		w.advance(5 * time.Second)
		c.receive()
		if !c.ConnClosed() || b.asked[0].reset != http2.Cancel {
			t.Errorf("closed %v, reset %v", c.ConnClosed(), b.asked[0].reset)
		}
	})
}

func TestH2NextUpstream(t *testing.T) {
	w := newWorld(t, "upstream u { server 10.0.0.1:80; server 10.0.0.2:80 backup; } server { listen 80; "+strings.Replace(h2u, "X", "proxy_next_upstream error timeout invalid_header http_503;", 1)+"}")
	b, other := w.h2("10.0.0.1:80"), w.h2("10.0.0.2:80")
	for i, answer := range []func(q *h2request){
		func(q *h2request) { q.respond(503, "") },
		func(q *h2request) { q.wire.Reset(q.s, http2.InternalError); q.release() },
		func(q *h2request) { q.wire.Reset(q.s, http2.RefusedStream); q.release() },
		func(q *h2request) { q.Close() },
	} {
		b.answer = answer
		wantBody(t, w.get("/x"), "/x")
		other.wantAsked(i + 1)
		w.advance(11 * time.Second)
	}
}
