package core_test

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

func TestBuiltInPages(t *testing.T) {
	s := coretest.New(t, modules, `
		location /404 { answer 404; }
		location /off { server_tokens off; answer 404; }
		location /own { server_tokens "mine $uri"; answer 404; }
		location /413 { answer 413; }
		location /494 { answer 494; }
		location /497 { answer 497; }
		location /498 { answer 498; }
		location /599 { answer 599; }
		location /204 { answer 204; }
		location /201 { answer 201; }
		location /444 { answer 444; }
		location /499 { answer 499; }`)
	page := func(title, h1, more, tail string) string {
		return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + h1 + "</h1></center>\r\n" + more +
			"<hr><center>" + tail + "</center>\r\n</body>\r\n</html>\r\n"
	}
	full := "hearth/" + core.Version
	for _, tt := range []struct {
		path          string
		status        int
		body          string
		keep, aborted bool
	}{
		{"/404", 404, page("404 Not Found", "404 Not Found", "", full), true, false},
		{"/off", 404, page("404 Not Found", "404 Not Found", "", "hearth"), true, false},
		{"/own", 404, page("404 Not Found", "404 Not Found", "", "mine /own"), true, false},
		{"/413", 413, page("413 Request Entity Too Large", "413 Request Entity Too Large", "", full), false, false},
		{"/494", 400, page("400 Request Header Or Cookie Too Large", "400 Bad Request", "<center>Request Header Or Cookie Too Large</center>\r\n", full), true, false},
		{"/498", 498, page("404 Not Found", "404 Not Found", "", full), true, false},
		{"/497", 400, page("400 The plain HTTP request was sent to HTTPS port", "400 Bad Request", "<center>The plain HTTP request was sent to HTTPS port</center>\r\n", full), false, false},
		{"/599", 599, "", true, false},
		{"/204", 204, "", true, false},
		{"/201", 201, "", true, false},
		{"/444", 0, "", false, true},
		{"/499", 0, "", false, true},
	} {
		res := s.Get(tt.path)
		if res.Status != tt.status || res.Body != tt.body || res.KeepAlive != tt.keep || res.Aborted != tt.aborted || res.Complete == tt.aborted {
			t.Errorf("%s: %+v", tt.path, res)
		}
	}
	if res := s.Get("/404", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)"); !strings.HasSuffix(res.Body, "</html>\r\n"+strings.Repeat("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n", 6)) {
		t.Errorf("no padding: %q", res.Body)
	}
	if res := s.Do(coretest.Message("HEAD", "/404", "")); res.Body != "" || res.Header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %+v", res)
	}
}

func TestErrorPages(t *testing.T) {
	s := coretest.New(t, modules, `
		error_page 404 /missing.html;
		error_page 500 502 =200 /sorry?from=$uri;
		error_page 403 = @forbidden;
		error_page 405 http://example.com/405;
		error_page 406 =301 http://example.com/$uri;
		error_page 410 =410 /gone?a;
		error_page 411 /loop;
		location / { echo "$uri $args $request_method"; }
		location /404 { answer 404; }
		location /500 { answer 500; }
		location /502 { answer 502; }
		location /403 { answer 403; }
		location @forbidden { echo "forbidden $uri"; }
		location /405 { answer 405; }
		location /406 { answer 406; }
		location /410 { answer 410; }
		location /411 { answer 411; }
		location /loop { answer 411; }
		location /sub { error_page 404 =202 /else; location /sub/404 { answer 404; } location /sub/500 { answer 500; } }
		location /rec { recursive_error_pages on; error_page 404 /rec2; answer 404; }
		location /rec2 { error_page 403 =299 /end; recursive_error_pages on; answer 403; }
	`)
	for _, tt := range []struct {
		path, location, body string
		status               int
	}{
		{"/404", "", "/missing.html  GET", 404},
		{"/500", "", "/sorry from=/500 GET", 200},
		{"/502", "", "/sorry from=/502 GET", 200},
		{"/403", "", "forbidden /403", 200},
		{"/405", "http://example.com/405", "*", 302},
		{"/406", "http://example.com//406", "*", 301},
		{"/410", "", "/gone a GET", 410},
		{"/411", "", "*", 411},
		{"/sub/404", "", "/else  GET", 202},
		{"/sub/500", "", "*", 500}, // error_page of its own level replaces all of the outer ones
		{"/rec", "", "/end  GET", 299},
	} {
		for _, method := range []string{"GET", "POST"} {
			res := s.Do(coretest.Message(method, tt.path, ""))
			if res.Status != tt.status || tt.body != "*" && res.Body != tt.body || res.Header.Get("Location") != tt.location {
				t.Errorf("%s %s: %d %q %q", method, tt.path, res.Status, res.Header.Get("Location"), res.Body)
			}
		}
	}
}

func TestErrorPageErrors(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"404", `invalid number of arguments in "error_page" directive in nginx.conf:1`},
		{"abc /x", `invalid value "abc" in nginx.conf:1`},
		{"499 /x", `invalid value "499" in nginx.conf:1`},
		{"200 /x", `value "200" must be between 300 and 599 in nginx.conf:1`},
		{"404 =x /x", `invalid value "=x" in nginx.conf:1`},
	} {
		if got := coretest.LoadError(t, modules, "error_page "+tt.args+";"); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.args, got, tt.want)
		}
	}
}

func TestRedirectsAreMadeAbsolute(t *testing.T) {
	for _, tt := range []struct{ config, local, host, want string }{
		{"", "127.0.0.1:80", "a.b", "http://a.b/d/"},
		{"", "127.0.0.1:8080", "a.b:99", "http://a.b:8080/d/"},
		{"port_in_redirect off;", "127.0.0.1:8080", "a.b", "http://a.b/d/"},
		{"server_name one two; server_name_in_redirect on;", "127.0.0.1:80", "a.b", "http://one/d/"},
		{"absolute_redirect off;", "127.0.0.1:80", "a.b", "/d/"},
		{"", "127.0.0.1:80", "", "http://127.0.0.1/d/"},
		{"", "[::1]:80", "", "http://[::1]/d/"},
	} {
		s := coretest.New(t, modules, "listen 80; listen 8080; listen [::1]:80; location /d/ { slash; }"+tt.config)
		s.Local = addr(tt.local)
		request := "GET /d HTTP/1.0\r\nHost: " + tt.host + "\r\n\r\n"
		if tt.host == "" {
			request = "GET /d HTTP/1.0\r\n\r\n"
		}
		if got := s.Do(request).Header.Get("Location"); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestMSIERefresh(t *testing.T) {
	res := coretest.Run(t, modules, "msie_refresh on; location /d/ { slash; }", coretest.Get("/d?a&b", "User-Agent: MSIE 5.01"))
	want := `<html><head><meta http-equiv="Refresh" content="0; URL=/d/?a&b"></head><body></body></html>` + "\r\n"
	if res.Status != 200 || res.Body != want {
		t.Errorf("%+v", res)
	}
}
