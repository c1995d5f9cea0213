package proxy

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
)

const toBackend = "location / { proxy_pass http://127.0.0.1:9001; }"

const hello = "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"

func TestARequestIsPassedOnAndItsResponseBack(t *testing.T) {
	w := newWorld(t, toBackend)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 Fine\nServer: theirs\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nX-Up: 1\nContent-Type: text/plain\nContent-Length: 5\n\nhello")
	got := w.get("/a%20b?x=1", "X-Mine: Yes", "Connection: keep-alive", "Keep-Alive: 300", "TE: trailers")
	wantStatus(t, got, "200")
	wantBody(t, got, "hello")
	wantIn(t, got, "X-Up: 1\r\n")
	wantIn(t, got, "Content-Type: text/plain\r\n")
	wantIn(t, got, " 200 Fine\r\n")
	wantNotIn(t, got, "theirs")
	wantNotIn(t, got, "1970")
	wantText(t, b.last(), crlf("GET /a%20b?x=1 HTTP/1.1\nHost: 127.0.0.1:9001\nX-Mine: Yes\n\n"))
}

func TestConnectionsAreReused(t *testing.T) {
	w := newWorld(t, toBackend)
	b := w.serve("127.0.0.1:9001", hello)
	c := w.connect()
	for range 3 {
		wantBody(t, c.send("GET / HTTP/1.1\nHost: x\n\n").receive(), "hello")
	}
	wantBody(t, w.get("/"), "hello")
	if len(b.peers) != 1 || len(b.requests) != 4 {
		t.Errorf("%d connections for %d requests, want 1 for 4", len(b.peers), len(b.requests))
	}
}

func TestAResponseCutIntoSegmentsIsTheSame(t *testing.T) {
	for _, text := range []string{
		hello,
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
		"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
	} {
		w := newWorld(t, toBackend)
		b := w.script("127.0.0.1:9001", nil)
		c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
		for _, octet := range []byte(crlf(text)) {
			b.peers[0].Send([]byte{octet})
			w.sim.Run()
		}
		got := c.receive()
		wantStatus(t, got, "200")
		if !strings.Contains(body(got), "hello") && !strings.Contains(body(got), "h\r\n1\r\ne") {
			t.Errorf("body of %q is %q", text, body(got))
		}
	}
}

func TestARequestBodyIsPassedOn(t *testing.T) {
	for name, config := range map[string]string{
		"buffered": toBackend,
		"streamed": "location / { proxy_pass http://127.0.0.1:9001; proxy_request_buffering off; }",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config)
			b := w.serve("127.0.0.1:9001", hello)
			wantBody(t, w.request("POST /p HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc"), "hello")
			wantText(t, b.last(), crlf("POST /p HTTP/1.1\nHost: 127.0.0.1:9001\nContent-Length: 3\n\nabc"))
		})
	}
}

func TestAChunkedBodyGetsALengthWhenBuffered(t *testing.T) {
	w := newWorld(t, toBackend)
	b := w.serve("127.0.0.1:9001", hello)
	w.request("POST /p HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n")
	wantText(t, b.last(), crlf("POST /p HTTP/1.1\nHost: 127.0.0.1:9001\nContent-Length: 3\n\nabc"))
}

func TestARefusedPeerGives502AndNginxsLine(t *testing.T) {
	w := newWorld(t, toBackend)
	wantStatus(t, w.get("/x"), "502")
	w.wantError("connect() failed (111: Connection refused) while connecting to upstream, client: ", `upstream: "http://127.0.0.1:9001/x"`, `host: "example.com"`)
}

func TestTimeouts(t *testing.T) {
	w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; proxy_connect_timeout 5s; proxy_read_timeout 7s; }")
	w.net.Hang(conn.MustAddr("127.0.0.1:9001"))
	c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
	w.advance(4900 * time.Millisecond)
	wantText(t, c.receive(), "")
	w.advance(200 * time.Millisecond)
	wantStatus(t, c.receive(), "504")
	w.wantError("upstream timed out (110: Connection timed out) while connecting to upstream")

	b := w.script("127.0.0.1:9001", nil)
	c = w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
	w.advance(6900 * time.Millisecond)
	wantText(t, c.receive(), "")
	w.advance(200 * time.Millisecond)
	wantStatus(t, c.receive(), "504")
	w.wantError("upstream timed out (110: Connection timed out) while reading response header from upstream")
	if !b.peers[0].ConnClosed() {
		t.Error("the connection that timed out is still open")
	}
}

func TestTheNextPeerIsTriedAfterAnError(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001; server 127.0.0.1:9002; keepalive 4; }
		server { listen 80; location / { proxy_pass http://u; } }`)
	b := w.serve("127.0.0.1:9002", hello)
	for range 3 {
		wantBody(t, w.get("/"), "hello")
	}
	wantIn(t, b.last(), "Host: u\r\n")
	w.wantError("connect() failed (111: Connection refused)", "upstream server temporarily disabled")
	if n := w.net.Dials[conn.MustAddr("127.0.0.1:9001")]; n != 1 {
		t.Errorf("the dead peer was tried %d times", n)
	}
}

func TestAPostThatMayHaveTakenEffectIsNotRepeated(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001 max_fails=0; server 127.0.0.1:9002 max_fails=0; }
		server { listen 80; location / { proxy_pass http://u; } }`)
	closes := func(_ *backend, p *conn.Peer, _ string) { p.Close() }
	one, two := w.script("127.0.0.1:9001", closes), w.script("127.0.0.1:9002", closes)
	wantStatus(t, w.request("POST / HTTP/1.1\nHost: x\nContent-Length: 1\n\na"), "502")
	if n := len(one.requests) + len(two.requests); n != 1 {
		t.Errorf("it was delivered %d times", n)
	}
	w.wantError("upstream prematurely closed connection while reading response header from upstream")
	wantStatus(t, w.get("/"), "502")
	if n := len(one.requests) + len(two.requests); n != 3 {
		t.Errorf("the GET was tried %d times, want 2", n-1)
	}
}

// The idle race: a backend that closes whenever a pooled connection is used again.
func TestABackendThatClosesOnEveryReuseCausesNoError(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001; server 127.0.0.1:9002; keepalive 8; }
		server { listen 80; location / { proxy_pass http://u; } }`)
	served := map[*conn.Peer]bool{}
	once := func(_ *backend, p *conn.Peer, _ string) {
		if served[p] {
			p.Close()
			return
		}
		served[p] = true
		p.Send([]byte(crlf(hello)))
	}
	w.script("127.0.0.1:9001", once)
	w.script("127.0.0.1:9002", once)
	for range 20 {
		wantStatus(t, w.get("/"), "200")
	}
	wantNotIn(t, w.errors(), "temporarily disabled")
}

func TestGarbageFromABackendIs502(t *testing.T) {
	for name, text := range map[string]string{
		"a garbage status line":    "garbage\n\nbody",
		"HTTP/0.9":                 "<html>hi</html>",
		"a NUL in a header":        "HTTP/1.1 200 OK\nX: a\x00b\n\n",
		"both lengths":             "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n",
		"two lengths":              "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\nhello",
		"an unasked-for upgrade":   "HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: upgrade\n\n",
		"a head that is too large": "HTTP/1.1 200 OK\nX: " + strings.Repeat("a", 5000) + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, toBackend)
			w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
				p.Send([]byte(crlf(text)))
				p.CloseWrite()
			})
			wantStatus(t, w.get("/"), "502")
		})
	}
}

func TestACutBodyNeverLooksComplete(t *testing.T) {
	for name, text := range map[string]string{
		"by length":     "HTTP/1.1 200 OK\nContent-Length: 50\n\nhello",
		"by chunks":     "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n",
		"a broken size": "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\nxyz\n",
		"junk":          "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5 junk\nhello\n0\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, toBackend)
			w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
				p.Send([]byte(crlf(text)))
				p.CloseWrite()
			})
			c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
			got := c.receive()
			if strings.HasSuffix(got, "0\r\n\r\n") {
				t.Errorf("the client saw an end: %q", got)
			}
			if !c.ConnClosed() {
				t.Error("the client's connection goes on")
			}
		})
	}
}

func TestBytesAfterTheResponseEndReuse(t *testing.T) {
	w := newWorld(t, toBackend)
	b := w.serve("127.0.0.1:9001", hello+"HTTP/1.1 200 OK\n")
	wantBody(t, w.get("/"), "hello")
	wantBody(t, w.get("/"), "hello")
	if len(b.peers) != 2 {
		t.Errorf("%d connections, want a new one for the second request", len(b.peers))
	}
}

func TestHeadHasNoBodyAndKeepsTheConnection(t *testing.T) {
	w := newWorld(t, toBackend)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 5\n\n")
	got := w.request("HEAD / HTTP/1.1\nHost: x\n\n")
	wantIn(t, got, "Content-Length: 5\r\n")
	wantBody(t, got, "")
	w.request("HEAD / HTTP/1.1\nHost: x\n\n")
	if len(b.peers) != 1 {
		t.Errorf("%d connections", len(b.peers))
	}
}

func TestABodyThatEndsWithTheConnection(t *testing.T) {
	w := newWorld(t, toBackend)
	w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
		p.Send([]byte(crlf("HTTP/1.1 200 OK\n\nhello")))
		p.CloseWrite()
	})
	wantBody(t, w.get("/"), crlf("5\nhello\n0\n\n"))
}

func TestTheURIPartReplacesTheLocation(t *testing.T) {
	for _, c := range []struct{ location, request, want string }{
		{"location /a/ { proxy_pass http://127.0.0.1:9001/b/; }", "/a/x%20y?q=1", "/b/x%20y?q=1"},
		{"location /a { proxy_pass http://127.0.0.1:9001/; }", "/a/x", "//x"},
		{"location /a/ { proxy_pass http://127.0.0.1:9001; }", "/a/../a//x", "/a/../a//x"},
		{"location = /a { proxy_pass http://127.0.0.1:9001/b?c=d; }", "/a", "/b?c=d"},
	} {
		w := newWorld(t, c.location)
		b := w.serve("127.0.0.1:9001", hello)
		w.get(c.request)
		if line, _, _ := strings.Cut(b.last(), "\r\n"); line != "GET "+c.want+" HTTP/1.1" {
			t.Errorf("%s asked for %s: %q", c.location, c.request, line)
		}
	}
}

func TestSetHeaderAndVariables(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_http_version 1.0; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
		proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header Accept-Encoding ""; proxy_set_header X-Proto $scheme; }`)
	b := w.serve("127.0.0.1:9001", hello)
	w.get("/", "Accept-Encoding: gzip", "X-Forwarded-For: 10.0.0.1", "A: b")
	wantIn(t, b.last(), "GET / HTTP/1.0\r\nHost: example.com\r\n")
	wantIn(t, b.last(), "X-Forwarded-For: 10.0.0.1, ")
	wantIn(t, b.last(), "X-Proto: http\r\n")
	wantIn(t, b.last(), "Connection: close\r\n")
	wantIn(t, b.last(), "A: b\r\n")
	wantNotIn(t, b.last(), "Accept-Encoding")
}

func TestRedirectsOfTheBackendAreRewritten(t *testing.T) {
	w := newWorld(t, `location /one/ { proxy_pass http://127.0.0.1:9001/two/; } location /off/ { proxy_pass http://127.0.0.1:9001/two/; proxy_redirect off; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 302 Found\nLocation: http://127.0.0.1:9001/two/some/\nContent-Length: 0\n\n")
	wantIn(t, w.get("/one/"), "/one/some/\r\n")
	wantIn(t, w.get("/off/"), "Location: http://127.0.0.1:9001/two/some/\r\n")
}

func TestCookiesAreRewritten(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_cookie_domain localhost example.org; proxy_cookie_path /two/ /; proxy_cookie_flags ~ secure samesite=strict; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nSet-Cookie: a=b; Domain=.localhost; Path=/two/x\nContent-Length: 0\n\n")
	wantIn(t, w.get("/"), "Set-Cookie: a=b; Domain=.example.org; Path=/x; Secure; SameSite=Strict\r\n")
}

func TestAWebSocketIsTunnelled(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; }`)
	b := w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
		p.OnData = nil
		p.Send([]byte(crlf("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\nfirst")))
	})
	c := w.connect().send("GET /ws HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n\nearly")
	got := c.receive()
	wantStatus(t, got, "101")
	wantIn(t, got, "Upgrade: websocket\r\n")
	wantBody(t, got, "first")
	c.send("from client")
	wantText(t, string(b.peers[0].Received()), "earlyfrom client")
	b.peers[0].Send([]byte("from backend"))
	wantText(t, c.receive(), "from backend")
	b.peers[0].Close()
	w.sim.Run()
	if !c.ConnClosed() {
		t.Error("the client's side is still open")
	}
}

func TestAClientThatGoesEndsTheExchange(t *testing.T) {
	w := newWorld(t, toBackend)
	b := w.script("127.0.0.1:9001", nil)
	c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
	c.Close()
	w.sim.Run()
	if !b.peers[0].ConnClosed() {
		t.Error("the backend is still being asked")
	}
	w.wantError("client prematurely closed connection")
}

func TestAnEarlyResponseStopsAnUpload(t *testing.T) {
	w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; proxy_request_buffering off; }")
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 413 Too Large\nContent-Length: 2\n\nno")
	c := w.connect().send("POST / HTTP/1.1\nHost: x\nContent-Length: 100000\n\nabc")
	wantStatus(t, c.receive(), "413")
	if !b.peers[0].ConnClosed() {
		t.Error("a connection with half a request on it was kept")
	}
}

func TestASlowClientDoesNotHoldTheBackend(t *testing.T) {
	w := newWorld(t, toBackend)
	big := strings.Repeat("x", 200_000)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 200000\n\n"+big)
	c := w.connect()
	c.SetWindow(1000)
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	w.advance(time.Second)
	other := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
	wantBody(t, other.receive(), big)
	if len(b.peers) != 1 {
		t.Errorf("%d connections: the first request's was not given back while its client was slow", len(b.peers))
	}
	c.SetWindow(1 << 20)
	var got strings.Builder
	for range 20 {
		got.WriteString(c.receive())
	}
	wantBody(t, got.String(), big)
}

func TestWithoutBufferingTheBackendWaitsForTheClient(t *testing.T) {
	w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; proxy_buffering off; }")
	big := strings.Repeat("x", 1_000_000)
	var peer *conn.Peer
	w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
		peer = p
		p.Send([]byte(crlf("HTTP/1.1 200 OK\nContent-Length: 1000000\n\n") + big))
	})
	c := w.connect()
	c.SetWindow(1000)
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	if peer.Conn().BytesRead > 300_000 {
		t.Errorf("%d bytes were read for a client that takes none", peer.Conn().BytesRead)
	}
	c.SetWindow(4 << 20)
	var got strings.Builder
	for range 20 {
		got.WriteString(c.receive())
	}
	wantBody(t, got.String(), big)
}
