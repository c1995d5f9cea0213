package core_test

import (
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

func TestLocationSelection(t *testing.T) {
	const config = `
		location = / { echo "exact root"; }
		location / { echo "root"; }
		location /documents/ { echo "documents"; location ~ \.txt$ { echo "nested regex"; } location /documents/old/ { echo "old"; } }
		location ^~ /images/ { echo "images"; location /images/big/ { echo "big"; } }
		location ~* \.(gif|jpg|jpeg)$ { echo "picture"; }
		location ~ ^/user/(?<name>\w+)$ { echo "user $name $1"; }
		location /a { echo "a"; }
		location = /a { echo "exact a"; }
		location /ab { echo "ab"; }
		location =/b { echo "exact b"; }
		location ~^/c { echo "c"; location ~ /d { echo "c, then d"; } }
		location "/with space" { echo "space"; }
		location /dir/ { slash; echo "dir"; }
		location /e%2f { echo "escaped"; }
	`
	s := coretest.New(t, modules, config)
	for _, tt := range []struct{ path, want string }{
		{"/", "exact root"},
		{"/index.html", "root"},
		{"/documents/document.html", "documents"},
		{"/documents/x.txt", "nested regex"},
		{"/documents/1.jpg", "picture"}, // the nested location has no answer, so the outer pattern is tried
		{"/documents/old/1.jpg", "picture"},
		{"/documents/old/x", "old"},
		{"/images/1.gif", "images"}, // ^~: patterns are not tried
		{"/images/big/1.gif", "big"},
		{"/x/1.JPEG", "picture"},
		{"/user/bob", "user bob bob"},
		{"/a", "exact a"},
		{"/a/b", "a"},
		{"/abc", "ab"},
		{"/b", "exact b"},
		{"/b/", "root"},
		{"/c", "c"},
		{"/c/d", "c, then d"},
		{"/with%20space/x", "space"},
		{"/dir/x", "dir"},
		{"//a//b", "a"},
		{"/x/../a", "exact a"},
	} {
		if res := s.Get(tt.path); res.Body != tt.want {
			t.Errorf("%s: %q, want %q", tt.path, res.Body, tt.want)
		}
	}
}

func TestPrefixWithoutSlashIsRedirected(t *testing.T) {
	s := coretest.New(t, modules, `location /dir/ { slash; echo "dir"; } location "/a b/" { slash; echo x; }
		location ~ dir { echo "pattern"; }`)
	for _, tt := range []struct{ path, location string }{
		{"/dir", "http://localhost/dir/"},
		{"/dir?x=1", "http://localhost/dir/?x=1"},
		{"/a%20b", "http://localhost/a%20b/"},
	} {
		res := s.Get(tt.path)
		if res.Status != 301 || res.Header.Get("Location") != tt.location {
			t.Errorf("%s: %d %q, want 301 %q", tt.path, res.Status, res.Header.Get("Location"), tt.location)
		}
	}
}

func TestLocationErrors(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{"location /a { }\nlocation /a { }", `duplicate location "/a" in nginx.conf:2`},
		{"location /a { }\nlocation ^~ /a { }", `duplicate location "/a" in nginx.conf:2`},
		{"location = /a { }\nlocation = /a { }", `duplicate location "/a" in nginx.conf:2`},
		{"location = /a { location /ab { } }", `location "/ab" cannot be inside the exact location "/a" in nginx.conf:1`},
		{"location /a { location /b { } }", `location "/b" is outside location "/a" in nginx.conf:1`},
		{"location @a { location /b { } }", `location "/b" cannot be inside the named location "@a" in nginx.conf:1`},
		{"location /a { location @b { } }", `named location "@b" can be on the server level only in nginx.conf:1`},
		{"location ! /a { }", `invalid location modifier "!" in nginx.conf:1`},
		{"location a b c { }", `invalid number of arguments in "location" directive in nginx.conf:1`},
		{"location ~ x { limit_except FOO { } }", `invalid method "FOO" in nginx.conf:1`},
	} {
		if got := coretest.LoadError(t, modules, tt.config); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.config, got, tt.want)
		}
	}
}

func TestLimitExcept(t *testing.T) {
	s := coretest.New(t, modules, `location / { echo "all"; limit_except GET POST { echo "limited"; } }`)
	for method, want := range map[string]string{"GET": "all", "HEAD": "", "POST": "all", "PUT": "limited", "DELETE": "limited", "FOO": "limited"} {
		if res := s.Do(coretest.Message(method, "/", "")); res.Body != want {
			t.Errorf("%s: %q, want %q", method, res.Body, want)
		}
	}
}

func TestInternalLocations(t *testing.T) {
	s := coretest.New(t, modules, `location /in { internal; echo "inside"; location /in/deep { echo deep; } }
		location /go { goto /in?x; }
		location /named { goto @n; }
		location @n { echo "named $uri $args"; }
		location /nowhere { goto @nowhere; }
		location /loop { goto /loop; }`)
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/in", 404, ""}, {"/in/deep", 404, ""}, {"/go", 200, "inside"}, {"/named?a=b", 200, "named /named a=b"},
		{"/nowhere", 500, ""}, {"/loop", 500, ""},
	} {
		res := s.Get(tt.path)
		if res.Status != tt.status || tt.body != "" && res.Body != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.path, res.Status, res.Body, tt.status, tt.body)
		}
	}
	res := s.Get("/loop")
	want := `[error] rewrite or internal redirection cycle while internally redirecting to "/loop", client: 127.0.0.1, server: , request: "GET /loop HTTP/1.1", host: "localhost"`
	if len(res.Log) != 1 || res.Log[0] != want {
		t.Errorf("log %q", res.Log)
	}
	if res := s.Get("/nowhere"); len(res.Log) != 1 || res.Log[0][:54] != `[error] could not find named location "@nowhere", clie` {
		t.Errorf("log %q", res.Log)
	}
}

func TestServerSelection(t *testing.T) {
	s := coretest.New(t, modules, `
		server { listen 80 default_server; location / { echo "default"; } }
		server { server_name example.org www.example.org; location / { echo "exact $server_name"; } }
		server { server_name *.example.org; location / { echo "head"; } }
		server { server_name *.sub.example.org; location / { echo "longer head"; } }
		server { server_name www.example.*; location / { echo "tail"; } }
		server { server_name mail.*; location / { echo "mail"; } }
		server { server_name .both.net; location / { echo "both"; } }
		server { server_name ~^v(?<ver>\d+)\.example\.com$; location / { echo "regex $ver"; } }
		server { server_name ~example\.com$; location / { echo "second regex"; } }
		server { server_name ""; location / { echo "shadowed"; } }
		server { listen 127.0.0.1:80; server_name example.org; location / { echo "loopback"; } }
		server { listen 8080; location / { echo "8080"; } }
	`)
	s.Local = addr("10.0.0.1:80")
	for _, tt := range []struct{ host, want string }{
		{"example.org", "exact example.org"},
		{"WWW.Example.ORG", "exact example.org"},
		{"example.org:80", "exact example.org"},
		{"example.org.", "exact example.org"},
		{"a.example.org", "head"},
		{"a.b.example.org", "head"},
		{"a.sub.example.org", "longer head"},
		{"www.example.de", "tail"},
		{"www.example.co.uk", "tail"},
		{"mail.x.y", "mail"},
		{"both.net", "both"},
		{"x.both.net", "both"},
		{"v12.example.com", "regex 12"},
		{"vx.example.com", "second regex"},
		{"other", "default"},
	} {
		res := s.Do("GET / HTTP/1.1\r\nHost: " + tt.host + "\r\n\r\n")
		if res.Body != tt.want {
			t.Errorf("%s: %q, want %q", tt.host, res.Body, tt.want)
		}
	}
	if res := s.Do("GET / HTTP/1.0\r\n\r\n"); res.Body != "default" { // whose name is "" too, and comes first
		t.Errorf("no host: %q", res.Body)
	}
	s.Local = addr("127.0.0.1:80")
	if res := s.Do("GET / HTTP/1.1\r\nHost: x\r\n\r\n"); res.Body != "loopback" {
		t.Errorf("loopback: %q", res.Body)
	}
	s.Local = addr("127.0.0.1:8080")
	if res := s.Do("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"); res.Body != "8080" {
		t.Errorf("8080: %q", res.Body)
	}
}

func TestAbsoluteTargetChoosesTheServer(t *testing.T) {
	s := coretest.New(t, modules, `server { server_name a; location / { echo "a $host"; } } server { server_name b; location / { echo "b $host"; } }`)
	if res := s.Do("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n"); res.Body != "b b" {
		t.Errorf("%q", res.Body)
	}
}

func TestConflictingNamesAreWarnedOf(t *testing.T) {
	got := coretest.Warnings(t, modules, `server { server_name a *.b; } server { server_name a .b; } server { listen 81; server_name a; }`)
	want := []string{`conflicting server name "a" on 0.0.0.0:80, ignored`, `conflicting server name ".b" on 0.0.0.0:80, ignored`}
	equalLines(t, got, want)
}

var _ = core.OK
