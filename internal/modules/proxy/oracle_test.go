package proxy

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/modules/nginxtest"
)

// pairing runs the same requests through Debian's nginx and through hearth, with the same configuration and a backend
// that gives both the same answer.
type pairing struct {
	t      *testing.T
	nginx  *nginxtest.Nginx
	world  *world
	addr   string // of the backend, in both worlds
	mu     sync.Mutex
	got    []byte // what nginx sent it
	answer string // what it answers, LF for CR LF; guarded by mu
	fake   []byte // what hearth sent it
}

// oneOne stands in a configuration for what gives nginx 1.22 the defaults of 1.29.7.
const oneOne = "$11"

// pair starts both. BACKEND in the configuration is the backend's address.
func pair(t *testing.T, config string) *pairing {
	t.Helper()
	p := &pairing{t: t}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p.addr = l.Addr().String()
	go p.serve(l)
	config = strings.ReplaceAll(config, "BACKEND", p.addr)
	p.nginx = nginxtest.Start(t, strings.ReplaceAll(config, oneOne, `proxy_http_version 1.1; proxy_set_header Connection "";`))
	p.world = newWorld(t, strings.ReplaceAll(config, oneOne, ""))
	p.world.net.Listen(conn.MustAddr(p.addr), func(peer *conn.Peer) {
		var got []byte
		peer.OnData = func(peer *conn.Peer) {
			got = append(got, peer.Received()...)
			if !isWhole(got) {
				return
			}
			p.fake, got = got, nil
			peer.Send([]byte(crlf(p.answer)))
			if endsWithConnection(p.answer) {
				peer.CloseWrite()
			}
		}
	})
	return p
}

func (p *pairing) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var got []byte
			buf := make([]byte, 64<<10)
			for {
				n, err := c.Read(buf)
				got = append(got, buf[:n]...)
				if err != nil {
					return
				}
				if !isWhole(got) {
					continue
				}
				p.mu.Lock()
				p.got = got
				answer := p.answer
				p.mu.Unlock()
				got = nil
				io.WriteString(c, crlf(answer))
				if endsWithConnection(answer) {
					return
				}
			}
		}()
	}
}

// isWhole says whether text is a whole request, its body included.
func isWhole(text []byte) bool {
	head, rest, ok := bytes.Cut(text, []byte("\r\n\r\n"))
	if !ok {
		return false
	}
	if m := lengthLine.FindSubmatch(head); m != nil {
		n, _ := strconv.Atoi(string(m[1])) // the expression matches digits alone
		return len(rest) >= n
	}
	if chunkedLine.Match(head) {
		return bytes.HasSuffix(rest, []byte("0\r\n\r\n"))
	}
	return true
}

var (
	lengthLine  = regexp.MustCompile(`(?i)\ncontent-length: *(\d+)`)
	chunkedLine = regexp.MustCompile(`(?i)\ntransfer-encoding: *chunked`)
)

// endsWithConnection says whether an answer has no other end.
func endsWithConnection(answer string) bool {
	head, _, _ := strings.Cut(answer, "\n\n")
	return !lengthLine.MatchString(head) && !chunkedLine.MatchString(head) || strings.Contains(head, "Connection: close")
}

// exchange sends a request through both and compares what the backend got and what the client got.
func (p *pairing) exchange(request, answer string) {
	p.t.Helper()
	p.mu.Lock()
	p.answer, p.got = answer, nil
	p.mu.Unlock()
	p.fake = nil
	theirs := p.throughNginx(crlf(request))
	mine := canonical(p.world.request(request), request)
	p.mu.Lock()
	defer p.mu.Unlock()
	if sent, want := anonymous(string(p.fake)), anonymous(string(p.got)); sent != want {
		p.t.Errorf("%.300q\nhearth asked the backend\n%q\nnginx\n%q", request, sent, want)
	}
	if mine != theirs {
		p.t.Errorf("%.300q answered\n%.300q\nhearth:\n%q\nnginx:\n%q", request, answer, mine, theirs)
	}
}

// throughNginx returns nginx's answer.
func (p *pairing) throughNginx(request string) string {
	p.t.Helper()
	c, err := net.Dial("unix", filepath.Join(p.nginx.Dir, "socket"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		p.t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err == nil && !hasAnswer(string(got), request) {
			continue
		}
		if err != nil && err != io.EOF && !strings.Contains(err.Error(), "reset") {
			p.t.Errorf("%.300q: after %q: %v", request, got, err)
		}
		return canonical(string(got), request)
	}
}

// hasAnswer says whether text is a whole final response to the request.
func hasAnswer(text, request string) bool {
	for {
		head, rest, ok := strings.Cut(text, "\r\n\r\n")
		if !ok {
			return false
		}
		if strings.HasPrefix(head, "HTTP/1.1 1") {
			text = rest
			continue
		}
		status := status(text)
		if strings.HasPrefix(request, "HEAD") || status == "204" || status == "304" {
			return true
		}
		if m := lengthLine.FindStringSubmatch(head); m != nil {
			n, _ := strconv.Atoi(m[1]) // the expression matches digits alone
			return len(rest) >= n
		}
		return chunkedLine.MatchString(head) && strings.Contains("\r\n"+rest, "\r\n0\r\n") && strings.HasSuffix(rest, "\r\n\r\n")
	}
}

// canonical is a response without what differs from server to server and run to run: names, dates, the cut into chunks.
func canonical(text, request string) string {
	for strings.HasPrefix(text, "HTTP/1.1 100 ") {
		_, text, _ = strings.Cut(text, "\r\n\r\n")
	}
	head, rest, _ := strings.Cut(text, "\r\n\r\n")
	if chunkedLine.MatchString(head) {
		rest = unchunked(rest)
	}
	lines := strings.Split(anonymous(head), "\r\n")
	slices.SortStableFunc(lines[1:], func(a, b string) int { // fields of one name keep their order
		a, _, _ = strings.Cut(a, ":")
		b, _, _ = strings.Cut(b, ":")
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + anonymous(rest)
}

func unchunked(text string) string {
	var body strings.Builder
	for {
		line, rest, ok := strings.Cut(text, "\r\n")
		n, err := strconv.ParseUint(line, 16, 31)
		if !ok || err != nil || len(rest) < int(n)+2 {
			return body.String() + "|cut:" + text
		}
		if n == 0 {
			return body.String() + "|" + rest
		}
		body.WriteString(rest[:n])
		text = rest[n+2:]
	}
}

var unlike = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\r\nServer: (nginx|hearth)/[^\r]*`), "\r\nServer: S"},
	{regexp.MustCompile(`\r\nDate: [^\r]*`), "\r\nDate: D"},
	{regexp.MustCompile(`<center>(nginx|hearth)/[^<]*`), "<center>S"},
	{regexp.MustCompile(`unix:`), "127.0.0.1"}, // the address of nginx's client
}

func anonymous(text string) string {
	for _, u := range unlike {
		text = u.pattern.ReplaceAllString(text, u.with)
	}
	return text
}

type exchange struct{ request, answer string }

const plain = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 5\n\nhello"

// ask is a request whose answer does not matter much.
func ask(lines ...string) exchange { return exchange{strings.Join(lines, "\n") + "\n\n", plain} }

func TestExchangesAreThoseOfNginx(t *testing.T) {
	get := "GET /x HTTP/1.1\nHost: example.com\n\n"
	from := func(answers ...string) (list []exchange) {
		for _, a := range answers {
			list = append(list, exchange{get, a})
		}
		return list
	}
	for name, c := range map[string]struct {
		config    string
		exchanges []exchange
	}{
		"request": {`location / { proxy_pass http://BACKEND; $11 }`, []exchange{
			ask("GET / HTTP/1.1", "Host: example.com"),
			ask("GET /a/../b//c/%2e%2E/d%20e?x=%41&y#z HTTP/1.1", "Host: example.com"),
			ask("GET http://example.com/abs?x HTTP/1.1", "Host: other"),
			ask("GET http://example.com HTTP/1.1", "Host: other"),
			ask("GET http://example.com:81?q HTTP/1.1", "Host: other"),
			ask("GET / HTTP/1.0"),
			ask("GET / HTTP/1.0", "Connection: keep-alive"),
			ask("GET / HTTP/1.0", "Host: example.com:8080", "X: y"),
			ask("OPTIONS / HTTP/1.1", "Host: a"),
			ask("DELETE /thing HTTP/1.1", "Host: a"),
			ask("PROPFIND /thing HTTP/1.1", "Host: a", "Depth: 1"),
			ask("FOO /thing HTTP/1.1", "Host: a"),
			ask("GET / HTTP/1.1", "Host: a", "Connection: close"),
			ask("GET / HTTP/1.1", "Host: a", "Connection: keep-alive, X-Hop", "Keep-Alive: timeout=5", "X-Hop: 1"),
			ask("GET / HTTP/1.1", "Host: a", "TE: trailers", "Trailer: X", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic eA=="),
			ask("GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x"),
			ask("GET / HTTP/1.1", "Host: a", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"),
			ask("GET / HTTP/1.1", "Host: a", "X-Dup: 1", "x-dup: 2", "X-DUP: 3"),
			ask("GET / HTTP/1.1", "Host: a", "Cookie: a=b", "Cookie: c=d"),
			ask("GET / HTTP/1.1", "Host: a", "Empty:", "Blank:  ", "Spaces:   a  b  "),
			ask("GET / HTTP/1.1", "host: a", "aCCept: */*", "USER-AGENT: me"),
			ask("GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2"),
			ask("GET / HTTP/1.1", "Host: a", "Content-Length: 0"),
			ask("POST / HTTP/1.1", "Host: a", "Content-Length: 0"),
			ask("POST / HTTP/1.1", "Host: a"),
			ask("GET / HTTP/1.1", "Host: a", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "If-None-Match: \"x\"", "Range: bytes=0-1", "If-Range: \"x\""),
			ask("GET / HTTP/1.1", "Host: a", "Accept-Encoding: gzip", "Referer: http://x/", "Authorization: Basic eA=="),
			ask("GET / HTTP/1.1", "Host: a", "Max-Forwards: 0", "Via: 1.1 x", "Forwarded: for=x"),
			ask("GET / HTTP/1.1", "Host: A.Example.COM."),
			{"POST /p HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", plain},
			{"POST /p HTTP/1.1\nHost: a\nContent-Length: 3\nExpect: 100-continue\n\nabc", plain},
			{"POST /p HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n", plain},
			{"POST /p HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked\nContent-Type: x/y\n\n3;ext=1\nabc\n0\nX-Trailer: 1\n\n", plain},
			{"POST /p HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n", plain},
			{"GET /p HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", plain},
			{"PUT /p HTTP/1.0\nHost: a\nContent-Length: 3\n\nabc", plain},
			{"PATCH /p HTTP/1.1\nHost: a\nContent-Length: 40000\n\n" + strings.Repeat("0123456789", 4000), plain},
			ask("HEAD / HTTP/1.1", "Host: a"),
		}},
		"1.0": {`location / { proxy_pass http://BACKEND; proxy_http_version 1.0; }`, []exchange{
			ask("GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: x"),
			ask("GET / HTTP/1.0"),
			{"POST /p HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", plain},
			{get, "HTTP/1.0 200 OK\n\nbody"},
			{get, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"},
		}},
		"set header": {`location / { proxy_pass http://BACKEND; $11 proxy_set_header X-One $arg_one; proxy_set_header Host $host; proxy_set_header X-Two "two $uri"; proxy_set_header Cookie "";
				proxy_set_header X-Real $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header x-dup a; proxy_set_header X-Dup b; }
			location /port { proxy_pass http://BACKEND; $11 proxy_set_header X $proxy_host:$proxy_port; proxy_set_header Host $http_host; }
			location /length { proxy_pass http://BACKEND; $11 proxy_set_header Content-Length 7; }
			location /upgrade { proxy_pass http://BACKEND; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; }
			location /te { proxy_pass http://BACKEND; $11 proxy_set_header TE trailers; proxy_set_header Expect $http_expect; proxy_set_header Keep-Alive 5; }
			location /in { proxy_set_header X-Outer 1; $11 location /in/out { proxy_pass http://BACKEND; } location /in/own { proxy_pass http://BACKEND; proxy_set_header X-Inner 1; $11 } }`, []exchange{
			ask("GET / HTTP/1.1", "Host: Example.com:81", "Cookie: a=b", "X-Dup: c"),
			ask("GET /?one=1 HTTP/1.1", "Host: a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2", "x-one: mine", "X-Real: mine"),
			ask("GET /?one=1 HTTP/1.0"),
			ask("GET /port HTTP/1.1", "Host: Example.com:81"),
			ask("GET /port HTTP/1.0"),
			ask("GET /in/out HTTP/1.1", "Host: a"),
			ask("GET /in/own HTTP/1.1", "Host: a"),
			ask("GET /upgrade HTTP/1.1", "Host: a", "Upgrade: x", "Connection: upgrade"),
			ask("GET /upgrade HTTP/1.1", "Host: a"),
			{"POST /te HTTP/1.1\nHost: a\nContent-Length: 3\nExpect: 100-continue\n\nabc", plain},
		}},
		"uri": {`location /a/ { proxy_pass http://BACKEND/b/; $11 }
			location /q { proxy_pass http://BACKEND/b?c=d; $11 }
			location = /exact { proxy_pass http://BACKEND/e; $11 }
			location /none { proxy_pass http://BACKEND; $11 }
			location ~ ^/re/(.*) { proxy_pass http://BACKEND/$1; $11 }
			location /var/ { proxy_pass http://BACKEND$request_uri; $11 }
			location /varq/ { proxy_pass http://BACKEND?x=$arg_x; $11 }
			location /varbare/ { set $b BACKEND; proxy_pass http://$b; $11 }
			location /rew/ { rewrite ^/rew/(.*) /new/$1?z=1 break; proxy_pass http://BACKEND/b/; $11 }
			location /rewbare/ { rewrite ^/rewbare/(.*) /new/$1 break; proxy_pass http://BACKEND; $11 }
			location /last/ { rewrite ^/last/(.*) /a/$1 last; }
			location /setargs/ { set $args b=c; proxy_pass http://BACKEND; $11 }
			location /if/ { if ($arg_x) { proxy_pass http://BACKEND; } proxy_pass http://BACKEND/other/; $11 }
			location /method/ { limit_except GET { proxy_pass http://BACKEND; } proxy_pass http://BACKEND/other/; $11 }
			location /named/ { error_page 418 = @n; return 418; } location @n { proxy_pass http://BACKEND; $11 }
			location /try/ { error_page 418 = @n; return 418; }
			location /tryvar/ { error_page 418 = @nvar; return 418; } location @nvar { set $b BACKEND; proxy_pass http://$b; $11 }
			location /tryrew/ { error_page 418 = @nrew; return 418; } location @nrew { rewrite ^/tryrew/(.*) /new/$1 break; proxy_pass http://BACKEND; $11 }
			location /away/ { error_page 404 /try/away%20; return 404; }`, []exchange{
			ask("GET /a/x HTTP/1.1", "Host: a"), ask("GET /a/ HTTP/1.1", "Host: a"), ask("GET /a HTTP/1.1", "Host: a"), ask("GET /a?x=y HTTP/1.1", "Host: a"),
			ask("GET /a/x%20y%3Fz%25%23 HTTP/1.1", "Host: a"), ask("GET /a/\xc3\xa9 HTTP/1.1", "Host: a"), ask("GET /a/%c3%a9\xc3\xa9\"<>{} HTTP/1.1", "Host: a"), ask("GET /a//x/../y?q=%20 HTTP/1.1", "Host: a"),
			ask("GET /a/\"<>{}|^` HTTP/1.1", "Host: a"),
			ask("GET /q HTTP/1.1", "Host: a"), ask("GET /q?x=y HTTP/1.1", "Host: a"), ask("GET /qq/z HTTP/1.1", "Host: a"), ask("GET /exact?x HTTP/1.1", "Host: a"),
			ask("GET /none?x HTTP/1.1", "Host: a"), ask("GET /none? HTTP/1.1", "Host: a"), ask("GET /%6eone//x HTTP/1.1", "Host: a"), ask("GET /none/a%2fb HTTP/1.1", "Host: a"),
			ask("GET /re/xy?z=1 HTTP/1.1", "Host: a"), ask("GET /var/%20?x HTTP/1.1", "Host: a"), ask("GET /varq/?x=5 HTTP/1.1", "Host: a"), ask("GET /varbare//%20?x=5 HTTP/1.1", "Host: a"),
			ask("GET /rew/x%20y?q HTTP/1.1", "Host: a"), ask("GET /rew/x HTTP/1.1", "Host: a"), ask("GET /rewbare/x%20y?q HTTP/1.1", "Host: a"), ask("GET /rewbare/\xc3\xa9 HTTP/1.1", "Host: a"),
			ask("GET /last/x%20y?q HTTP/1.1", "Host: a"), ask("GET /setargs/%20?x HTTP/1.1", "Host: a"), ask("GET /if/x%20?x=1 HTTP/1.1", "Host: a"), ask("GET /if/x%20?y HTTP/1.1", "Host: a"),
			ask("GET /method/x HTTP/1.1", "Host: a"), {"POST /method/x%20 HTTP/1.1\nHost: a\nContent-Length: 1\n\na", plain}, ask("GET /named/x%20?y HTTP/1.1", "Host: a"),
			ask("GET /named//a/../x%2Fy%22? HTTP/1.1", "Host: a"), ask("GET /try/x%2Fy\"<>//z?q HTTP/1.1", "Host: a"), ask("GET /tryvar/%7e//x%2Fy? HTTP/1.1", "Host: a"),
			ask("GET /tryrew//a/../x%2Fy%22? HTTP/1.1", "Host: a"), ask("GET /away/x%2Fy HTTP/1.1", "Host: a"),
		}},
		"response": {`location / { proxy_pass http://BACKEND; $11 }`, append(from(
			plain,
			"HTTP/1.1 200 Fine\nContent-Length: 0\n\n",
			"HTTP/1.1 299 Odd One\nContent-Length: 1\n\nx",
			"HTTP/1.1 201 Created\nLocation: /elsewhere\nContent-Length: 0\n\n",
			"HTTP/1.1 204 No Content\n\n",
			"HTTP/1.1 304 Not Modified\nETag: \"x\"\nContent-Length: 500\n\n",
			"HTTP/1.1 304 Not Modified\n\n",
			"HTTP/1.1 404 Not Found\nContent-Length: 3\n\nbad",
			"HTTP/1.1 500 Oops\nContent-Length: 3\n\nbad",
			"HTTP/1.1 503 Busy\nRetry-After: 5\nContent-Length: 3\n\nbad",
			"HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic realm=x\nWWW-Authenticate: Other\nContent-Length: 3\n\nbad",
			"HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-1/5\nContent-Length: 2\n\nhe",
			"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
			"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n5\nhello\n0\nX-Sum: 1\n\n",
			"HTTP/1.1 200 OK\nTransfer-Encoding: CHUNKED\n\n5;a=b\nhello\n0\n\n",
			"HTTP/1.1 200 OK\n\nuntil close",
			"HTTP/1.0 200 OK\nContent-Length: 5\n\nhello",
			"HTTP/1.0 200 OK\n\nuntil close",
			"HTTP/1.1 200 OK\nConnection: close\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nConnection: keep-alive, X-Hop\nKeep-Alive: timeout=3\nX-Hop: 1\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nX-B: 2\nX-A: 1\nx-b: 3\nContent-Length: 5\nX-C: 4\n\nhello",
			"HTTP/1.1 200 OK\nServer: theirs\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nX-Pad: x\nX-Powered-By: y\nVia: z\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nETag: W/\"a\"\nAccept-Ranges: bytes\nExpires: Thu, 01 Jan 1970 00:00:00 GMT\nCache-Control: no-cache\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nLast-Modified: yesterday\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nCache-Control: a\nCache-Control: b\nSet-Cookie: a=b; Path=/\nSet-Cookie: c=d\nLink: x\nLink: y\nVary: A\nVary: B\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\nContent-Encoding: gzip\nContent-Language: en\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nContent-Type:\nContent-Length: 5\n\nhello",
			"HTTP/1.1 204 No Content\nContent-Type: text/plain\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nETag: \"x\"\n\n",
			"HTTP/1.1 200 OK\nEmpty:\nSpaces:   a  b \nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nX-Accel-Expires: 5\nX-Accel-Limit-Rate: 1000000\nX-Accel-Buffering: no\nX-Accel-Charset: utf-8\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nRefresh: 5; url=http://BACKEND/r\nContent-Length: 5\n\nhello",
			"HTTP/1.1 302 Found\nLocation: http://BACKEND/x/y\nContent-Length: 0\n\n",
			"HTTP/1.1 302 Found\nLocation: http://elsewhere/x/y\nContent-Length: 0\n\n",
			"HTTP/1.1 302 Found\nLocation: relative\nContent-Length: 0\n\n",
			"HTTP/1.1 301 Moved\nLocation: /absolute?x\nContent-Length: 3\n\nbad",
			"HTTP/1.1 302 Found\nLocation: //BACKEND/x\nContent-Length: 0\n\n",
			"HTTP/1.1 302 Found\nLocation: HTTP://BACKEND/x\nContent-Length: 0\n\n",
			"HTTP/1.1 200 OK\nUpgrade: h2,h2c\nContent-Length: 5\n\nhello",
			"HTTP/1.1 200 OK\nAlt-Svc: h3=\":443\"\nStrict-Transport-Security: max-age=1\nContent-Length: 5\n\nhello",
			"HTTP/1.1 405 Method Not Allowed\nAllow: GET\nContent-Length: 0\n\n",
			"HTTP/1.1 426 Upgrade Required\nUpgrade: websocket\nConnection: upgrade\nContent-Length: 0\n\n",
			"HTTP/1.1 200 OK\nstatus: 404 Not Found\nContent-Length: 5\n\nhello",
		), []exchange{
			{"HEAD /x HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nContent-Length: 5\n\n"},
			{"HEAD /x HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"},
			{"HEAD /x HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\n\n"},
			{"HEAD /x HTTP/1.1\nHost: a\n\n", "HTTP/1.1 404 Not Found\nContent-Length: 50\n\n"},
			{"GET /x HTTP/1.0\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n"},
			{"GET /x HTTP/1.0\nConnection: keep-alive\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n"},
			{"GET /x HTTP/1.0\nConnection: keep-alive\n\n", plain},
			{"GET /x HTTP/1.1\nHost: a\nConnection: close\n\n", plain},
			{"GET /x HTTP/1.1\nHost: a\nRange: bytes=1-2\n\n", plain},
			{"GET /x HTTP/1.1\nHost: a\nRange: bytes=1-2\n\n", "HTTP/1.1 200 OK\nAccept-Ranges: bytes\nContent-Length: 5\n\nhello"},
			{"GET /x HTTP/1.1\nHost: a\nIf-None-Match: \"x\"\n\n", "HTTP/1.1 200 OK\nETag: \"x\"\nContent-Length: 5\n\nhello"},
			{"GET /x HTTP/1.1\nHost: a\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\n\n", "HTTP/1.1 200 OK\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nContent-Length: 5\n\nhello"},
		}...)},
		"redirects": {`location /pre/ { proxy_pass http://BACKEND/two/; $11 }
			location /off/ { proxy_pass http://BACKEND/two/; proxy_redirect off; $11 }
			location /own/ { proxy_pass http://BACKEND/two/; $11 proxy_redirect http://one.example/ http://$host:8000/; proxy_redirect ~^(http://[^:]+):\d+(/.+)$ $1$2; proxy_redirect ~*^HTTPS://(.*) /secure/$1; proxy_redirect / /slash/; }
			location /and/ { proxy_pass http://BACKEND/two/; $11 proxy_redirect default; proxy_redirect http://one.example/ /; }
			location ~ ^/re/ { proxy_pass http://BACKEND; $11 }
			location /if/ { if ($arg_x) { proxy_pass http://BACKEND; } $11 }
			location /var/ { set $b BACKEND; proxy_pass http://$b; $11 }
			location /varown/ { set $b BACKEND; proxy_pass http://$b; proxy_redirect http://$b/ /$arg_x/; $11 }
			location /abs/ { proxy_pass http://BACKEND; absolute_redirect off; $11 }`, func() (list []exchange) {
			for _, path := range []string{"/pre/", "/off/", "/own/", "/and/", "/re/", "/if/?x=1", "/var/", "/varown/?x=1", "/abs/"} {
				for _, to := range []string{"http://BACKEND/two/x", "http://BACKEND/two", "http://BACKEND/x", "http://one.example/x?y", "http://example.com:81/x", "https://a/b", "/x", "x", ""} {
					for _, field := range []string{"Location: ", "Refresh: 0; url=", "Refresh: 3; URL="} {
						if field != "Location: " && to != "http://BACKEND/two/x" && to != "/x" {
							continue
						}
						list = append(list, exchange{"GET " + path + " HTTP/1.1\nHost: front\n\n", "HTTP/1.1 302 Found\n" + field + to + "\nContent-Length: 0\n\n"})
					}
				}
			}
			return list
		}()},
		"cookies": {`location / { proxy_pass http://BACKEND; $11 proxy_cookie_domain one.example two.example; proxy_cookie_domain ~\.([a-z]+)\.test$ $1.example; proxy_cookie_domain $arg_d $arg_e;
				proxy_cookie_path /one/ /two/; proxy_cookie_path ~*^/RE/(.+) /$1; proxy_cookie_path / /all/; }
			location /flags { proxy_pass http://BACKEND; $11 proxy_cookie_flags one secure httponly samesite=lax; proxy_cookie_flags ~two nosecure nohttponly nosamesite; proxy_cookie_flags three $arg_f; proxy_cookie_flags ~ samesite=none; }
			location /order { proxy_pass http://BACKEND; $11 proxy_cookie_flags one samesite=none httponly secure; proxy_cookie_flags ~^two$ nosecure secure nohttponly; proxy_cookie_flags ~two httponly nohttponly samesite=strict; proxy_cookie_flags three $arg_none samesite SECURE; }
			location /off { proxy_pass http://BACKEND; $11 proxy_cookie_domain off; proxy_cookie_path off; proxy_cookie_flags off; }`, func() (list []exchange) {
			for _, path := range []string{"/?d=var.example&e=x", "/flags", "/flags?f=secure", "/flags?f=bogus", "/order", "/off"} {
				for _, cookie := range []string{
					"a=b", "a=b; Domain=one.example; Path=/one/x", "a=b; domain=.one.example; path=/x; HttpOnly", "a=b;Domain=ONE.example;Path=/re/y", "a=b; Domain=a.b.test; Path=/RE/", "a=b; Domain=var.example",
					"a=b; Path=/one/; Path=/two/", "a=b; Path", "a=b; Path=", "a=b;  Path = /one/", "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/", "Path=/one/; a=b", "a=\"x;y\"; Path=/one/",
					"one=1", "one=1; Secure; HttpOnly; SameSite=Strict", "ONE=1; secure; Path=/", "two=1; Secure; HttpOnly; SameSite=Strict; Path=/", "three=1; Secure", "four=1; SameSite=Lax; Secure", "twofold=1; SECURE; httponly", "; x", "noequals", "noequals; Secure", "noequals; Path=/one/; Domain=one.example",
				} {
					list = append(list, exchange{"GET " + path + " HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nSet-Cookie: " + cookie + "\nContent-Length: 0\n\n"})
				}
			}
			return list
		}()},
		"headers kept back": {`location / { proxy_pass http://BACKEND; $11 proxy_hide_header X-Secret; proxy_hide_header ETag; proxy_hide_header Content-Type; proxy_pass_header Server; proxy_pass_header Date; proxy_pass_header X-Accel-Expires; proxy_hide_header Set-Cookie; }
			location /last { proxy_pass http://BACKEND; $11 proxy_hide_header Last-Modified; proxy_hide_header Location; proxy_hide_header Content-Length; }`, []exchange{
			{"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nServer: theirs\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nx-secret: 1\nX-Accel-Expires: 5\nX-Accel-Charset: x\nETag: \"x\"\nContent-Type: text/plain\nSet-Cookie: a=b\nContent-Length: 5\n\nhello"},
			{"GET /last HTTP/1.1\nHost: a\n\n", "HTTP/1.1 302 Found\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nLocation: /x\nContent-Length: 5\n\nhello"},
		}},
		// Without ?m=, nginx sends a request line that begins with a blank; hearth answers 500 (TestWhatIsSentIsARequest).
		"request parts": {`location /method { proxy_pass http://BACKEND; $11 proxy_method $arg_m; }
			location /post { proxy_pass http://BACKEND; $11 proxy_method POST; }
			location /lower { proxy_pass http://BACKEND; $11 proxy_method get; }
			location /body { proxy_pass http://BACKEND; $11 proxy_set_body "uri=$uri&x=$arg_x"; }
			location /empty { proxy_pass http://BACKEND; $11 proxy_set_body $arg_x; }
			location /nobody { proxy_pass http://BACKEND; $11 proxy_pass_request_body off; }
			location /nobodylen { proxy_pass http://BACKEND; $11 proxy_pass_request_body off; proxy_set_header Content-Length ""; }
			location /noheaders { proxy_pass http://BACKEND; $11 proxy_pass_request_headers off; }
			location /neither { proxy_pass http://BACKEND; $11 proxy_pass_request_headers off; proxy_pass_request_body off; proxy_set_header X 1; }
			location /stream { proxy_pass http://BACKEND; $11 proxy_request_buffering off; }
			location /stream10 { proxy_pass http://BACKEND; proxy_http_version 1.0; proxy_request_buffering off; }
			location /streambody { proxy_pass http://BACKEND; $11 proxy_request_buffering off; proxy_set_body x; }
			location /streamno { proxy_pass http://BACKEND; $11 proxy_request_buffering off; proxy_pass_request_body off; }`, func() (list []exchange) {
			for _, path := range []string{"/method?m=PURGE", "/post", "/lower", "/body?x=1", "/empty?x=abc", "/empty", "/nobody", "/nobodylen", "/noheaders", "/neither", "/stream", "/stream10", "/streambody", "/streamno"} {
				list = append(list, ask("GET "+path+" HTTP/1.1", "Host: a", "X-Mine: 1"), exchange{"POST " + path + " HTTP/1.1\nHost: a\nContent-Type: t/t\nContent-Length: 0\n\n", plain})
				if strings.Contains("/nobody /neither /streamno", path) {
					continue // nginx announces a body that it does not send
				}
				list = append(list,
					exchange{"POST " + path + " HTTP/1.1\nHost: a\nContent-Type: t/t\nContent-Length: 3\n\nabc", plain},
					exchange{"POST " + path + " HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", plain})
				if path == "/stream" { // nginx says the length of what it has read whole before
					list = list[:len(list)-1]
				}
			}
			return append(list, ask("HEAD /post HTTP/1.1", "Host: a"), exchange{"HEAD /method?m=GET HTTP/1.1\nHost: a\n\n", plain})
		}()},
		"intercepted": {`proxy_intercept_errors on; error_page 404 /404.html; error_page 500 502 =200 /ok.html; error_page 401 /401.html; error_page 302 /302.html; error_page 503 = @fallback; error_page 403 http://elsewhere/; recursive_error_pages on;
			location / { proxy_pass http://BACKEND; $11 }
			location = /404.html { internal; return 200 "custom 404"; }
			location = /ok.html { internal; return 200 "ok"; }
			location = /401.html { internal; return 200 "log in"; }
			location = /302.html { internal; return 200 "moved"; }
			location @fallback { return 200 "fallback $upstream_status $status"; }
			location /none { proxy_intercept_errors off; proxy_pass http://BACKEND; $11 }
			location /bare { error_page 599 /x; proxy_pass http://BACKEND; $11 }`, func() (list []exchange) {
			for _, path := range []string{"/", "/none", "/bare"} {
				for _, status := range []string{"200 OK", "404 Not Found", "500 Oops", "502 Bad", "401 Unauthorized", "302 Found", "503 Busy", "403 No", "410 Gone", "304 Not Modified"} {
					list = append(list, exchange{"GET " + path + " HTTP/1.1\nHost: a\n\n", "HTTP/1.1 " + status + "\nWWW-Authenticate: Basic realm=x\nLocation: /l\nSet-Cookie: a=b\nContent-Length: 3\n\nbad"})
				}
			}
			return list
		}()},
		"accel": {`location / { proxy_pass http://BACKEND; $11 }
			location /inner/ { internal; return 200 "inner $uri $args $request_method\n"; }
			location @named { return 200 "named $uri\n"; }
			location /error/ { internal; return 404; }
			location /ignored { proxy_pass http://BACKEND; $11 proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Buffering; }`, func() (list []exchange) {
			for _, uri := range []string{"/inner/x?y=z", "/inner/a%20b", "/inner/../inner/c", "@named", "/error/x", "/nosuch/../../..", "@nosuch", "/ignored", "inner", ""} {
				for _, method := range []string{"GET /x", "HEAD /x", "GET /ignored"} {
					if uri == "/ignored" && method != "GET /ignored" {
						continue
					}
					list = append(list, exchange{method + " HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nX-Accel-Redirect: " + uri +
						"\nContent-Type: x/y\nSet-Cookie: a=b\nCache-Control: c\nContent-Disposition: d\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nETag: \"e\"\nExpires: f\nAccept-Ranges: bytes\nX-Other: g\nRefresh: h\nContent-Length: 0\n\n"})
				}
			}
			return append(list, exchange{"POST /x HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", "HTTP/1.1 404 Not Found\nX-Accel-Redirect: /inner/x\nContent-Length: 3\n\nbad"})
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			p := pair(t, c.config)
			for _, e := range c.exchanges {
				p.exchange(strings.ReplaceAll(e.request, "BACKEND", p.addr), strings.ReplaceAll(e.answer, "BACKEND", p.addr))
			}
		})
	}
}
