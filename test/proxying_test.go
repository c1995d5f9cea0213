package test

import (
	"fmt"
	"strings"
	"testing"
)

// proxyingConf says explicitly what has been the default since nginx 1.29.7, so that the older oracle does it too.
const proxyingConf = `
upstream u { server %BACK1%; keepalive 8; }
upstream gone { server 127.0.0.1:1 max_fails=0; server %BACK1%; keepalive 8; }
map $http_up $group { default u; }
proxy_http_version 1.1;
proxy_set_header Connection "";
server_tokens off;
server {
	listen %PORT1%;
	root %DIR%/html;
	location / { proxy_pass http://u; }
	location /keep/ { proxy_pass http://u/; }
	location /swap/ { proxy_pass http://u/other/path/; }
	location /cut { proxy_pass http://u/x; }
	location /var/ { set $b u; proxy_pass http://$b; }
	location /varuri/ { set $b u; proxy_pass http://$b/fixed; }
	location /varfull/ { proxy_pass http://$group$request_uri; }
	location ~ ^/re/(.*)$ { proxy_pass http://u/q/$1?$args; }
	location ~ ^/re2/ { proxy_pass http://u; }
	location /rw/ { rewrite ^/rw/(.*)$ /new/$1?a=1 break; proxy_pass http://u; }
	location /rwuri/ { rewrite ^/rwuri/(.*)$ /new/$1 break; proxy_pass http://u/ignored/; }
	location = /eq { proxy_pass http://u/equal; }
	location /if { if ($arg_x) { proxy_pass http://u; } return 404; }
	location /lim { limit_except GET { proxy_pass http://u; } return 200 "not proxied"; }

	location /set { proxy_set_header Connection ""; proxy_set_header X-A "$arg_a"; proxy_set_header X-Empty ""; proxy_set_header Host $http_host; proxy_set_header User-Agent "me"; proxy_set_header Cookie ""; proxy_pass http://u; }
	location /host { proxy_set_header Connection ""; proxy_set_header Host up.test:81; proxy_pass http://u; }
	location /inherit { proxy_pass http://u; }
	location /nohdrs { proxy_pass_request_headers off; proxy_pass http://u; }
	location /nobody { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_pass http://u; }
	location /body { proxy_set_body "body $request_method $arg_a"; proxy_pass http://u; }
	location /method { proxy_method PATCH; proxy_pass http://u; }
	location /http10 { proxy_http_version 1.0; proxy_set_header Connection close; proxy_pass http://u; }
	location /xff { proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-H $proxy_host; proxy_set_header X-P $proxy_port; proxy_pass http://u; }
	location /upgrade { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://u; }
	location /nobuf/ { proxy_buffering off; proxy_pass http://u/; }
	location /stream/ { proxy_request_buffering off; proxy_pass http://u/; }
	location /small { client_max_body_size 5; proxy_pass http://u; }
	location /allowed { client_max_body_size 0; proxy_pass http://u; }
	location /next { proxy_next_upstream error; proxy_pass http://gone; }

	location /hide/ { proxy_hide_header X-Secret; proxy_pass_header Server; proxy_pass_header X-Accel-Redirect; proxy_ignore_headers X-Accel-Redirect; proxy_pass http://u/; }
	location /intercept/ { proxy_intercept_errors on; error_page 404 /page.html; error_page 500 =200 /page.html; error_page 301 = /page.html; proxy_pass http://u/; }
	location /nointercept/ { error_page 404 /page.html; proxy_pass http://u/; }
	location /redir/ { proxy_pass http://u/; }
	location /rdir1/ { proxy_redirect http://internal.test/ /public/; proxy_pass http://u/; }
	location /rdir2/ { proxy_redirect ~^http://[^/]+/(.*)$ http://$host:99/$1; proxy_pass http://u/; }
	location /rdir3/ { proxy_redirect off; proxy_pass http://u/; }
	location /rdir4/ { proxy_pass http://u/; proxy_redirect default; proxy_redirect http://internal.test /x; }
	location /cookie/ { proxy_cookie_domain internal.test $host; proxy_cookie_path /app/ /; proxy_cookie_flags sid secure httponly; proxy_pass http://u/; }
	location /ah/ { add_header X-Added "$upstream_status $upstream_http_x_one"; add_header X-Bytes "$upstream_bytes_sent $upstream_bytes_received $upstream_response_length"; proxy_pass http://u/; }
	location /ranges/ { proxy_force_ranges on; proxy_pass http://u/; }
	location /charset/ { proxy_pass http://u/; }
	location = /page.html { }
	location /internal/ { internal; alias %DIR%/html/; }
	location @fallback { return 200 "named $uri"; }
	location /e502 { error_page 502 = @fallback; proxy_pass http://127.0.0.1:1; }
	location /auth { satisfy any; deny all; proxy_pass http://u; }
}
`

// answersAre what the scripted backend of proxyingConf says, by path; any other is said back.
var answersAre = map[string]string{
	"/plain":          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
	"/chunked":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n",
	"/trailers":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
	"/empty":          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"/204":            "HTTP/1.1 204 No Content\r\nX-One: 1\r\n\r\n",
	"/304":            "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
	"/404":            "HTTP/1.1 404 Nope\r\nContent-Length: 4\r\n\r\nnope",
	"/500":            "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh",
	"/503retry":       "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\noh",
	"/299":            "HTTP/1.1 299 Custom Reason\r\nContent-Length: 0\r\n\r\n",
	"/noreason":       "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	"/redirect":       "HTTP/1.1 302 Found\r\nLocation: http://internal.test/a/b?c\r\nContent-Length: 0\r\n\r\n",
	"/self":           "HTTP/1.1 301 Moved\r\nLocation: http://u/path\r\nContent-Length: 0\r\n\r\n",
	"/relative":       "HTTP/1.1 302 Found\r\nLocation: /rel\r\nContent-Length: 0\r\n\r\n",
	"/refresh":        "HTTP/1.1 200 OK\r\nRefresh: 5; url=http://u/x\r\nContent-Length: 0\r\n\r\n",
	"/cookies":        "HTTP/1.1 200 OK\r\nSet-Cookie: sid=1; Domain=internal.test; Path=/app/x\r\nSet-Cookie: b=2; path=/app/\r\nContent-Length: 0\r\n\r\n",
	"/headers":        "HTTP/1.1 200 OK\r\nServer: behind/1\r\nDate: Mon, 06 May 2024 07:08:09 GMT\r\nX-Secret: s\r\nX-One: 1\r\nx-two: 2\r\nX-One: again\r\nX-Pad: a\r\nX-Accel-Foo: b\r\nKeep-Alive: timeout=9\r\nConnection: x-hop\r\nX-Hop: h\r\nContent-Length: 0\r\n\r\n",
	"/types":          "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nLast-Modified: Mon, 06 May 2024 07:08:09 GMT\r\nETag: W/\"e\"\r\nExpires: 0\r\nCache-Control: a, b\r\nVary: x\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\n12345",
	"/accel":          "HTTP/1.1 200 OK\r\nX-Accel-Redirect: /internal/page.html\r\nX-Keep: k\r\nSet-Cookie: a=1\r\nContent-Type: text/special\r\nContent-Length: 3\r\n\r\nabc",
	"/accelnamed":     "HTTP/1.1 200 OK\r\nX-Accel-Redirect: @fallback\r\nContent-Length: 0\r\n\r\n",
	"/accelargs":      "HTTP/1.1 200 OK\r\nX-Accel-Redirect: /elsewhere?x=1\r\nContent-Length: 0\r\n\r\n",
	"/length":         "HTTP/1.1 200 OK\r\nContent-Length:   3  \r\n\r\nabc",
	"/lf":             "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
	"/10":             "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
	"/bytes":          "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n0123456789",
	"/re/a%20b/c?d=e": "nginx sends a bare blank in the request line",
	"/tricklesp":      "HTTP/1.1 200 OK\r\nX-Space:\t v \t\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
	"/big":            "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("0123456789", 10000),
	"/bighead":        "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\nContent-Length: 0\r\n\r\n",
}

// scripted answers by the table. HEAD gets the head alone; "/close..." ends the connection after the body.
func scripted(c *Call) {
	path, _, _ := strings.Cut(c.Path, "?")
	raw, ok := answersAre[path]
	switch {
	case path == "/close":
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
		c.Close()
	case path == "/close10":
		fmt.Fprint(c, "HTTP/1.0 200 OK\r\n\r\nuntil the end")
		c.Close()
	case !ok:
		c.Say(200, c.Method+" "+c.Path)
	case c.Method == "HEAD":
		head, _, _ := strings.Cut(raw, "\r\n\r\n")
		fmt.Fprint(c, head+"\r\n\r\n")
	default:
		fmt.Fprint(c, raw)
	}
}

// proxiedOtherwise are the intended differences.
var proxiedOtherwise = map[string]string{
	"/noreason":              "what hearth emits is canonical: the space before the reason stays",
	"/ah/headers":            "all fields since nginx 1.23",
	"/re/a%20b/c?d=e":        "nginx sends a bare blank in the request line",
	"/tricklesp":             "what hearth emits is canonical: a value has no white space around it",
	"POST chunked /stream/p": "nginx sends a length when it happens to have the whole body at once",
}

// proxiedWrong are known faults.
var proxiedWrong = map[string]string{
	"/hide/accel": "with proxy_pass_header Server, a response without Server stays without",
}

func TestRequestsAreProxiedAsByNginx(t *testing.T) {
	t.Parallel()
	p := newPair(t, site(proxyingConf), func(p *Proxy) { p.File("html/page.html", "the page") }, scripted)
	var table []Asked
	for _, path := range []string{
		"/", "/a?b=c", "/a%20b", "/a%2Fb", "/a//b/../c", "/%7Euser", "/é", "/a?", "/?", "/keep/", "/keep/x?y", "/keep/a%20b", "/keep/a%2Fb%3Fc", "/keep//x", "/keep/%C3%A9", "/keep/a+b;c", "/swap/x", "/swap/", "/swap", "/cutting/x", "/cut",
		"/var/a%20b?x", "/varuri/a?x", "/varfull/a%20b?x", "/re/a%20b/c?d=e", "/re2/a%20b", "/rw/a%20b", "/rw/x?y=1", "/rwuri/x", "/rwuri/x?y", "/eq", "/eq?a", "/if?x=1", "/if",
		"/set?a=1", "/host", "/inherit", "/nohdrs", "/body?a=1", "/method", "/http10", "/xff", "/nobuf/x", "/next/x",
		"/plain", "/chunked", "/empty", "/204", "/304", "/404", "/500", "/503retry", "/299", "/redirect", "/self", "/relative", "/refresh", "/cookies", "/headers", "/types", "/accel", "/accelnamed", "/accelargs", "/length", "/10", "/bytes", "/tricklesp", "/big", "/close", "/close10",
		"/nobuf/plain", "/nobuf/chunked", "/nobuf/big", "/nobuf/close", "/nobuf/close10", "/nobuf/204", "/nobuf/empty", "/nobuf/accel",
		"/hide/headers", "/hide/accel", "/intercept/404", "/intercept/500", "/intercept/self", "/intercept/503retry", "/nointercept/404", "/redir/self", "/redir/redirect", "/redir/relative", "/redir/refresh", "/rdir1/redirect", "/rdir1/self", "/rdir2/redirect", "/rdir2/relative", "/rdir3/self", "/rdir4/self", "/rdir4/redirect",
		"/cookie/cookies", "/ah/headers", "/ah/404", "/ranges/bytes", "/e502", "/auth", "/page.html", "/internal/page.html", "/lf",
	} {
		table = append(table, Asked{name: path, raw: get(path)})
	}
	for _, path := range []string{"/noreason", "/bighead"} {
		table = append(table, Asked{name: path, raw: get(path)})
	}
	chunked := "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
	for _, path := range []string{"/p", "/stream/p", "/keep/p", "/small", "/nobody", "/body", "/method", "/set", "/lim", "/http10", "/allowed", "/nohdrs"} {
		table = append(table,
			Asked{name: "POST " + path, raw: post(path, "hello", "Content-Type: text/x")},
			Asked{name: "POST chunked " + path, raw: request("POST", path, "Transfer-Encoding: chunked") + chunked})
	}
	table = append(table,
		Asked{name: "POST nothing", raw: request("POST", "/p", "Content-Length: 0")},
		Asked{name: "POST without a length", raw: request("POST", "/p")},
		Asked{name: "POST chunked nothing", raw: request("POST", "/p", "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		Asked{name: "GET with a body", raw: request("GET", "/p", "Content-Length: 3") + "abc"},
		Asked{name: "DELETE", raw: request("DELETE", "/p")},
		Asked{name: "OPTIONS", raw: request("OPTIONS", "/p")},
		Asked{name: "unknown method", raw: request("PROPFIND", "/p", "Depth: 1")},
		Asked{name: "HEAD", raw: request("HEAD", "/plain")},
		Asked{name: "HEAD of chunked", raw: request("HEAD", "/chunked")},
		Asked{name: "HEAD, two", raw: request("HEAD", "/plain") + get("/plain")},
		Asked{name: "HTTP/1.0", raw: "GET /chunked HTTP/1.0\r\nHost: a\r\n\r\n"},
		Asked{name: "HTTP/1.0 kept alive", raw: "GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
		Asked{name: "HTTP/1.0 kept alive, chunked", raw: "GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
		Asked{name: "HTTP/0.9", raw: "GET /plain\r\n"},
		Asked{name: "request fields", raw: get("/f", "X-a: 1", "x-A: 2", "Accept:", "Cookie: a=1", "Cookie: b=2", "TE: trailers", "Keep-Alive: 300", "Proxy-Connection: keep-alive", "Upgrade: h2c", "Connection: keep-alive, x-a", "Authorization: Basic x", "Referer: r", "Range: bytes=0-1", "If-Modified-Since: x", "Accept-Encoding: gzip")},
		Asked{name: "forwarded for", raw: get("/xff", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2")},
		Asked{name: "expect", raw: post("/p", "abc", "Expect: 100-continue")},
		Asked{name: "host with port", raw: get("/set", "Host: Some.Test:8080")},
		Asked{name: "absolute form", raw: "GET http://abs.test/x?y HTTP/1.1\r\nHost: other\r\n\r\n"},
		Asked{name: "absolute form, host set", raw: "GET http://Abs.test/set HTTP/1.1\r\nHost: Other\r\n\r\n"},
		Asked{name: "upgrade refused", raw: get("/upgrade", "Upgrade: websocket", "Connection: Upgrade")},
		Asked{name: "range of a forced resource", raw: get("/ranges/plain", "Range: bytes=0-0")},
		Asked{name: "range is the backend's", raw: get("/bytes", "Range: bytes=2-3")},
		Asked{name: "condition on a proxied resource", raw: get("/types", "If-None-Match: W/\"e\"")},
		Asked{name: "date condition on a proxied resource", raw: get("/types", "If-Modified-Since: Mon, 06 May 2024 07:08:09 GMT")},
		Asked{name: "three pipelined", raw: get("/plain") + post("/p", "hello") + get("/chunked", "Connection: close")},
		Asked{name: "large upload", raw: post("/empty", strings.Repeat("0123456789", 5000))},
		Asked{name: "large chunked upload", raw: request("POST", "/empty", "Transfer-Encoding: chunked") + strings.Repeat("a\r\n0123456789\r\n", 3000) + "0\r\n\r\n"},
		Asked{name: "chunked upload with trailers", raw: request("POST", "/p", "Transfer-Encoding: chunked", "Trailer: X-T") + "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"},
		Asked{name: "chunked upload with extensions", raw: request("POST", "/p", "Transfer-Encoding: chunked") + "3;a=b\r\nabc\r\n0\r\n\r\n"},
	)
	for i := range table {
		table[i].differs, table[i].wrong = proxiedOtherwise[table[i].name], proxiedWrong[table[i].name]
	}
	p.Compare(t, table)
	for _, b := range []*Proxy{p.hearth, p.nginx} {
		t.Logf("%s made %d connections", b.Binary, b.lab.backends[0].Connections())
	}
	if h, n := p.hearth.lab.backends[0].Connections(), p.nginx.lab.backends[0].Connections(); h > n {
		t.Errorf("hearth dialled %d times, nginx %d", h, n)
	}
}
