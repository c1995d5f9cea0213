package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// routingConf has a location for each thing that decides which answer a request gets.
const routingConf = `
map $arg_m $mapped { default none; a alpha; ~^b(?<rest>.*)$ "re-$rest"; ~*^C up; "" empty; }
map $host $bymask { hostnames; default no; .x.test yes; y.* pre; }
server {
	listen %PORT1% default_server;
	server_name _;
	server_tokens off;
	default_type text/plain;
	root %DIR%/html;
	keepalive_timeout 75s 20s;

	location = /exact { return 200 "exact $uri|$args|$request_uri|$is_args"; }
	location /pre { return 200 "prefix $uri"; }
	location ^~ /pre/strong { return 200 "strong"; }
	location ~ \.txt$ { return 200 "regex"; }
	location ~* \.JPG$ { return 200 "caseless"; }
	location ~ ^/cap/(\w+)/(?<name>\w+)$ { return 200 "$1 $name $2"; }
	location /outer/ { location /outer/inner/ { return 200 inner; } location ~ deep { return 200 deep; } return 200 outer; }
	location = / { return 200 "root $document_root"; }

	location /r301 { return 301 /there; }
	location /r302 { return 302 http://other.test$request_uri; }
	location /r303 { return 303 "/a b?$args"; }
	location /r307 { return 307 $scheme://$host/x; }
	location /rurl { return https://elsewhere.test/; }
	location /c204 { return 204; }
	location /c418 { return 418; }
	location /c444 { return 444; }
	location /c404text { return 404 "gone\n"; }
	location /c500 { return 500; }
	location /noabs { absolute_redirect off; return 301 /there; }
	location /noport { port_in_redirect off; return 301 /there; }

	location /rw/ { rewrite ^/rw/one/(.*)$ /pre/$1 last; rewrite ^/rw/two$ /three? permanent; rewrite ^/rw/args/(\d+)$ /exact?id=$1 last;
		rewrite ^/rw/noargs$ /exact? last; rewrite ^/rw/br/(.*)$ /brk/$1 break; rewrite ^/rw/loop$ /rw/loop last;
		rewrite ^/rw/go$ http://far.test/$http_x redirect; rewrite ^/rw/enc/(.*)$ /exact?v=$1 last; return 200 "rw $uri"; }
	location /if/ {
		set $seen "";
		if ($request_method = POST) { set $seen "post"; }
		if ($arg_a) { set $seen "${seen}a"; }
		if ($arg_b !~ ^\d*$) { return 403; }
		if ($http_user_agent ~* "(curl)/(\d+)") { set $seen "$seen-$1-$2"; }
		if (-f %DIR%/html/file.html) { set $seen "$seen-f"; }
		if (!-d %DIR%/html/none) { set $seen "$seen-nd"; }
		if ($http_x_ret) { return 202 "in if $seen"; }
		if ($args ~ "hdr") { add_header X-If "yes-$seen"; }
		add_header X-Loc "$seen";
		return 200 "if $seen";
	}
	location /map { return 200 "$mapped $rest $bymask"; }
	location /vars { return 200 "$request_method $server_protocol $scheme $host $http_host $server_name $server_port $remote_addr $request_length $content_length|$content_type|$http_x_y|$arg_q|$cookie_k|$document_uri|$uri|$query_string|$body_bytes_sent|$status|$https|$connection_requests|$pipe"; }

	location /deny { deny 127.0.0.1; allow all; return 200 no; }
	location /denied { deny all; }
	location /allowed { allow 127.0.0.0/8; deny all; try_files /file.html =404; }
	location /internal { internal; return 200 inside; }
	location /named { try_files /nope @back; }
	location @back { return 200 "back $uri"; }
	location /limited { limit_except GET { deny all; } return 200 "limited"; }
	location /limited2 { limit_except GET { deny all; } try_files /file.html =404; }

	location /e404 { error_page 404 /errors/404.html; root %DIR%/empty; }
	location /e404code { error_page 404 =200 /errors/404.html; root %DIR%/empty; }
	location /e404eq { error_page 404 = /tell; root %DIR%/empty; }
	location /e404named { error_page 404 @back; root %DIR%/empty; }
	location /e404url { error_page 404 http://away.test/; root %DIR%/empty; }
	location /e404url301 { error_page 404 =301 http://away.test/; root %DIR%/empty; }
	location /e403 { error_page 403 /errors/404.html; deny all; }
	location /eloop { error_page 404 /eloop2; root %DIR%/empty; }
	location /eloop2 { root %DIR%/empty; error_page 404 /eloop; }
	location /errors/ { internal; }
	location /tell { return 201 "told $status $uri"; }
	location /e405 { error_page 405 =200 /tell; try_files /file.html =404; }

	location /hdr { add_header X-A 1; add_header X-B "$uri" always; add_header X-Empty ""; add_header Cache-Control "private"; try_files /file.html =404; }
	location /hdr404 { add_header X-A 1; add_header X-B 2 always; root %DIR%/empty; }
	location /trailer { add_trailer X-Status "$status"; add_trailer X-Always "$uri" always; try_files /file.html =404; }
	location /expires { expires 1h; try_files /file.html =404; }
	location /noetag { etag off; try_files /file.html =404; }
	location /small { client_max_body_size 10; try_files /file.html =404; }
	location /type { default_type application/x-mine; try_files /noext =404; }
	location /types { types { text/special html; } try_files /file.html =404; }
	location /alias/ { alias %DIR%/html/dir/; }
	location ~ ^/ralias/(.+)$ { alias %DIR%/html/$1; }
	location /index { alias %DIR%/html/dir; index none.html page.html; }
	location /tf { try_files $uri $uri/ /dir/$arg_f /file.html; }
	location /tfcode { try_files $uri =410; }
	location /static { alias %DIR%/html; }
	location /maxr { max_ranges 1; alias %DIR%/html/file.html; }
	location /norange { max_ranges 0; alias %DIR%/html/file.html; }
	location /ims { if_modified_since before; alias %DIR%/html/file.html; }
	location /imsoff { if_modified_since off; alias %DIR%/html/file.html; }
}
server { listen %PORT1%; server_name named.test *.wild.test tail.* ~^re(\d+)\.test$; server_tokens off; return 200 "named $server_name $host $1"; }
server { listen %PORT1%; server_name long.wild.test; server_tokens off; return 200 "long"; }
server { listen %PORT1%; server_name nomerge.test; server_tokens off; merge_slashes off; location //a { return 200 "double $uri"; } location / { return 200 "single $uri"; } }
`

var mtime = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// content are the files below html of a routing server.
var content = map[string]string{
	"file.html":       "<p>file</p>\n",
	"noext":           "no extension",
	"empty.html":      "",
	"dir/page.html":   "page",
	"dir/sub/x.css":   "p{}",
	"errors/404.html": "not here, sorry\n",
	"a b.html":        "blank",
	"uni/é.html":      "e",
	"index.html":      "front",
	"big.bin":         strings.Repeat("0123456789", 20000),
}

func writeContent(p *Proxy) {
	for name, text := range content {
		p.File("html/"+name, text)
	}
	p.File("empty/.keep", "")
	os.Symlink(filepath.Join(p.Dir, "html/file.html"), filepath.Join(p.Dir, "html/link.html"))
	p.File("html/secret.html", "x")
	os.Chmod(filepath.Join(p.Dir, "html/secret.html"), 0)
}

func get(path string, fields ...string) string { return request("GET", path, fields...) }

func TestRequestsAreRoutedAsByNginx(t *testing.T) {
	t.Parallel()
	p := newPair(t, site(routingConf), writeContent)
	var table []Asked
	for _, path := range []string{
		"/", "/?", "/?x=1&y=%20", "/exact", "/exact?a=b&c", "/exact?", "/exact/", "/pre", "/prefix", "/pre/strong/a.txt", "/pre/a.txt", "/x.TXT", "/x.jpg", "/cap/a/b", "/cap/a/b/c",
		"/outer/", "/outer/inner/", "/outer/deep", "/outer/inner/deep", "/outer",
		"/pre//x///y", "/pre/./x", "/pre/../exact", "/%70re", "/pre%2Fx", "/pre%2e%2e/", "/pre/a%20b+c", "/pre/%C3%A9", "/pre/%00", "/pre/%zz", "/pre/%", "/../x", "/pre/..", "/pre/x/.", "/exact#frag", "/exact%23x", "/pre?a?b", "/pre;x=1", "/pre/%3F", "/pre/\"q\"", "/pre/a|b", "//pre", "/.", "/...",
		"/r301", "/r302?x=y", "/r303?q=1", "/r307", "/rurl", "/c204", "/c418", "/c444", "/c404text", "/c500", "/noabs", "/noport",
		"/rw/one/x/y?q=1", "/rw/two?q=1", "/rw/args/7?x=1", "/rw/noargs?x=1", "/rw/br/z", "/rw/loop", "/rw/go", "/rw/enc/a%20b%26", "/rw/other",
		"/if/", "/if/?a=1", "/if/?b=x", "/if/?b=5", "/if/?hdr",
		"/map", "/map?m=a", "/map?m=A", "/map?m=bcd", "/map?m=cc", "/map?m=", "/vars?q=%41&Q=2", "/vars?x&q=a=b",
		"/deny", "/denied", "/allowed", "/internal", "/named", "/limited", "/limited2",
		"/e404", "/e404code", "/e404eq", "/e404named", "/e404url", "/e404url301", "/e403", "/eloop", "/errors/404.html", "/e405", "/hdr", "/hdr404", "/noetag", "/type", "/types",
		"/alias/page.html", "/alias/", "/alias/none", "/alias/sub", "/ralias/file.html", "/index", "/index/", "/tf/none?f=page.html", "/tf/none", "/tfcode", "/tfcode/x", "/static/dir", "/static/dir/", "/static/file.html", "/static/../file.html",
		"/file.html", "/file.html/", "/noext", "/empty.html", "/dir", "/dir/", "/dir?x=1", "/a%20b.html", "/uni/%C3%A9.html", "/link.html", "/none.html", "/big.bin", "/index.html",
	} {
		table = append(table, Asked{name: path, raw: get(path)})
	}
	table = append(table,
		Asked{name: "POST to if", raw: post("/if/?a=1", "x")},
		Asked{name: "user agent captured", raw: get("/if/?hdr", "User-Agent: curl/7.88")},
		Asked{name: "return inside if", raw: get("/if/", "X-Ret: 1")},
		Asked{name: "hostnames map", raw: get("/map", "Host: www.x.test")},
		Asked{name: "hostnames map, itself", raw: get("/map", "Host: x.test")},
		Asked{name: "hostnames map, prefix", raw: get("/map", "Host: y.org")},
		Asked{name: "variables of a request", raw: get("/vars?q=1", "Host: NAMED.other:81", "X-Y: v1", "Cookie: k=1; kk=2", "Content-Type: a/b")},
		Asked{name: "a field that comes twice", raw: get("/vars", "X-Y: v1", "X-Y: v2"), differs: "joined by commas since nginx 1.23"},
		Asked{name: "variables of a post", raw: post("/vars", "12345", "Content-Type: text/x")},
		Asked{name: "cookies in two fields", raw: get("/vars", "Cookie: a=1", "Cookie: k=2")},
		Asked{name: "limit_except refuses", raw: request("DELETE", "/limited2")},
		Asked{name: "limit_except lets HEAD", raw: request("HEAD", "/limited2")},
		Asked{name: "POST to a static file", raw: post("/file.html", "x")},
		Asked{name: "PUT to a static file", raw: request("PUT", "/file.html", "Content-Length: 0")},
		Asked{name: "POST with an error page for 405", raw: post("/e405", "x")},
		Asked{name: "HEAD of a file", raw: request("HEAD", "/file.html")},
		Asked{name: "HEAD of return", raw: request("HEAD", "/exact")},
		Asked{name: "HEAD of nothing", raw: request("HEAD", "/none")},
		Asked{name: "body too large", raw: post("/small", "01234567890")},
		Asked{name: "body just fits", raw: post("/small", "0123456789")},
		Asked{name: "server by name", raw: get("/", "Host: named.test")},
		Asked{name: "server by name, other case and port", raw: get("/", "Host: NaMed.TEST:99")},
		Asked{name: "server by name, trailing dot", raw: get("/", "Host: named.test.")},
		Asked{name: "server by wildcard", raw: get("/", "Host: a.b.wild.test")},
		Asked{name: "exact before wildcard", raw: get("/", "Host: long.wild.test")},
		Asked{name: "wildcard needs a label", raw: get("/vars", "Host: wild.test")},
		Asked{name: "server by tail wildcard", raw: get("/", "Host: tail.anything.org")},
		Asked{name: "server by regex", raw: get("/", "Host: re42.test")},
		Asked{name: "double slashes kept", raw: get("//a/b", "Host: nomerge.test")},
		Asked{name: "double slashes kept in the middle", raw: get("/a//b", "Host: nomerge.test")},
		Asked{name: "absolute form", raw: "GET http://named.test/x?y HTTP/1.1\r\nHost: a\r\n\r\n"},
		Asked{name: "absolute form without path", raw: "GET http://named.test HTTP/1.1\r\nHost: a\r\n\r\n"},
		Asked{name: "absolute form with args only", raw: "GET http://a?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"},
		Asked{name: "HTTP/1.0", raw: "GET /exact HTTP/1.0\r\n\r\n"},
		Asked{name: "HTTP/1.0 kept alive", raw: "GET /exact HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
		Asked{name: "HTTP/0.9", raw: "GET /exact\r\n"},
		Asked{name: "HTTP/1.0 to a redirect", raw: "GET /r301 HTTP/1.0\r\n\r\n"},
		Asked{name: "two in one segment", raw: get("/exact") + get("/pre", "Connection: close")},
		Asked{name: "keep-alive named", raw: get("/exact", "Connection: keep-alive")},
	)
	p.Compare(t, table)
}

func TestRangesAndConditionsAreAnsweredAsByNginx(t *testing.T) {
	t.Parallel()
	p := newPair(t, site(routingConf), writeContent)
	const tag = `"663881d9-c"`
	at := mtime.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	before := mtime.Add(-time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT")
	after := mtime.Add(time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT")
	var table []Asked
	ask := func(path string, fields ...string) {
		table = append(table, Asked{name: path + " " + strings.Join(fields, ", "), raw: get(path, fields...)})
	}
	refused := func(path string, fields ...string) {
		ask(path, fields...)
		table[len(table)-1].differs = "nginx closes the connection after 412, which the answer does not ask for"
	}
	for _, r := range []string{"bytes=0-3", "bytes=3-", "bytes=-4", "bytes=0-0", "bytes=0-999", "bytes=99-", "bytes=5-2", "bytes=-0", "bytes=-99", "bytes=", "bytes=x", "chars=0-1", "bytes=0-1,3-4", "bytes=0-1, 3-4 ,6-",
		"bytes=0-1,99-100", "bytes=0-,0-", "bytes=9223372036854775807-", "bytes=0-99999999999999999999", "bytes= 1 - 2", "bytes=1-2,", "Bytes=1-2"} {
		ask("/file.html", "Range: "+r)
	}
	ask("/maxr", "Range: bytes=0-1,3-4")
	ask("/trailer")
	ask("/trailer", "Range: bytes=0-1")
	ask("/trailer", "Range: bytes=0-1,3-4")
	ask("/norange", "Range: bytes=0-1")
	ask("/empty.html", "Range: bytes=0-1")
	ask("/big.bin", "Range: bytes=199990-")
	ask("/file.html", "Range: bytes=0-3", "If-Range: "+tag)
	ask("/file.html", "Range: bytes=0-3", `If-Range: "other"`)
	ask("/file.html", "Range: bytes=0-3", "If-Range: "+at)
	ask("/file.html", "Range: bytes=0-3", "If-Range: "+after)
	for _, path := range []string{"/file.html", "/ims", "/imsoff"} {
		for _, when := range []string{at, before, after, "nonsense", "Monday, 06-May-24 07:08:09 GMT", "Mon May  6 07:08:09 2024"} {
			ask(path, "If-Modified-Since: "+when)
		}
	}
	ask("/file.html", "If-Unmodified-Since: "+at)
	ask("/file.html", "If-Unmodified-Since: "+after)
	refused("/file.html", "If-Unmodified-Since: "+before)
	for _, e := range []string{tag, `"x"`, "*", "W/" + tag, `"x", ` + tag, `"x",W/` + tag, tag + "x", ""} {
		ask("/file.html", "If-None-Match: "+e)
	}
	for _, e := range []string{tag, "*", `"x", ` + tag} {
		ask("/file.html", "If-Match: "+e)
	}
	for _, e := range []string{`"x"`, "W/" + tag, `"x",W/` + tag, tag + "x", ""} {
		refused("/file.html", "If-Match: "+e)
	}
	ask("/file.html", "If-None-Match: "+tag, "If-Modified-Since: "+before)
	ask("/file.html", `If-None-Match: "x"`, "If-Modified-Since: "+at)
	ask("/noetag", "If-None-Match: "+tag)
	table = append(table, Asked{name: "HEAD with a range", raw: request("HEAD", "/file.html", "Range: bytes=0-3")},
		Asked{name: "HTTP/1.0 with a range", raw: "GET /file.html HTTP/1.0\r\nRange: bytes=0-3\r\n\r\n"})
	p.Compare(t, table)
}

func TestBadRequestsAreRefusedAsByNginx(t *testing.T) {
	t.Parallel()
	p := newPair(t, site(routingConf), writeContent)
	long := strings.Repeat("x", 9000)
	p.Compare(t, []Asked{
		{name: "no host", raw: "GET /exact HTTP/1.1\r\n\r\n"},
		{name: "two hosts", raw: "GET /exact HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
		{name: "empty host", raw: "GET /vars HTTP/1.1\r\nHost:\r\n\r\n"},
		{name: "bad host", raw: "GET /vars HTTP/1.1\r\nHost: a/b\r\n\r\n"},
		{name: "host with dots", raw: "GET /vars HTTP/1.1\r\nHost: a..b\r\n\r\n"},
		{name: "ipv6 host", raw: "GET /vars HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
		{name: "version 2", raw: "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
		{name: "version 1.2", raw: "GET /exact HTTP/1.2\r\nHost: a\r\n\r\n"},
		{name: "no version number", raw: "GET / HTTP/\r\n\r\n"},
		{name: "garbage", raw: "\x00\x01\x02\r\n\r\n"},
		{name: "tls hello", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"},
		{name: "lower case method", raw: "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "unknown method", raw: "BREW /exact HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "unknown method on a file", raw: "BREW /file.html HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "TRACE", raw: "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "relative target", raw: "GET exact HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "asterisk", raw: "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "uri too long", raw: "GET /" + long + " HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "field too long", raw: get("/exact", "X: "+long)},
		{name: "fields too many", raw: get("/exact", strings.Split(strings.TrimSuffix(strings.Repeat("X: "+long[:2000]+"\n", 30), "\n"), "\n")...)},
		{name: "long field that fits", raw: get("/exact", "X: "+long[:8000])},
		{name: "length is no number", raw: request("POST", "/exact", "Content-Length: x")},
		{name: "length negative", raw: request("POST", "/exact", "Content-Length: -1")},
		{name: "length too great", raw: request("POST", "/exact", "Content-Length: 99999999999999999999")},
		{name: "length twice", raw: request("POST", "/exact", "Content-Length: 1", "Content-Length: 1") + "x"},
		{name: "length and chunked", raw: request("POST", "/exact", "Content-Length: 1", "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		{name: "unknown coding", raw: request("POST", "/exact", "Transfer-Encoding: gzip")},
		{name: "chunked in 1.0", raw: "POST /exact HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{name: "chunked", raw: request("POST", "/exact", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n"},
		{name: "space in uri", raw: "GET /pre/a b HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "tab in uri", raw: "GET /pre/a\tb HTTP/1.1\r\nHost: a\r\n\r\n"},
		{name: "nul in a field", raw: get("/exact", "X: a\x00b")},
		{name: "empty field name", raw: get("/exact", ": a")},
		{name: "invalid field name", raw: get("/vars", "X_Y: ignored")},
		{name: "space before the colon", raw: get("/exact", "X : a")},
		{name: "expect something else", raw: post("/exact", "x", "Expect: miracles")},
		{name: "bare LF", raw: "GET /exact HTTP/1.1\nHost: a\n\n"},
		{name: "empty lines first", raw: "\r\n\r\n" + get("/exact")},
	})
}
