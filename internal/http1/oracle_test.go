package http1

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hearth/internal/text"
)

// oracleCase is a request sent to Debian's nginx and to the parser. The two
// must agree on the status, on what the request says when it is accepted, and
// on the message in the error log when it is not, unless differ says why not.
type oracleCase struct {
	name, request string
	differ        string // reason for an intended difference
	status        int    // ours, when it differs
}

// nginx is a running nginx that answers with what it understood.
type nginx struct {
	dir    string
	logged int
}

const oracleConfig = `
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log info;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %[1]s/b;
    proxy_temp_path %[1]s/p;
    fastcgi_temp_path %[1]s/f;
    uwsgi_temp_path %[1]s/u;
    scgi_temp_path %[1]s/s;
    large_client_header_buffers 2 1k;
    default_type text/plain;
    server {
        listen unix:%[1]s/http;
        return 200 "$request_method|$request_uri|$uri|$args|$host|$http_x|$http_x_y|$cookie_c|$arg_a|$http_content_length|";
    }
    server {
        listen unix:%[1]s/slashes;
        merge_slashes off;
        return 200 "$request_method|$request_uri|$uri|$args|$host|$http_x|$http_x_y|$cookie_c|$arg_a|$http_content_length|";
    }
    server {
        listen unix:%[1]s/proxy;
        location / {
            proxy_pass http://unix:%[1]s/backend;
            proxy_http_version 1.1;
            proxy_buffer_size 4k;
            proxy_ignore_client_abort on; # the request comes with its end
        }
    }
}
`

var oracleOptions = RequestOptions{IgnoreInvalidHeaders: true, MaxHeaders: 1000, LineLimit: 1024, TotalLimit: 3072}

func startNginx(t *testing.T) *nginx {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	dir, err := os.MkdirTemp("", "oracle") // short: a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, oracleConfig, dir), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	n := &nginx{dir: dir}
	for range 1000 { // "proxy" is the last socket it opens
		if c, err := net.Dial("unix", filepath.Join(dir, "proxy")); err == nil {
			c.Close()
			return n
		}
		time.Sleep(5 * time.Millisecond) // it has just been started
	}
	t.Fatal("nginx does not listen")
	return nil
}

// ask sends one request and returns the status (0 = no answer), the body and
// what nginx logged about it.
func (n *nginx) ask(t *testing.T, server, request string) (status int, body, logged string) {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(n.dir, server))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(c, request)
	c.(*net.UnixConn).CloseWrite()
	answer, _ := io.ReadAll(c) // a reset after an answer is nginx's way to refuse the rest
	status = 200
	body = string(answer)
	if strings.HasPrefix(body, "HTTP/1.1 ") {
		fmt.Sscanf(body, "HTTP/1.1 %d", &status)
		_, body, _ = strings.Cut(body, "\r\n\r\n")
	} else if body == "" {
		status = 0
	} else if _, title, ok := strings.Cut(body, "<title>"); ok { // an error to HTTP/0.9
		fmt.Sscanf(title, "%d", &status)
	}
	lines, err := os.ReadFile(filepath.Join(n.dir, "error.log"))
	if err != nil {
		t.Fatal(err)
	}
	_, logged, _ = strings.Cut(string(lines[n.logged:]), ": *")
	_, logged, _ = strings.Cut(logged, " ")
	logged, _, _ = strings.Cut(logged, ", client: ")
	n.logged = len(lines)
	return status, body, logged
}

// understood is what nginx's configuration above writes, as the parser sees it.
func understood(h *RequestHead) (body string, err error) {
	uri, _, err := NormalizePath(nil, h.Path, true)
	if err != nil {
		return "", err
	}
	var cookie []byte
	for i := range h.Fields {
		if h.Fields[i].ID == Cookie && cookie == nil {
			cookie, _ = CookieValue(h.Fields[i].Value, "c")
		}
	}
	header := func(variable string) []byte {
		for _, f := range h.Fields {
			if MatchVariable(f.Name, variable) {
				return f.Value
			}
		}
		return nil
	}
	arg, _ := ArgValue(h.Args, "a")
	host := text.AppendLower(nil, h.Host.Name)
	length, _ := h.Get(ContentLength)
	return fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|", h.Method, h.Target, uri, h.Args, host,
		header("x"), header("x_y"), cookie, arg, length), nil
}

func TestRequestsAsDebiansNginxReadsThem(t *testing.T) {
	n := startNginx(t)
	for _, c := range oracleCases {
		t.Run(c.name, func(t *testing.T) {
			wantStatus, wantBody, wantLog := n.ask(t, "http", c.request)

			var p RequestParser
			p.Reset(&oracleOptions)
			_, err := p.Parse([]byte(c.request))
			status := 200
			var body, log string
			if p.Head.Dropped > 0 {
				log = fmt.Sprintf("client sent invalid header line: \"%s\" while reading client request headers", p.Head.FirstDropped)
			}
			if err == nil {
				body, err = understood(&p.Head)
			}
			if e, ok := err.(*Error); ok {
				status, log = e.Status, e.Reason
				if status == StatusRequestHeaderTooLarge {
					status = 400 // what goes out
				}
			} else if err != nil {
				status = 0
			}
			if before, _, ok := strings.Cut(wantLog, ` header line: "Y:`); ok { // how much of it is quoted differs
				wantLog = before
				log, _, _ = strings.Cut(log, ` header line: "Y:`)
			}
			if c.differ != "" {
				if status != c.status {
					t.Errorf("status %d, want %d (%s)", status, c.status, c.differ)
				}
				if status == wantStatus && body == wantBody && log == wantLog {
					t.Errorf("no difference to nginx any more")
				}
				return
			}
			if status != wantStatus {
				t.Errorf("status %d, nginx %d; %q", status, wantStatus, wantLog)
			}
			if status == 200 && body != wantBody {
				t.Errorf("understood\n%q, nginx\n%q", body, wantBody)
			}
			if strings.HasPrefix(wantLog, "client sent") && log != wantLog {
				t.Errorf("logged\n%q, nginx\n%q", log, wantLog)
			}
		})
	}
}

// serve is the backend of nginx's proxy: it gives each request the answer set at the time.
func serve(backend net.Listener, answer *atomic.Pointer[string]) {
	for {
		c, err := backend.Accept()
		if err != nil {
			return // closed
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		c.Read(make([]byte, 4096)) // the request, which comes at once
		io.WriteString(c, *answer.Load())
		c.(*net.UnixConn).CloseWrite()
		io.Copy(io.Discard, c)
		c.Close()
	}
}

func TestResponsesAsDebiansNginxReadsThem(t *testing.T) {
	n := startNginx(t)
	backend, err := net.Listen("unix", filepath.Join(n.dir, "backend"))
	if err != nil {
		t.Fatal(err)
	}
	var answer atomic.Pointer[string]
	done := make(chan struct{})
	go func() { serve(backend, &answer); close(done) }()
	defer func() { backend.Close(); <-done }()
	for _, c := range responseCases {
		if c.request == MethodConnect || c.status == 101 {
			continue // nginx sends no CONNECT, and no Upgrade here
		}
		t.Run(c.name, func(t *testing.T) {
			method := "GET"
			if c.request == MethodHead {
				method = "HEAD"
			}
			answer.Store(&c.response)
			status, _, logged := n.ask(t, "proxy", method+" / HTTP/1.0\r\nHost: h\r\n\r\n")
			refused := status == 502
			switch {
			case c.differ != "":
				if refused == (c.err != "") && (!refused || logged == c.err+readingUpstream) {
					t.Errorf("no difference to nginx any more: %q", logged)
				}
			case refused != (c.err != ""):
				t.Errorf("nginx answers %d: %q", status, logged)
			case refused && logged != c.err+readingUpstream:
				t.Errorf("nginx logs %q", logged)
			}
		})
	}
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n"

var oracleCases = []oracleCase{
	{name: "plain", request: get + "\r\n"},
	{name: "bare LF", request: "GET /a?b HTTP/1.1\nHost: h\nX: y\n\n"},
	{name: "mixed line ends", request: "GET /a?b HTTP/1.1\r\nHost: h\nX: y\r\n\n"},
	{name: "empty lines first", request: "\r\n\r\n\n" + get + "\r\n"},
	{name: "HTTP/0.9", request: "GET /x?a=1\r\n"},
	{name: "HTTP/0.9 with bare LF", request: "GET /x\n"},
	{name: "HTTP/0.9 with a space", request: "GET /x \r\n"},
	{name: "HTTP/0.9 post", request: "POST /x\r\n"},
	{name: "HTTP/1.0 without host", request: "GET /x HTTP/1.0\r\n\r\n"},
	{name: "HTTP/1.0 with host", request: "GET /x HTTP/1.0\r\nHost: h\r\n\r\n"},
	{name: "HTTP/1.2", request: "GET / HTTP/1.2\r\nHost: h\r\n\r\n"},
	{name: "HTTP/1.99", request: "GET / HTTP/1.99\r\nHost: h\r\n\r\n"},
	{name: "HTTP/1.100", request: "GET / HTTP/1.100\r\nHost: h\r\n\r\n"},
	{name: "HTTP/2.0", request: "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
	{name: "HTTP/10.0", request: "GET / HTTP/10.0\r\nHost: h\r\n\r\n"},
	{name: "HTTP/0.9 written out", request: "GET / HTTP/0.9\r\n\r\n"},
	{name: "HTTP/1.", request: "GET / HTTP/1.\r\n\r\n"},
	{name: "HTTP/1", request: "GET / HTTP/1\r\n\r\n"},
	{name: "HTTP/", request: "GET / HTTP/\r\n\r\n"},
	{name: "http/1.1", request: "GET / http/1.1\r\nHost: h\r\n\r\n"},
	{name: "HTTPS/1.1", request: "GET / HTTPS/1.1\r\nHost: h\r\n\r\n"},
	{name: "junk after version", request: "GET / HTTP/1.1 x\r\nHost: h\r\n\r\n"},
	{name: "spaces after version", request: "GET / HTTP/1.1  \r\nHost: h\r\n\r\n"},
	{name: "many spaces", request: "GET   /a   HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "tab for space", request: "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "space in target", request: "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "tab in target", request: "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "NUL in target", request: "GET /a\x00b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "DEL in target", request: "GET /a\x7fb HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "CR in target", request: "GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "bytes above ASCII in target", request: "GET /\xc3\xa4?\xff HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "lower-case method", request: "get / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "unknown method", request: "FOO_BAR-X / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "digit in method", request: "GET1 / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "no method", request: " / HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "method alone", request: "GET\r\n\r\n"},
	{name: "method and space", request: "GET \r\n\r\n"},
	{name: "TLS handshake", request: "\x16\x03\x01\x02\x00\x01"},
	{name: "HTTP/2 preface", request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{name: "asterisk", request: "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "no slash", request: "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "question mark first", request: "GET ?a HTTP/1.1\r\nHost: h\r\n\r\n"},

	{name: "absolute form", request: "GET http://Other.example:81/p?a=5 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "absolute form, https", request: "GET HTTPS://other/p HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "absolute form, no path", request: "GET http://other HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "absolute form, only args", request: "GET http://other?a=b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "absolute form, no host field", request: "GET http://other/ HTTP/1.1\r\n\r\n"},
	{name: "absolute form, HTTP/1.0", request: "GET http://other/ HTTP/1.0\r\n\r\n"},
	{name: "absolute form, HTTP/0.9", request: "GET http://other/x\r\n"},
	{name: "absolute form, empty host", request: "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "absolute form, user", request: "GET http://u:p@h/x HTTP/1.1\r\nHost: h\r\n\r\n", status: 400,
		differ: "the log names the host"},
	{name: "absolute form, port is no number", request: "GET http://h:x/ HTTP/1.1\r\nHost: h\r\n\r\n", status: 400,
		differ: "the log names the host"},
	{name: "absolute form, IPv6", request: "GET http://[::1]:80/x HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "absolute form, invalid host field", request: "GET http://other/ HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{name: "one slash after scheme", request: "GET http:/x HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "digit in scheme", request: "GET h2c://x/ HTTP/1.1\r\nHost: h\r\n\r\n"},

	{name: "dot segments", request: "GET /a/./b/../c HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "dots at the end", request: "GET /a/b/.. HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "dot at the end", request: "GET /a/b/. HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "up to the root", request: "GET /a/.. HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "above the root", request: "GET /a/../.. HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "above the root at once", request: "GET /../a HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "above the root, encoded", request: "GET /%2e%2e/a HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "encoded slash climbs too", request: "GET /a%2f..%2f..%2fb HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "names that begin with dots", request: "GET /.a/..b/.../.c./d.. HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "slashes merge", request: "GET //a///b//../c// HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "encoded slashes merge", request: "GET /a%2F/%2fb HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "decoded", request: "GET /%41%c3%a4%20%25%23%3fx%2bz HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "decoded once only", request: "GET /%2541/%252e%252e/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "encoded control", request: "GET /a%0d%0ab HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "encoded NUL", request: "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "cut escape", request: "GET /a%4 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "lone percent", request: "GET /a% HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "percent before args", request: "GET /a%?b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "wrong escape", request: "GET /a%4g HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "escape in args stays", request: "GET /a?b=%4g&a=%41#x HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "fragment", request: "GET /a#b?c HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "fragment after args", request: "GET /a?b=1&A=x#c?d HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "dots before args", request: "GET /a/..?/../b HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "dots before fragment", request: "GET /a/b/..#x HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "empty args", request: "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "backslash", request: "GET /a\\..\\b HTTP/1.1\r\nHost: h\r\n\r\n"},

	{name: "args: first wins", request: "GET /?xa=0&a=1&a=2 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "args: no equals", request: "GET /?a&a=2 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "args: empty value", request: "GET /?a= HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "args: longer name", request: "GET /?aa=1&ba=2;a=3 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "args: case", request: "GET /?A=1 HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "cookie", request: get + "Cookie: b=1; c=2; c=3\r\n\r\n"},
	{name: "cookie: case and spaces", request: get + "Cookie: b=1;   C = 2 ; c=3\r\n\r\n"},
	{name: "cookie: comma", request: get + "Cookie: b=1, c=2, d=3\r\n\r\n"},
	{name: "cookie: prefix", request: get + "Cookie: cc=1; xc=2;c=4\r\n\r\n"},
	{name: "cookie: name alone", request: get + "Cookie: c; c=4\r\n\r\n", status: 200,
		differ: "nginx overlooks the cookie after one that has no value"},
	{name: "cookie: empty", request: get + "Cookie: c=; d=1\r\n\r\n"},
	{name: "cookie: in the value of another", request: get + "Cookie: d=c=1; e=2\r\n\r\n"},

	{name: "no host", request: "GET / HTTP/1.1\r\n\r\n"},
	{name: "host twice", request: get + "Host: h\r\n\r\n"},
	{name: "host empty", request: "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
	{name: "host with port", request: "GET / HTTP/1.1\r\nHost: H.example:8080\r\n\r\n"},
	{name: "host with dot", request: "GET / HTTP/1.1\r\nHost: h.example.\r\n\r\n"},
	{name: "host with dot and port", request: "GET / HTTP/1.1\r\nHost: h.example.:80\r\n\r\n"},
	{name: "host with two dots", request: "GET / HTTP/1.1\r\nHost: h..example\r\n\r\n"},
	{name: "host is a dot", request: "GET / HTTP/1.1\r\nHost: .\r\n\r\n"},
	{name: "host with dot first", request: "GET / HTTP/1.1\r\nHost: .h\r\n\r\n"},
	{name: "host with slash", request: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{name: "host with backslash", request: "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", status: 400,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "host with space", request: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{name: "host with underscore", request: "GET / HTTP/1.1\r\nHost: a_b\r\n\r\n"},
	{name: "host in IPv6", request: "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n"},
	{name: "host in IPv6 unfinished", request: "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", status: 400,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "host is a port", request: "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"},
	{name: "host list", request: "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},

	{name: "length twice", request: get + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"},
	{name: "length list", request: get + "Content-Length: 0, 0\r\n\r\n"},
	{name: "length with sign", request: get + "Content-Length: +0\r\n\r\n"},
	{name: "length negative", request: get + "Content-Length: -1\r\n\r\n"},
	{name: "length hexadecimal", request: get + "Content-Length: 0x0\r\n\r\n"},
	{name: "length empty", request: get + "Content-Length:\r\n\r\n"},
	{name: "length too big", request: get + "Content-Length: 99999999999999999999\r\n\r\n"},
	{name: "length with leading zeros", request: get + "Content-Length: 000\r\n\r\n"},
	{name: "both framings", request: get + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{name: "chunked", request: get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{name: "chunked in capitals", request: get + "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
	{name: "chunked in HTTP/1.0", request: "GET / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{name: "chunked twice", request: get + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{name: "coding list", request: get + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
	{name: "coding identity", request: get + "Transfer-Encoding: identity\r\n\r\n"},
	{name: "coding empty", request: get + "Transfer-Encoding:\r\n\r\n"},
	{name: "coding with a vertical tab", request: get + "Transfer-Encoding: \x0bchunked\r\n\r\n", status: 400,
		differ: "a control character, before it is an unknown coding"},
	{name: "coding and length", request: get + "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n"},

	{name: "duplicate range", request: get + "Range: bytes=0-1\r\nRange: bytes=0-1\r\n\r\n"},
	{name: "duplicate if-range", request: get + "If-Range: x\r\nIf-Range: x\r\n\r\n"},
	{name: "duplicate if-match", request: get + "If-Match: x\r\nIf-Match: x\r\n\r\n"},
	{name: "duplicate if-none-match", request: get + "If-None-Match: x\r\nIf-None-Match: x\r\n\r\n"},
	{name: "duplicate if-modified-since", request: get + "If-Modified-Since: x\r\nIf-Modified-Since: x\r\n\r\n"},
	{name: "duplicate if-unmodified-since", request: get + "If-Unmodified-Since: x\r\nIf-Unmodified-Since: x\r\n\r\n"},
	{name: "duplicate expect", request: get + "Expect: x\r\nExpect: x\r\n\r\n"},
	{name: "duplicate authorization", request: get + "Authorization: x\r\nAuthorization: x\r\n\r\n"},
	{name: "duplicate content-range", request: get + "Content-Range: x\r\nContent-Range: x\r\n\r\n"},
	{name: "duplicate content-type", request: get + "Content-Type: x\r\nContent-Type: x\r\n\r\n"},
	{name: "duplicate user-agent", request: get + "User-Agent: x\r\nUser-Agent: x\r\n\r\n"},
	{name: "duplicate referer", request: get + "Referer: x\r\nReferer: x\r\n\r\n"},
	{name: "duplicate upgrade", request: get + "Upgrade: x\r\nUpgrade: x\r\n\r\n"},
	{name: "duplicate connection", request: get + "Connection: x\r\nConnection: x\r\n\r\n"},
	{name: "duplicate te", request: get + "TE: x\r\nTE: x\r\n\r\n"},
	{name: "duplicate date", request: get + "Date: x\r\nDate: x\r\n\r\n"},

	{name: "space before colon", request: get + "X : y\r\n\r\n"},
	{name: "tab before colon", request: get + "X\t: y\r\n\r\n"},
	{name: "space in name", request: get + "X Y: z\r\n\r\n"},
	{name: "folded line", request: get + "X: y\r\n z\r\n\r\n"},
	{name: "folded first line", request: "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
	{name: "empty name", request: get + ": y\r\n\r\n"},
	{name: "control in name", request: get + "X\x01: y\r\n\r\n"},
	{name: "NUL in name", request: get + "X\x00: y\r\n\r\n"},
	{name: "NUL in value", request: get + "X: a\x00b\r\n\r\n"},
	{name: "NUL first in value", request: get + "X:\x00b\r\n\r\n"},
	{name: "tab in value", request: get + "X: a\tb\r\n\r\n"},
	{name: "bytes above ASCII in value", request: get + "X: \xc3\xa4\xff\r\n\r\n"},
	{name: "spaces around value", request: get + "X:   a b   \r\n\r\n"},
	{name: "no space before value", request: get + "X:y\r\n\r\n"},
	{name: "empty value", request: get + "X:\r\n\r\n"},
	{name: "colons in value", request: get + "X: :y:\r\n\r\n"},
	{name: "underscore in name", request: get + "X_Y: z\r\n\r\n"},
	{name: "dot in name", request: get + "X.Y: z\r\n\r\n"},
	{name: "at sign in name", request: get + "X@: z\r\n\r\n"},
	{name: "byte above ASCII in name", request: get + "X\xc3: z\r\n\r\n"},

	{name: "longest line that fits", request: "GET /" + strings.Repeat("a", 1000) + " HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "URI too long", request: "GET /" + strings.Repeat("a", 1100) + " HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "too many lines", request: get + strings.Repeat("Y: 0123456789\r\n", 300) + "\r\n"},
	{name: "line too long", request: get + "Y: " + strings.Repeat("y", 1100) + "\r\n\r\n"},
	{name: "many lines", request: get + strings.Repeat("Y: 0123456789\r\n", 200) + "\r\n"},

	// Intended differences.
	{name: "control in value", request: get + "X: a\x01b\r\n\r\n", status: 400,
		differ: "control characters end in a backend's log or parser"},
	{name: "bare CR in value", request: get + "X: a\rb\r\n\r\n"},
	{name: "two CRs at the line end", request: get + "X: a\r\r\n\r\n", status: 400,
		differ: "a bare CR is a line end to some"},
	{name: "bare CR first", request: "\r" + get + "\r\n", status: 400, differ: "a bare CR is a line end to some"},
	{name: "line without colon", request: get + "X\r\n\r\n", status: 400,
		differ: "not a field; a backend may take it for the end of the head or part of another"},
	{name: "tabs around value", request: get + "X: \ta\t\r\n\r\n", status: 200,
		differ: "they are white space around the value (RFC 9110, section 5.5), not part of it"},
	{name: "host with a control byte escape", request: "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", status: 400,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "host with quote", request: "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", status: 400,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "host with at sign", request: "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", status: 400,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "host with port that is no number", request: "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n", status: 400,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "absolute form, underscore", request: "GET http://a_b/ HTTP/1.1\r\nHost: h\r\n\r\n", status: 200,
		differ: "RFC 3986, as nginx from 1.29.4 on"},
	{name: "connect", request: "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", status: 200,
		differ: "parsed as nginx from 1.31 on; whether it is allowed is decided above"},
	{name: "absolute form, two dots", request: "GET http://a..b/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{name: "connect with a path", request: "CONNECT h:443/x HTTP/1.1\r\nHost: h\r\n\r\n"},
}
