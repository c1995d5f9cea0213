package grpc

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
)

// asNginx are configurations that Debian's nginx knows everything of. What it says of them, hearth says too.
var asNginx = []string{
	// grpc_pass
	"location / { grpc_pass; }", "location / { grpc_pass a b; }",
	"location / { grpc_pass 127.0.0.1:9; grpc_pass 127.0.0.1:9; }",
	"location / { grpc_pass http://127.0.0.1; }", "location / { grpc_pass grpc:127.0.0.1; }",
	"location / { grpc_pass grpc://; }", "location / { grpc_pass ''; }",
	"location / { grpc_pass 127.0.0.1; }", "location / { grpc_pass grpc://127.0.0.1; }", "location / { grpc_pass GRPC://127.0.0.1; }",
	"location / { grpc_pass grpcs://127.0.0.1; }", "location / { grpc_pass GRPCS://127.0.0.1; }", "location / { grpc_pass GRPCS://127.0.0.1:9; }",
	"location / { grpc_pass 127.0.0.1:9/x; }", "location / { grpc_pass grpc://127.0.0.1:9/; }", "location / { grpc_pass grpc://127.0.0.1:9?a; }",
	"location / { grpc_pass unix:/tmp/x; }", "location / { grpc_pass grpc://unix:/tmp/x; }",
	"location / { grpc_pass $host; }", "location / { grpc_pass grpc://$host:1; }", "location / { grpc_pass $nosuch; }",
	"location / { grpc_pass nosuchhost.invalid; }", "location / { grpc_pass nosuchhost.invalid:1; }",
	"location / { grpc_pass 127.0.0.1:0; }", "location / { grpc_pass 127.0.0.1:99999; }", "location / { grpc_pass [::1]:1; }", "location / { grpc_pass [::1]; }",
	"location ~ x { grpc_pass 127.0.0.1:9; }", "location / { if ($host) { grpc_pass 127.0.0.1:9; } }",
	"location / { limit_except GET { grpc_pass 127.0.0.1:9; } }", "grpc_pass 127.0.0.1:9;",

	// the rest
	"grpc_buffering off;", "grpc_send_lowat 1;", "grpc_headers_hash_max_size 512;", "grpc_ignore_client_abort on;", "grpc_limit_rate 1;",
	"grpc_next_upstream updating;", "grpc_next_upstream http_404 off;", "grpc_next_upstream error error;", "grpc_next_upstream x;", "grpc_next_upstream;",
	"grpc_next_upstream_tries x;", "grpc_next_upstream_timeout x;",
	"grpc_ignore_headers Vary;", "grpc_ignore_headers x;", "grpc_ignore_headers X-Accel-Redirect X-Accel-Charset;",
	"grpc_set_header a;", "grpc_set_header a b; grpc_set_header a c;", "grpc_set_header a $nosuch;",
	"grpc_hide_header;", "grpc_hide_header a b;", "grpc_pass_header Server;",
	"grpc_buffer_size 0;", "grpc_buffer_size x;", "grpc_buffer_size 1k; grpc_buffer_size 1k;",
	"grpc_connect_timeout x;", "grpc_read_timeout 0;", "grpc_send_timeout 1h 1m;",
	"grpc_bind 127.0.0.1;", "grpc_bind x;", "grpc_bind off;", "grpc_bind 127.0.0.1 transparent;", "grpc_socket_keepalive on;", "grpc_socket_keepalive x;",
	"grpc_intercept_errors on;", "grpc_intercept_errors x;",
	"grpc_ssl_verify on;", "grpc_ssl_verify_depth x;", "grpc_ssl_protocols x;",
	"grpc_ssl_name $nosuch;", "grpc_ssl_session_reuse off;",
}

func TestConfigurationsAreJudgedAsByNginx(t *testing.T) {
	for _, config := range asNginx {
		want := nginxtest.Check(t, config)
		got := coretest.LoadError(t, modules, config)
		if got == "" {
			got = strings.Join(coretest.Warnings(t, modules, config), "\n")
		}
		if got != want {
			t.Errorf("%s\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}

func TestRequestsAreSentAsByNginx(t *testing.T) {
	p := pair(t, `
		upstream named { server BACKEND; }
		server {
			listen 80;
			location / { grpc_pass BACKEND; }
			location /named { grpc_pass grpc://named; }
			location /set { grpc_pass named; grpc_set_header X-Set "$request_method-$http_x_a"; grpc_set_header X-Empty ""; grpc_set_header X-B ""; }
			location /te { grpc_pass named; grpc_set_header TE trailers; }
			location /note { grpc_pass named; grpc_set_header TE ""; }
			location /unmeasured { grpc_pass named; grpc_set_header Content-Length ""; }
			location /moved/ { rewrite ^/moved/(.*) /$1?x=1 break; grpc_pass named; }
			location /inner { grpc_set_header X-In yes; if ($http_x_a) { set $x 1; } grpc_pass named; }
			location /var { grpc_pass $http_x_to; }
		}`)
	p.follow(unary)
	for _, request := range []string{
		coretest.Get("/"),
		coretest.Get("/named/a%20b/%2F/../c?d=%20e&f"),
		coretest.Get("/?q"),
		coretest.Message("POST", "/s/Method", "abc", "TE: trailers", "Content-Type: application/grpc", "grpc-timeout: 100m"),
		coretest.Message("POST", "/s/Method", "abc", "TE: gzip, Trailers"),
		coretest.Message("POST", "/s/Method", "abc", "TE: gzip"),
		coretest.Message("POST", "/", "", "Content-Length: 0"),
		coretest.Message("PUT", "/", strings.Repeat("long ", 10000)),
		coretest.Get("/set", "X-A: a", "X-B: b", "X-Set: client", "X-Empty: e", "X-C: c", "X-C: d"),
		coretest.Get("/te"),
		coretest.Get("/note", "TE: trailers"),
		coretest.Message("POST", "/unmeasured", "abc"),
		coretest.Get("/moved/%41%20b"),
		coretest.Get("/moved/a?b=c"),
		coretest.Get("/inner", "X-A: a"),
		coretest.Get("/a", "Connection: x", "Keep-Alive: y", "Upgrade: z", "Cookie: a=b", "Cookie: c=d", "Authorization: secret", "Referer: r"),
		coretest.Message("HEAD", "/head", ""),
		coretest.Message("OPTIONS", "/o", ""),
	} {
		p.nginx.Do(request)
		p.hearth.Do(request)
		if theirs, ours := p.last(); ours.sent() != theirs.sent() {
			t.Errorf("%.200s\n hearth:\n%.600s\n nginx:\n%.600s", request, ours.sent(), theirs.sent())
		}
	}
}

// answers are what a server may say to a request. What nginx makes of it, hearth does too.
var answers = []struct {
	name   string
	answer func(q *call)
	words  string // nginx's of an invalid response, where hearth has others
}{
	{"a call of one message", unary, ""},
	{"an error without a message", func(q *call) {
		q.head(true, ":status: 200", "content-type: application/grpc", "grpc-status: 5", "grpc-message: none")
	}, ""},
	{"a head, and an error behind it", func(q *call) {
		q.head(false, ":status: 200", "content-type: application/grpc", "x-a: b")
		q.head(true, "grpc-status: 5")
	}, ""},
	{"fields that are not passed on", func(q *call) {
		q.head(false, ":status: 200", "server: s", "date: d", "x-accel-expires: 1", "x-pad: p", "x-other: o", "set-cookie: a", "set-cookie: b")
		q.data(true, "x")
	}, ""},
	{"a length", func(q *call) { q.head(false, ":status: 200", "content-length: 3"); q.data(true, "abc") }, ""},
	{"no body", func(q *call) { q.head(true, ":status: 204") }, ""},
	{"an error status", func(q *call) { q.head(true, ":status: 500", "content-type: application/grpc") }, ""},
	{"a redirect", func(q *call) { q.head(true, ":status: 302", "location: http://elsewhere/") }, ""},
	{"reset", func(q *call) { q.reset(http2.ErrCodeCancel) }, ""},
	{"refused", func(q *call) { q.reset(http2.ErrCodeRefusedStream) }, ""},
	{"no status", func(q *call) { q.head(true, "content-type: x") }, "upstream sent no :status header"},
	{"a name in upper case", func(q *call) { q.head(true, ":status: 200", "X-Upper: x") }, "upstream sent invalid header"},
	{"a head that is too big", func(q *call) { q.head(true, ":status: 200", "x-big: "+strings.Repeat("x", 9000)) }, ""},
}

func TestAnswersArePassedOnAsByNginx(t *testing.T) {
	p := pair(t, `location / { grpc_pass BACKEND; grpc_next_upstream off; }
		location /pass { grpc_pass BACKEND; grpc_pass_header Server; grpc_hide_header X-Other; }
		location /intercept { grpc_pass BACKEND; grpc_intercept_errors on; error_page 500 = @answer; }
		location @answer { return 200 "answered"; }`)
	for _, test := range answers {
		for _, path := range []string{"/", "/pass", "/intercept"} {
			p.follow(test.answer)
			theirs, ours := p.nginx.Get(path, "TE: trailers"), p.hearth.Get(path, "TE: trailers")
			if p.nginx.Log(); ours.Status != theirs.Status {
				t.Errorf("%s: %s: %d, nginx %d", test.name, path, ours.Status, theirs.Status)
				continue
			}
			if got, want := plain(ours.Header), plain(theirs.Header); !slices.Equal(got, want) {
				t.Errorf("%s: %s:\n hearth %q\n nginx  %q", test.name, path, got, want)
			}
			if got, want := plain(ours.Trailer), plain(theirs.Trailer); !slices.Equal(got, want) {
				t.Errorf("%s: %s: trailers %q, nginx %q", test.name, path, got, want)
			}
			if ours.Status < 300 && ours.Body != theirs.Body {
				t.Errorf("%s: %s: body %q, nginx %q", test.name, path, ours.Body, theirs.Body)
			}
		}
	}
}

// plain are fields in an order and writing that does not depend on who sent them, without those of a server or of HTTP/1.
func plain(h coretest.Header) (list []string) {
	for _, line := range h {
		name, value, _ := strings.Cut(line, ": ")
		switch name = strings.ToLower(name); name {
		case "server", "date":
			if len(value) > 1 { // nobody's but our own
				continue
			}
		case "connection", "transfer-encoding":
			continue
		case "content-length":
			if value != "0" && value != "3" { // of an error page that names its server
				continue
			}
		}
		list = append(list, name+": "+value)
	}
	slices.Sort(list)
	return list
}

func TestFailuresAreLoggedAsByNginx(t *testing.T) {
	p := pair(t, `location / { grpc_pass BACKEND; grpc_next_upstream off; }
		location /dead { grpc_pass 127.0.0.1:1; }`)
	log := func(lines []string) string {
		for _, line := range slices.Backward(lines) { // before the last are tries that were repeated
			if at := strings.Index(line, ", client: "); at >= 0 && strings.Contains(line, "upstream") {
				return line[:at]
			}
		}
		return ""
	}
	p.nginx.Get("/dead")
	theirs, ours := log(p.nginx.Log()), log(p.hearth.Get("/dead").Log)
	if ours != theirs || ours == "" {
		t.Errorf("a dead server:\n hearth %s\n nginx  %s", ours, theirs)
	}
	for _, test := range answers {
		p.follow(test.answer)
		p.nginx.Get("/")
		theirs, ours := log(p.nginx.Log()), log(p.hearth.Get("/").Log)
		if test.words != "" {
			if !strings.HasPrefix(theirs, "[error] "+test.words) || !strings.HasPrefix(ours, "[error] upstream sent ") {
				t.Errorf("%s:\n hearth %s\n nginx  %s", test.name, ours, theirs)
			}
			continue
		}
		if ours != theirs {
			t.Errorf("%s:\n hearth %s\n nginx  %s", test.name, ours, theirs)
		}
	}
}
