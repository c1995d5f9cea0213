package http1

import (
	"strings"
	"testing"
)

// responseCase is an upstream server's answer to a request with that method
// (0: GET): what it says, or why it is refused.
type responseCase struct {
	name, response string
	request        Method
	err            string // the error's text, without the action at its end
	status         int
	framing        Framing
	length         int64 // 0: none
	keepAlive      bool
	differ         string // why Debian's nginx does something else
}

// Where Debian's nginx is weaker than this parser.
const (
	http09     = "nginx relays it as the body of an HTTP/0.9 response"
	laxStatus  = "nginx relays any version and any three digits"
	laxBytes   = "nginx relays it; a client may take it for something else"
	laxFraming = "nginx 1.22 does not look at it; later releases refuse it"
)

var responseCases = []responseCase{
	{name: "length", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", status: 200, framing: ByLength, length: 5, keepAlive: true},
	{name: "chunked", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", status: 200, framing: ByChunks, keepAlive: true},
	{name: "until close", response: "HTTP/1.1 200 OK\r\n\r\n", status: 200, framing: UntilClose},
	{name: "bare LF", response: "HTTP/1.1 200 OK\nContent-Length: 5\n\n", status: 200, framing: ByLength, length: 5, keepAlive: true},
	{name: "no reason", response: "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", status: 200, framing: ByLength, length: 5, keepAlive: true},
	{name: "no reason and no space", response: "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", status: 200, framing: ByLength, length: 5, keepAlive: true},
	{name: "connection close", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n", status: 200, framing: ByLength, length: 5},
	{name: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", status: 200, framing: ByLength, length: 5},
	{name: "HTTP/1.0 kept alive", response: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", status: 200, framing: ByLength, length: 5, keepAlive: true},
	{name: "HTTP/1.0 chunked is read and closed", response: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", status: 200, framing: ByChunks},
	{name: "HEAD", request: MethodHead, response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", status: 200, framing: NoBody, length: 5, keepAlive: true},
	{name: "204", response: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", status: 204, framing: NoBody, length: 5, keepAlive: true},
	{name: "304", response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", status: 304, framing: NoBody, length: 5, keepAlive: true},
	{name: "304 with a coding", response: "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", status: 304, framing: NoBody, keepAlive: true},
	{name: "100", response: "HTTP/1.1 100 Continue\r\n\r\n", status: 100, framing: NoBody, keepAlive: true},
	{name: "103", response: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", status: 103, framing: NoBody, keepAlive: true},
	{name: "101", response: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", status: 101, framing: Tunnel},
	{name: "CONNECT", request: MethodConnect, response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", status: 200, framing: Tunnel, length: 5},
	{name: "CONNECT refused", request: MethodConnect, response: "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", status: 403, framing: ByLength, length: 5, keepAlive: true},
	{name: "status above the known", response: "HTTP/1.1 999 X\r\nContent-Length: 5\r\n\r\n", status: 999, framing: ByLength, length: 5, keepAlive: true},
	{name: "bytes above ASCII in the reason", response: "HTTP/1.1 200 \xc3\xa4\r\nContent-Length: 5\r\n\r\n", status: 200, framing: ByLength, length: 5, keepAlive: true},
	{name: "unusual name", response: "HTTP/1.1 200 OK\r\nX.y_z!: 1\r\n\r\n", status: 200, framing: UntilClose},
	{name: "impossible name is dropped", response: "HTTP/1.1 200 OK\r\nX(y): 1\r\n\r\n", status: 200, framing: UntilClose},

	{name: "garbage", response: "garbage\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "garbage without line end", response: "ga", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "empty line first", response: "\r\nHTTP/1.1 200 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "HTTP/2", response: "HTTP/2.0 200 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: laxStatus},
	{name: "HTTP/1.10", response: "HTTP/1.10 200 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: laxStatus},
	{name: "lower case", response: "http/1.1 200 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "two digits", response: "HTTP/1.1 20 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "four digits", response: "HTTP/1.1 2000 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "status below 100", response: "HTTP/1.1 099 OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: laxStatus},
	{name: "status with junk", response: "HTTP/1.1 200x OK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "NUL in reason", response: "HTTP/1.1 200 O\x00K\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: laxBytes},
	{name: "CR in reason", response: "HTTP/1.1 200 O\rK\r\n\r\n", err: "upstream sent no valid HTTP/1.0 header", differ: http09},
	{name: "NUL in value", response: "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", err: `upstream sent invalid header: "X: a\x00..."`},
	{name: "CR in value", response: "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", err: `upstream sent invalid header: "X: a\x0d..."`},
	{name: "space before colon", response: "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", err: `upstream sent invalid header: "X\x20..."`},
	{name: "folded line", response: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", err: `upstream sent invalid header: "\x20..."`},
	{name: "no colon", response: "HTTP/1.1 200 OK\r\nX\r\n\r\n", err: `upstream sent invalid header: "X"`, differ: laxBytes},
	{name: "both framings", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		err: `upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time`, differ: laxFraming},
	{name: "both framings to HEAD", request: MethodHead, response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
		err: `upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time`, differ: laxFraming},
	{name: "two lengths", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		err: `upstream sent duplicate header line: "Content-Length: 6", previous value: "Content-Length: 5"`, differ: laxFraming},
	{name: "two codings", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		err: `upstream sent duplicate header line: "Transfer-Encoding: chunked", previous value: "Transfer-Encoding: chunked"`, differ: laxFraming},
	{name: "unknown coding", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		err: `upstream sent unknown "Transfer-Encoding": "gzip, chunked"`, differ: laxFraming},
	{name: "malformed length", response: "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
		err: `upstream sent invalid "Content-Length" header: "Content-Length: 5x"`, differ: laxFraming},
	{name: "too big", response: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 5000) + "\r\n\r\n", err: "upstream sent too big header"},
}

func TestResponses(t *testing.T) {
	opt := ResponseOptions{TotalLimit: 4096}
	for _, c := range responseCases {
		t.Run(c.name, func(t *testing.T) {
			var p ResponseParser
			p.Reset(&opt, max(c.request, MethodGet))
			_, err := p.Parse([]byte(c.response))
			if c.err != "" {
				e, ok := err.(*Error)
				if !ok || e.Status != 502 || e.Reason != c.err+readingUpstream {
					t.Fatalf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			h := &p.Head
			if h.Status != c.status || h.Framing != c.framing || max(h.ContentLength, 0) != c.length || h.KeepAlive != c.keepAlive {
				t.Errorf("status %d, framing %d, length %d, keep-alive %v", h.Status, h.Framing, h.ContentLength, h.KeepAlive)
			}
		})
	}
}

func TestInterimResponsesAreToldFromFinalOnes(t *testing.T) {
	for status, want := range map[int]bool{100: true, 101: false, 102: true, 103: true, 199: true, 200: false, 404: false} {
		h := ResponseHead{Status: status}
		if h.Interim() != want {
			t.Errorf("%d: %v", status, !want)
		}
	}
}

func TestResponsesFollowEachOther(t *testing.T) {
	opt := ResponseOptions{TotalLimit: 4096}
	buf := []byte("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	var p ResponseParser
	for _, want := range []int{103, 200} {
		p.Reset(&opt, MethodGet)
		n, err := p.Parse(buf)
		if err != nil || p.Head.Status != want || len(p.Head.Fields) != 1 {
			t.Fatalf("got %d, %v with %d fields; want %d", p.Head.Status, err, len(p.Head.Fields), want)
		}
		buf = buf[n:]
	}
	if len(buf) != 0 {
		t.Errorf("left: %q", buf)
	}
}

func TestTheKeepAliveHintOfAResponse(t *testing.T) {
	for field, want := range map[string]KeepAliveHint{"": {-1, -1}, "Keep-Alive: timeout=5, max=9\r\n": {5, 9}} {
		var p ResponseParser
		p.Reset(&ResponseOptions{}, MethodGet)
		if _, err := p.Parse([]byte("HTTP/1.1 200 OK\r\n" + field + "\r\n")); err != nil || p.Head.KeepAliveHint != want {
			t.Errorf("%q: %+v, %v", field, p.Head.KeepAliveHint, err)
		}
	}
}

func TestKeepAliveHints(t *testing.T) {
	for _, c := range []struct {
		value        string
		timeout, max int64
	}{
		{"timeout=5, max=100", 5, 100},
		{"Timeout = 5", 5, -1},
		{"max=1,timeout=\"60\"", 60, 1},
		{"timeout=", -1, -1},
		{"timeout=-1, timeout=x", -1, -1},
		{"timeout", -1, -1},
		{"", -1, -1},
		{",, x=1, max=0", -1, 0},
	} {
		if got := ParseKeepAlive([]byte(c.value)); got != (KeepAliveHint{c.timeout, c.max}) {
			t.Errorf("%q: %+v", c.value, got)
		}
	}
}
