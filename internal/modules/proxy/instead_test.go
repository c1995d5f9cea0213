package proxy

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
)

// A header filter may refuse a backend's response (a range that it does not have: RFC 9110, 14.4). The client is there and gets the filter's
// answer; the backend's connection is kept when the body that nobody wants has been read.
func TestAFilterAnswersInsteadOfTheBackend(t *testing.T) {
	const response = "HTTP/1.1 200 OK\nETag: \"a\"\nLast-Modified: Thu, 01 Jan 1970 00:00:09 GMT\nX-Kept: yes\nContent-Length: 5\n\nhello"
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_force_ranges on; }`)
	b := w.serve("127.0.0.1:9001", response)
	c := w.connect()
	for range 2 {
		got := c.send("GET / HTTP/1.1\nHost: x\nRange: bytes=9-\n\n").receive()
		wantStatus(t, got, "416")
		wantIn(t, got, "Content-Range: bytes */5\r\n")
		wantIn(t, got, "X-Kept: yes\r\n")
		wantIn(t, body(got), "<title>416")
	}
	if len(b.peers) != 1 || len(b.requests) != 2 {
		t.Errorf("%d connections for %d requests", len(b.peers), len(b.requests))
	}
	wantNotIn(t, w.errors(), "client")
}

// Conditions are the backend's to test, as they are with nginx (which tests them only for what it has in a cache).
func TestConditionsAreLeftToTheBackend(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; }`)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nETag: \"a\"\nLast-Modified: Thu, 01 Jan 1970 00:00:09 GMT\nContent-Length: 5\n\nhello")
	for _, header := range []string{
		`If-Match: "b"`, `If-None-Match: "a"`, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT", "If-Modified-Since: Thu, 01 Jan 1970 00:00:09 GMT",
	} {
		got := w.get("/", header)
		wantStatus(t, got, "200")
		wantBody(t, got, "hello")
		wantIn(t, b.last(), crlf(header+"\n"))
	}
}

func TestTheConnectionOfAResponseThatWasRefusedBeforeItsEndIsClosed(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_force_ranges on; }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 100\n\npart")
	wantStatus(t, w.get("/", "Range: bytes=100-"), "416")
}

// The refused response's fields outlive its bytes, which those of the error page's backend overwrite.
func TestTheErrorPageOfARefusedResponseMayComeFromABackend(t *testing.T) {
	w := newWorld(t, `server { listen 80; error_page 416 /page;
		location / { proxy_pass http://127.0.0.1:9001; proxy_force_ranges on; }
		location /page { proxy_pass http://127.0.0.1:9002; } }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nX-First: one\nContent-Length: 5\n\nhello")
	w.serve("127.0.0.1:9002", "HTTP/1.1 200 OK\nX-Second: "+strings.Repeat("2", 200)+"\nContent-Length: 4\n\npage")
	got := w.get("/", "Range: bytes=5-")
	wantStatus(t, got, "416")
	wantBody(t, got, "page")
	wantIn(t, got, "X-First: one\r\n")
}

func TestAnInterceptedChallengeOutlivesItsBackendsBytes(t *testing.T) {
	w := newWorld(t, `server { listen 80; error_page 401 /page; proxy_intercept_errors on;
		location / { proxy_pass http://127.0.0.1:9001; }
		location /page { proxy_pass http://127.0.0.1:9002; } }`)
	w.serve("127.0.0.1:9001", "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic realm=inner\nWWW-Authenticate: Negotiate\nContent-Length: 0\n\n")
	w.script("127.0.0.1:9002", func(_ *backend, p *conn.Peer, _ string) {
		p.Send([]byte(crlf("HTTP/1.1 200 OK\nX-Second: " + strings.Repeat("2", 200) + "\nContent-Length: 4\n\npage")))
	})
	got := w.get("/")
	w.advance(time.Second)
	wantStatus(t, got, "401")
	wantBody(t, got, "page")
	wantIn(t, got, "WWW-Authenticate: Basic realm=inner\r\nWWW-Authenticate: Negotiate\r\n")
}
