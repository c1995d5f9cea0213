package frontend

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
)

func TestTheTimeForAHeaderIsTotal(t *testing.T) {
	w := newWorld(t, ok)
	w.server.ClientHeaderTimeout = 10 * time.Second
	c := w.connect()
	w.advance(5 * time.Second) // as in nginx, the time of the first begins with the connection
	for _, b := range "GET / HTTP/1.1\r\nHost:"[:10] {
		c.send(string(b))
		w.advance(499 * time.Millisecond)
	}
	c.wantOpen()
	w.advance(10 * time.Millisecond)
	c.wantClosed()
	c.wantNothing() // as nginx: 408 is for the log
	w.wantLog(" 408 0")
	if want := "client timed out (110: Connection timed out) while reading client request line"; w.errors[0] != want {
		t.Error(w.errors[0])
	}
	w.wantNoLeak()
}

func TestATimedOutConnectionIsResetIfTheConfigurationSaysSo(t *testing.T) {
	w := newWorld(t, ok)
	w.set.ResetTimedout = true
	c := w.connect()
	c.send("GET / HTTP/1.1\r\n")
	w.advance(time.Minute)
	if !c.ConnReset() {
		t.Error("not reset")
	}
	w.wantLog("GET / HTTP/1.1 408 0")
}

// "connections closed with the non-standard code 444" are reset, too (documentation of reset_timedout_connection).
func TestAConnectionClosedWith444IsResetIfTheConfigurationSaysSo(t *testing.T) {
	for _, reset := range []bool{false, true} {
		w := newWorld(t, func(r *core.Request) { r.LogStatus, r.Aborted = core.StatusCloseNow, true })
		w.set.ResetTimedout = reset
		c := w.connect()
		c.send(get("/"))
		c.wantNothing()
		if c.ConnReset() != reset {
			t.Errorf("reset: %v", !reset)
		}
	}
}

func TestALineThatIsCutIsLoggedAsFarAsItCame(t *testing.T) {
	w := newWorld(t, ok)
	var line string
	w.shard.engine.abandon = func(r *core.Request, _ *core.Address, status int, _ string) { line = string(r.Head.Line) }
	c := w.connect()
	c.send("\r\nGET /a?b HT")
	c.CloseWrite()
	w.sim.Run()
	if line != "GET /a?b HT" {
		t.Errorf("%q", line)
	}
}

func TestAClientThatClosesInItsHeaderGetsNoAnswer(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n")
	c.CloseWrite()
	w.sim.Run()
	c.wantClosed()
	c.wantNothing()
	w.wantLog("GET / HTTP/1.1 400 0")
	if want := "client prematurely closed connection while reading client request headers"; w.errors[0] != want {
		t.Error(w.errors[0])
	}
	w.wantNoLeak()
}

func TestHalfClosedClientsGetTheirAnswer(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.Send([]byte(get("/one") + get("/two")))
	c.CloseWrite()
	w.sim.Run()
	c.want(head("200 OK", 4, "keep-alive") + "/one" + head("200 OK", 4, "keep-alive") + "/two")
	c.wantClosed()
	w.wantNoLeak()
}

func TestRequestsThatAreRefused(t *testing.T) {
	long := strings.Repeat("a", 9000)
	for _, tt := range []struct {
		name, request, status string
	}{
		{"no HTTP at all", "\x16\x03\x01\r\n\r\n", "400 Bad Request"},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"a header without a colon", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "400 Bad Request"},
		{"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request"},
		{"both framings", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
		{"HTTP/2 in words", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"},
		{"a line that is too long", "GET /" + long + " HTTP/1.1\r\n", "414 Request-URI Too Large"},
		{"a header that is too long", "GET / HTTP/1.1\r\nX: " + long + "\r\n\r\n", "494 "},
		{"too much header", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: "+long[:7000]+"\r\n", 5) + "\r\n", "494 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, ok)
			c := w.connect()
			c.send(tt.request, get("/never"))
			c.want(head(tt.status, 9, "close") + "error " + tt.status[:3])
			c.wantLingering()
			w.advance(w.set.LingeringTimeout)
			c.wantClosed()
			w.wantNoLeak()
		})
	}
}

func TestALargeHeadGrowsTheBuffer(t *testing.T) {
	line := "X-Large: " + strings.Repeat("x", 8000) + "\r\n"
	var values []int
	w := newWorld(t, func(r *core.Request) {
		values = values[:0]
		for _, f := range r.Head.Fields {
			values = append(values, len(f.Value))
		}
		echo(r)
	})
	c := w.connect()
	for range 2 { // the second time after the first, in the same buffer
		c.send("POST /"+strings.Repeat("u", 8100)+" HTTP/1.1\r\n"+host, line, line, line[:4000], line[4000:],
			"Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n")
		c.want(head("200 OK", 5, "keep-alive") + "[abc]")
		if len(values) != 5 || values[1] != 8000 || values[3] != 8000 || values[4] != 7 {
			t.Fatalf("field lengths %v", values)
		}
	}
	for _, b := range w.shard.buffers.items {
		if cap(b) != bufferSize {
			t.Errorf("a buffer of %d bytes is kept", cap(b))
		}
	}
}

func TestEmptyLinesBeforeARequestAreNoRequest(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send("\r\n", "\n\r\n", get("/"), "\r\n")
	c.want(head("200 OK", 1, "keep-alive") + "/")
	if w.shard.idle.n != 1 {
		t.Error("the connection is not idle")
	}
	w.advance(75 * time.Second)
	c.wantClosed()
	w.wantLog("GET / HTTP/1.1 200 1")
}

func TestBareLineFeedsAreLineEnds(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send("GET /lf HTTP/1.1\nHost: a\n\n")
	c.want(head("200 OK", 3, "keep-alive") + "/lf")
}

func TestHTTP09GetsTheBodyAlone(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { stream(r, "all ", "of it") })
	c := w.connect()
	c.send("GET /old\r\n")
	c.want("all of it")
	c.wantClosed()
	w.wantLog("GET /old 200 9")
}

func TestHTTP10GetsAnUnknownLengthUntilClose(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { stream(r, "all ", "of it") })
	c := w.connect()
	c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	c.want("HTTP/1.1 200 OK\nServer: hearth\nConnection: close\n\nall of it")
	c.wantClosed()
}

func TestHeadAnd304And204HaveNoBody(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		status        int
		length        int64
		want          string
	}{
		{"HEAD with a length", "HEAD / HTTP/1.1\r\n", 200, 5, "HTTP/1.1 200 OK\nServer: hearth\nContent-Type: text/plain\nContent-Length: 5\nConnection: keep-alive\n\n"},
		{"HEAD without", "HEAD / HTTP/1.1\r\n", 200, -1, "HTTP/1.1 200 OK\nServer: hearth\nContent-Type: text/plain\nConnection: keep-alive\n\n"},
		{"204", "GET / HTTP/1.1\r\n", 204, 5, "HTTP/1.1 204 No Content\nServer: hearth\nConnection: keep-alive\n\n"},
		{"304", "GET / HTTP/1.1\r\n", 304, -1, "HTTP/1.1 304 Not Modified\nServer: hearth\nContent-Type: text/plain\nConnection: keep-alive\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(r *core.Request) {
				r.Out.Status, r.Out.ContentLength, r.Out.ContentType = tt.status, tt.length, []byte("text/plain")
				r.Down.SendHead(r)
				r.Down.Send(core.Chunk{Mem: []byte("hello"), Last: true})
				r.Down.WaitFlush()
			})
			c := w.connect()
			for range 2 {
				c.send(tt.request + host + "\r\n")
				c.want(tt.want)
				c.wantOpen()
			}
		})
	}
}

func TestTheHeadHasNginxsOrder(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Out.ContentType, r.Out.ETag, r.Out.LastModified = []byte("text/html"), []byte(`"1-2"`), 1772366400
		r.Out.Location, r.Out.LocationMade = []byte("http://a/b"), string(r.Head.Target) == "/"
		r.Out.Fields = append(r.Out.Fields, http1.Field{Name: []byte("X-one"), Value: []byte("1")})
		reply(r, 302, "gone")
	})
	c := w.connect()
	c.send(get("/"))
	if got := string(c.Received()); !strings.Contains(got, "Date: Sun, 01 Mar 2026 12:00:00 GMT\r\n") {
		t.Error(got)
	}
	w.advance(time.Second)
	c.send(get("/"))
	want := "HTTP/1.1 302 Moved Temporarily\nServer: hearth\nDate: Sun, 01 Mar 2026 12:00:01 GMT\nContent-Type: text/html\n" +
		"Content-Length: 4\nLast-Modified: Sun, 01 Mar 2026 12:00:00 GMT\nLocation: http://a/b\nConnection: keep-alive\n" +
		"ETag: \"1-2\"\nX-one: 1\n\ngone"
	if got := string(c.Received()); got != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Error(visible(got))
	}
	c.send(get("/as-configured"))
	want = strings.Replace(want, "Location: http://a/b\nConnection: keep-alive\n", "Connection: keep-alive\nLocation: http://a/b\n", 1)
	if got := string(c.Received()); got != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Error(visible(got))
	}
}

func TestNoFieldCanEndItsLineOrFrameTheMessage(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		field := func(name, value string) {
			r.Out.Fields = append(r.Out.Fields, http1.Field{Name: []byte(name), Value: []byte(value), ID: http1.Lookup([]byte(name))})
		}
		r.Out.Location = []byte("/\r\nSet-Cookie: evil\x00")
		r.Out.Reason = []byte("Fine\r\nX: y")
		field("X-Split", "a\r\n\r\nHTTP/1.1 200 OK")
		field("Bad\r\nName", "b")
		field("Content-Length", "99")
		field("Transfer-Encoding", "chunked")
		field("Connection", "upgrade")
		field("Keep-Alive", "timeout=1")
		field("X-Tab", "a\tb")
		reply(r, 200, "body")
	})
	c := w.connect()
	c.send(get("/"))
	c.want("HTTP/1.1 200 OK\nServer: hearth\nContent-Length: 4\nConnection: keep-alive\nLocation: /  Set-Cookie: evil \n" +
		"X-Split: a    HTTP/1.1 200 OK\nX-Tab: a\tb\n\nbody")
}

func TestServerAndDateCanBeTheBackends(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Out.Server, r.Out.Date = []byte("other/1"), []byte("yesterday")
		reply(r, 200, "")
	})
	c := w.connect()
	c.send(get("/"))
	if got := string(c.Received()); got != "HTTP/1.1 200 OK\r\nServer: other/1\r\nDate: yesterday\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n" {
		t.Error(visible(got))
	}
}

func TestInterimAnswersComeBeforeTheFinalOne(t *testing.T) {
	hints := []http1.Field{{Name: []byte("Link"), Value: []byte("</a.css>")}}
	w := newWorld(t, func(r *core.Request) {
		r.Down.SendInterim(103, hints)
		r.Down.SendInterim(103, hints)
		reply(r, 200, "x")
	})
	c := w.connect()
	c.send(get("/"))
	early := "HTTP/1.1 103 Early Hints\nLink: </a.css>\n\n"
	c.want(early + early + head("200 OK", 1, "keep-alive") + "x")
	w.wantLog("GET / HTTP/1.1 200 1")

	c = w.connect()
	c.send("GET / HTTP/1.0\r\n\r\n") // does not know them
	c.want(head("200 OK", 1, "close") + "x")
}
