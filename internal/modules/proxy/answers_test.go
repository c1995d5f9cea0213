package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/upstream"
)

func TestNextUpstreamByStatus(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001 max_fails=1; server 127.0.0.1:9002; }
		server { listen 80; location / { proxy_pass http://u; proxy_next_upstream http_503 http_404; }
		location /tries { proxy_pass http://u; proxy_next_upstream http_404; proxy_next_upstream_tries 1; } }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 404 Not Found\nContent-Length: 0\n\n")
	w.serve("127.0.0.1:9002", hello)
	for range 4 {
		wantStatus(t, w.get("/"), "200")
	}
	wantNotIn(t, w.errors(), "temporarily disabled") // 404 is no failure of the peer
	got := status(w.get("/tries")) + status(w.get("/tries"))
	if got != "404200" && got != "200404" {
		t.Errorf("with one try each: %s", got)
	}
}

func TestInterceptedErrorsUseErrorPages(t *testing.T) {
	w := newWorld(t, `server { listen 80; location / { proxy_pass http://127.0.0.1:9001; proxy_intercept_errors on; error_page 404 /sorry; }
		location /sorry { proxy_pass http://127.0.0.1:9002; } }`)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 404 Not Found\nContent-Length: 3\n\nbad")
	sorry := w.serve("127.0.0.1:9002", "HTTP/1.1 200 OK\nContent-Length: 5\n\nsorry")
	got := w.get("/x")
	wantStatus(t, got, "404")
	wantBody(t, got, "sorry")
	wantIn(t, sorry.last(), "GET /sorry HTTP/1.1")
	w.get("/x")
	if len(b.peers) != 1 {
		t.Errorf("the intercepted response was read to its end, but its connection not kept: %d", len(b.peers))
	}
}

func TestXAccelRedirect(t *testing.T) {
	w := newWorld(t, `server { listen 80; location / { proxy_pass http://127.0.0.1:9001; }
		location /inner/ { internal; proxy_pass http://127.0.0.1:9002; } }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nX-Accel-Redirect: /inner/file?a=b\nSet-Cookie: c=d\nContent-Length: 6\n\nunseen")
	inner := w.serve("127.0.0.1:9002", hello)
	got := w.get("/x")
	wantBody(t, got, "hello")
	wantIn(t, got, "Set-Cookie: c=d\r\n")
	wantNotIn(t, got, "X-Accel")
	wantIn(t, inner.last(), "GET /inner/file?a=b HTTP/1.1\r\n")
	wantStatus(t, w.get("/inner/file"), "404")
}

func TestHiddenAndPassedHeaders(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_hide_header X-Secret; proxy_pass_header Server; proxy_pass_header Date; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nServer: theirs\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nx-secret: 1\nX-Open: 2\nContent-Length: 0\n\n")
	got := w.get("/")
	wantIn(t, got, "Server: theirs\r\n")
	wantIn(t, got, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
	wantIn(t, got, "X-Open: 2\r\n")
	wantNotIn(t, strings.ToLower(got), "secret")
	if strings.Count(got, "Server:") != 1 || strings.Count(got, "Date:") != 1 {
		t.Errorf("fields twice: %q", got)
	}
}

// Whose field is the backend's to say has none if the backend says none.
func TestWhatTheBackendDoesNotSayIsNotSaidForIt(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_pass_header Server; } location /date { proxy_pass http://127.0.0.1:9001; proxy_pass_header Date; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 0\n\n")
	server, date := w.get("/"), w.get("/date")
	wantNotIn(t, server, "Server:")
	wantIn(t, server, "Date: ")
	wantNotIn(t, date, "Date:")
	wantIn(t, date, "Server: ")
}

func TestTrailersArePassedWhenAsked(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\nX-Sum: 9\n\n"
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_pass_trailers on; } location /no { proxy_pass http://127.0.0.1:9001; }`)
	b := w.serve("127.0.0.1:9001", chunked)
	for range 2 {
		wantBody(t, w.get("/"), crlf("5\nhello\n0\nX-Sum: 9\n\n"))
		wantBody(t, w.get("/no"), crlf("5\nhello\n0\n\n"))
	}
	if len(b.peers) != 2 { // each location keeps its own
		t.Errorf("%d connections", len(b.peers))
	}
}

func TestEarlyHints(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; early_hints 1; } location /no { proxy_pass http://127.0.0.1:9001; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 103 Early Hints\nLink: </a.css>\n\n"+hello)
	got := w.get("/")
	if !strings.HasPrefix(got, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n") {
		t.Errorf("%q", got)
	}
	wantStatus(t, w.get("/no"), "200")
}

func TestInterimResponsesAreBounded(t *testing.T) {
	w := newWorld(t, toBackend)
	w.serve("127.0.0.1:9001", strings.Repeat("HTTP/1.1 102 Processing\n\n", 50)+hello)
	wantStatus(t, w.get("/"), "200")
	w.serve("127.0.0.1:9001", strings.Repeat("HTTP/1.1 102 Processing\n\n", 500)+hello)
	w.advance(2 * time.Minute) // the kept connection times out
	wantStatus(t, w.get("/"), "502")
}

func TestLimitRatePacesTheBackend(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_limit_rate 100k; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 400000\n\n"+strings.Repeat("x", 400_000))
	c := w.connect()
	c.SetWindow(1 << 20)
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	early := len(c.receive())
	w.advance(2 * time.Second)
	middle := early + len(c.receive())
	w.advance(10 * time.Second)
	all := middle + len(c.receive())
	if early > 200_000 || middle < 200_000 || middle > 390_000 || all < 400_000 {
		t.Errorf("at 100 KB/s: %d at once, %d after 2 s, %d after 12 s", early, middle, all)
	}
}

func TestLimitRateHoldsForASmallBodyToo(t *testing.T) {
	for _, head := range []string{"Content-Length: 60000\n\n", "Connection: close\n\n"} {
		w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_limit_rate 10000; proxy_read_timeout 2s; }`)
		w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
			p.Send([]byte(crlf("HTTP/1.1 200 OK\n"+head) + strings.Repeat("x", 60_000)))
			p.Close()
		})
		c := w.connect()
		c.send("GET / HTTP/1.1\nHost: x\n\n")
		got := 0
		for second := 0; second < 6; second++ {
			got += strings.Count(c.receive(), "x")
			if least, most := second*9000, second*10000+2000; got < least || got > most {
				t.Errorf("%q: %d bytes after %d s at 10 kB/s", head, got, second)
			}
			w.advance(time.Second)
		}
		w.advance(time.Second)
		if got += strings.Count(c.receive(), "x"); got != 60_000 {
			t.Errorf("%q: %d bytes came", head, got)
		}
	}
}

func TestAClientThatLeavesWhileTheBackendIsPacedEndsTheRequest(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_limit_rate 100k; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 400000\n\n"+strings.Repeat("x", 400_000))
	c := w.connect()
	c.SetWindow(1 << 20)
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	c.receive()
	c.Peer.Close()
	w.advance(time.Millisecond) // there is more to read at the backend, and its time has not come
	w.wantError("client prematurely closed connection")
}

func TestABackendThatFallsSilentUnderLimitRateTimesOut(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_limit_rate 100k; proxy_read_timeout 5s; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 400000\n\n"+strings.Repeat("x", 300_000))
	c := w.connect()
	c.SetWindow(1 << 20)
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	w.advance(20 * time.Second)
	if n := len(c.receive()); n < 300_000 || n > 301_000 {
		t.Errorf("%d bytes came", n)
	}
	w.wantError("upstream timed out")
}

func TestKeepaliveOffAndConnectionCloseOfTheBackend(t *testing.T) {
	w := newWorld(t, `upstream off { server 127.0.0.1:9001; keepalive 0; } upstream on { server 127.0.0.1:9002; keepalive 4; }
		server { listen 80; location /off { proxy_pass http://off; } location /on { proxy_pass http://on; } }`)
	off := w.serve("127.0.0.1:9001", hello)
	on := w.serve("127.0.0.1:9002", "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 5\n\nhello")
	for range 3 {
		w.get("/off")
		w.get("/on")
	}
	if len(off.peers) != 3 || len(on.peers) != 3 {
		t.Errorf("%d and %d connections for 3 requests each", len(off.peers), len(on.peers))
	}
}

func TestMaxConnsSendsTheRestElsewhere(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001 max_conns=1; server 127.0.0.1:9002 backup; }
		server { listen 80; location / { proxy_pass http://u; } }`)
	one := w.script("127.0.0.1:9001", nil)
	two := w.serve("127.0.0.1:9002", hello)
	w.connect().send("GET /slow HTTP/1.1\nHost: x\n\n")
	for range 3 {
		wantStatus(t, w.get("/"), "200")
	}
	if len(one.requests) != 1 || len(two.requests) != 3 {
		t.Errorf("%d and %d requests", len(one.requests), len(two.requests))
	}
}

func TestARequestBodyIsSentAgainToTheNextPeer(t *testing.T) {
	for _, buffering := range []string{"on", "off"} {
		w := newWorld(t, fmt.Sprintf(`upstream u { server 127.0.0.1:9001; server 127.0.0.1:9002; }
			server { listen 80; location / { proxy_pass http://u; proxy_request_buffering %s; } }`, buffering))
		first := w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) { p.Close() })
		b := w.serve("127.0.0.1:9002", hello)
		wantBody(t, w.request("PUT / HTTP/1.1\nHost: x\nContent-Length: 4\n\nbody"), "hello")
		if len(first.requests) != 1 || !strings.HasSuffix(b.last(), "\r\n\r\nbody") {
			t.Errorf("buffering %s: %q", buffering, b.last())
		}
	}
}

func TestForceRangesAndNextTimeout(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001; server 127.0.0.1:9002; server 127.0.0.1:9003; }
		server { listen 80; location / { proxy_pass http://u; proxy_connect_timeout 3s; proxy_next_upstream_timeout 2s; } }`)
	for _, addr := range []string{"127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"} {
		w.net.Hang(conn.MustAddr(addr))
	}
	c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
	w.advance(4 * time.Second)
	wantStatus(t, c.receive(), "504")
	if n := w.net.Dials[conn.MustAddr("127.0.0.1:9002")] + w.net.Dials[conn.MustAddr("127.0.0.1:9003")]; n != 0 {
		t.Errorf("%d more peers were tried after the time was up", n)
	}
}

func TestTheTimeForOtherPeersBeginsWhenTheBodyHasCome(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001; server 127.0.0.1:9002; }
		server { listen 80; location / { proxy_pass http://u; proxy_next_upstream_timeout 2s; } }`)
	w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) { p.Close() })
	w.serve("127.0.0.1:9002", hello)
	c := w.connect().send("PUT / HTTP/1.1\nHost: x\nContent-Length: 4\n\nbo")
	w.advance(10 * time.Second)
	wantBody(t, c.send("dy").receive(), "hello")
}

func TestTheLongestTimesDoNotComeRound(t *testing.T) {
	const ever = "9999999999s" // more than an int64 of nanoseconds holds
	w := newWorld(t, strings.ReplaceAll(`client_header_timeout EVER; client_body_timeout EVER; keepalive_timeout EVER; keepalive_time EVER;
		send_timeout EVER; lingering_timeout EVER; proxy_connect_timeout EVER; proxy_send_timeout EVER; proxy_read_timeout EVER;
		upstream u { server 127.0.0.1:9001 fail_timeout=EVER; keepalive 1; keepalive_timeout EVER; keepalive_time EVER; }
		server { listen 80; location / { proxy_pass http://u; } }`, "EVER", ever))
	b := w.script("127.0.0.1:9001", nil)
	c := w.connect()
	for range 2 {
		w.advance(24 * time.Hour)
		c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\n1")
		w.advance(24 * time.Hour)
		c.send("2")
		w.advance(24 * time.Hour)
		if len(b.peers) != 1 {
			t.Fatalf("%d connections to the backend: %s", len(b.peers), w.errors())
		}
		b.peers[0].Send([]byte(crlf(hello)))
		wantBody(t, c.receive(), "hello")
	}
}

func TestTheClientsConnectionIsUsedAgainAfterErrors(t *testing.T) {
	w := newWorld(t, toBackend)
	c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
	wantStatus(t, c.receive(), "502")
	w.serve("127.0.0.1:9001", hello)
	wantStatus(t, c.send("GET / HTTP/1.1\nHost: x\n\n").receive(), "200")
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	w := newWorld(t, toBackend)
	w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, request string) {
		path := strings.Fields(request)[1]
		p.Send([]byte(crlf(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n%s", len(path), path))))
	})
	got := w.request("GET /one HTTP/1.1\nHost: x\n\nGET /two HTTP/1.1\nHost: x\n\nGET /three HTTP/1.1\nHost: x\n\n")
	one, two, three := strings.Index(got, "\r\n\r\n/one"), strings.Index(got, "\r\n\r\n/two"), strings.Index(got, "\r\n\r\n/three")
	if one < 0 || two < one || three < two {
		t.Errorf("%q", got)
	}
}

// nginx does so since 1.23: of fields that can be there once the first counts.
func TestFieldsThatCanBeThereOnceAreTakenOnce(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_pass_header Date; add_header X-Seen $upstream_http_etag; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 302 Found\nETag: \"a\"\nDate: one\nLocation: /first\nContent-Type: text/html\nVary: x\nContent-Length: 0\n"+
		"etag: \"b\"\ndate: two\nlocation: /second\nContent-Type: text/plain\nVary: y\n\n")
	got := w.get("/")
	for _, field := range []string{"ETag: \"a\"\r\n", "Date: one\r\n", "Location: /first\r\n", "Content-Type: text/html\r\n", "Vary: x\r\n", "Vary: y\r\n", "X-Seen: \"a\"\r\n"} {
		wantIn(t, got, field)
	}
	for _, name := range []string{"\netag:", "\ndate:", "\nlocation:", "\ncontent-type:"} {
		if n := strings.Count(strings.ToLower(got), name); n != 1 {
			t.Errorf("%s %d times: %q", name[1:], n, got)
		}
	}
	w.wantError(`[warn] `, `upstream sent duplicate header line: "date: two", previous value: "Date: one", ignored while reading response header from upstream`)
}

// A HEAD that proxy_method makes a GET of has been answered with the head; the rest of the body is not waited for.
func TestABodyThatNobodyWantsIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_method GET; }`)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 1000\n\nthe beginning")
	c := w.connect()
	for range 2 {
		got := c.send("HEAD / HTTP/1.1\nHost: x\n\n").receive()
		wantStatus(t, got, "200")
		wantIn(t, got, "Content-Length: 1000\r\n")
		wantBody(t, got, "")
	}
	if len(b.peers) != 2 {
		t.Errorf("%d connections: the first was used again with the rest of a body in it", len(b.peers))
	}
	w.serve("127.0.0.1:9001", hello)
	w.get("/") // the client's length follows from a whole body, which leaves the connection to be kept
	n := len(b.peers)
	c.send("HEAD / HTTP/1.1\nHost: x\n\n").receive()
	if len(b.peers) != n {
		t.Errorf("a response that was there as a whole cost its connection")
	}
}

// The usual use of X-Accel-Limit-Rate is with X-Accel-Redirect: what it asks for is meant for the response that takes this one's place.
func TestARateAskedForHoldsAfterXAccelRedirect(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; } location /ignored { proxy_pass http://127.0.0.1:9001; proxy_ignore_headers X-Accel-Limit-Rate; }
		location /inner/ { internal; proxy_pass http://127.0.0.1:9002; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nX-Accel-Redirect: /inner/file\nX-Accel-Limit-Rate: 1000\nContent-Length: 0\n\n")
	w.serve("127.0.0.1:9002", "HTTP/1.1 200 OK\nContent-Length: 10000\n\n"+strings.Repeat("x", 10_000))
	c := w.connect()
	if n := len(c.send("GET / HTTP/1.1\nHost: x\n\n").receive()); n > 1500 {
		t.Errorf("%d bytes came at once", n)
	}
	w.advance(20 * time.Second)
	if n := len(c.receive()); n < 8000 {
		t.Errorf("%d bytes came later", n)
	}
	if n := len(w.get("/ignored")); n < 10_000 {
		t.Errorf("%d bytes of a response whose rate is not to be limited", n)
	}
}

// "A client that sends a 'close' connection option MUST NOT send further requests on that connection (after the one
// containing the 'close')" (RFC 9112, section 9.6), whether or not the server says that it has understood.
func TestAConnectionThatTheRequestCallsTheLastIsNotKept(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001; keepalive 4; }
		server { listen 80; location / { proxy_pass http://u; proxy_set_header Connection $http_x; } location /close { proxy_pass http://u; proxy_set_header Connection "Close"; } }`)
	b := w.serve("127.0.0.1:9001", hello)
	connections := 0
	for _, tt := range []struct {
		path, x string
		kept    bool
	}{
		{"/close", "", false}, {"/", "close", false}, {"/", "x, CLOSE ,y", false}, {"/", "closed", true}, {"/", "", true}, {"/", "keep-alive", true},
		{"/close", "", false}, // on the one that was kept
		{"/", "", true},
	} {
		c := w.connect()
		c.send("POST " + tt.path + " HTTP/1.1\nHost: x\nX: " + tt.x + "\nContent-Length: 0\n\n")
		wantBody(t, c.receive(), "hello")
		idle := 0
		for _, v := range upstream.ViewsOf(w.gen, w.sim.Now()) {
			idle += int(v.Pool.Idle)
		}
		if (idle == 1) != tt.kept {
			t.Errorf("%s with %q: %d idle connections", tt.path, tt.x, idle)
		}
		connections = len(b.peers)
	}
	if connections != 5 {
		t.Errorf("%d connections, want 5", connections)
	}
}
