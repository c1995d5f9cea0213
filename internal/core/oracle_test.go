package core_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// startNginx runs Debian's nginx on a unix socket with the locations of a server, and returns the socket's path. The
// test is skipped where there is no nginx.
func startNginx(t *testing.T, server string) string {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "logs"), 0o755)
	socket := filepath.Join(dir, "s")
	config := "daemon off; master_process off; error_log stderr; pid " + dir + "/pid;\nevents { }\nhttp { access_log off;\n" +
		"client_body_temp_path " + dir + "/1; proxy_temp_path " + dir + "/2; fastcgi_temp_path " + dir + "/3; uwsgi_temp_path " + dir + "/4; scgi_temp_path " + dir + "/5;\n" +
		strings.ReplaceAll(server, "SOCKET", "unix:"+socket) + "\n}\n"
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-e", "stderr", "-c", file)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(5 * time.Second); ; {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return socket
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not answer: %s", stderr.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// askNginx sends a request and returns status, Location and body.
func askNginx(t *testing.T, socket, request string) (status, location, body string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	head, rest, _ := strings.Cut(request, "\r\n\r\n")
	io.WriteString(c, head+"\r\nConnection: close\r\n\r\n"+rest)
	answer, _ := io.ReadAll(c)
	head, body, _ = strings.Cut(string(answer), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	for _, line := range lines[1:] {
		if name, value, _ := strings.Cut(line, ": "); name == "Location" {
			location = value
		}
	}
	if words := strings.Fields(lines[0]); len(words) > 1 {
		status = words[1]
	}
	return status, location, body
}

// TestVariablesAreNginxs asks nginx and core for the same values.
func TestVariablesAreNginxs(t *testing.T) {
	const values = "uri=$uri|document_uri=$document_uri|args=$args|qs=$query_string|is_args=$is_args|request_uri=$request_uri|" +
		"request=$request|method=$request_method|host=$host|http_host=$http_host|server=$server_name|proto=$server_protocol|scheme=$scheme|https=$https|" +
		"length=$content_length|type=$content_type|user=$remote_user|pipe=$pipe|cl=$limit_rate|a=$arg_a|b=$arg_B|c=$arg_c_d|" +
		"cookie=$http_cookie|one=$cookie_one|two=$cookie_two|xf=$http_x_forwarded_for|ua=$http_user_agent|x=$http_x_thing|none=$http_none|" +
		"port=$server_port|rport=$remote_port|remote=$remote_addr|bin=$binary_remote_addr|root=$document_root|file=$request_filename|completion=$request_completion|sent=$sent_http_x"
	server := func(echo string) string {
		return `server { listen SOCKET default_server; server_name first.example second;
			root /srv/www/;
			location / { ` + echo + ` "` + values + `"; }
			location /alias/ { alias /data/; ` + echo + ` "$request_filename $document_root"; }
			location ~ ^/re/(.*)\.(\w+)$ { alias /d/$1; ` + echo + ` "$1 $2 $request_filename"; }
			location = /exact { ` + echo + ` "exact $uri"; } }
			server { listen SOCKET; server_name other *.wild.org ~^re(?<n>\d+)\.; location / { ` + echo + ` "other $server_name $n $host"; } }`
	}
	socket := startNginx(t, strings.ReplaceAll(server("return 200"), "listen SOCKET default_server", "listen SOCKET default_server"))
	s := coretest.New(t, modules, strings.ReplaceAll(server("echo"), "SOCKET", "unix:"+socket))
	s.Remote = conn.Addr{}
	for _, request := range []string{
		coretest.Get("/"),
		coretest.Get("/a%20b/../c//d/./e?x=1&y#z"),
		coretest.Get("/?"),
		coretest.Get("/x?a=1&A=2&b=3&c_d=4&c-d=5"),
		coretest.Get("/x?xa=1&&a&a=&b=%41"),
		coretest.Get("/", "Host: Second:8080"),
		coretest.Get("/", "Host: OTHER."),
		coretest.Get("/", "Host: x.wild.org"),
		coretest.Get("/", "Host: re12.x"),
		coretest.Get("/", "Host: [::1]:80"),
		coretest.Get("/", "Cookie: one=1; two=2; ONE=3"),
		coretest.Get("/", "Cookie: xone=1;two =2", "Cookie: one=later"),
		coretest.Get("/", "cookie: oneone; one"),
		coretest.Get("/", "X-Forwarded-For: 1", "x-forwarded-for: 2", "X-Thing: a", "User-Agent: me"),
		coretest.Get("/", "Authorization: Basic dXNlcjpwYXNz"),
		coretest.Get("/", "Authorization: basic dXNlcg=="),
		coretest.Get("/", "Authorization: Basic !!"),
		coretest.Get("/", "Authorization: Bearer dXNlcjpwYXNz"),
		coretest.Message("POST", "/", "abc", "Content-Type: text/x"),
		coretest.Get("/alias/x/y"), coretest.Get("/re/one/two.txt"), coretest.Get("/exact"), coretest.Get("/exact/"),
		"GET http://other/x?y HTTP/1.1\r\nHost: second\r\n\r\n",
		"HEAD / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		coretest.Get("/..%2f"), coretest.Get("/%00"), coretest.Get("/%zz"), coretest.Get("/a/%2e%2e/b"),
		"GET / HTTP/1.1\r\n\r\n",
		"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
		coretest.Get("/", "Host: a/b"),
		coretest.Get("/", "Host: a", "Host: b"),
		"FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		status, _, body := askNginx(t, socket, request)
		res := s.Do(request)
		if status >= "400" {
			body = res.Body // built-in pages are compared elsewhere
		}
		if got := digits(res.Status); got != status || res.Body != body {
			t.Errorf("%q\nhearth %s %s\n nginx %s %s", request, got, res.Body, status, body)
		}
	}
}

// TestRoutingIsNginxs sends requests through both with the same locations and error pages. `answer` is `return` in nginx.
func TestRoutingIsNginxs(t *testing.T) {
	const locations = `
		error_page 404 /missing; error_page 405 = /missing; error_page 406 =409 /missing?a=b; error_page 410 =200 @named;
		error_page 500 502 http://x/$uri; error_page 501 =307 /50x; error_page 503 =308 https://y/; error_page 411 /in; error_page 412 =204 /empty;
		error_page 416 $arg_page; error_page 417 =402 $arg_page;
		location / { ECHO "/ $uri $args"; }
		location /missing { ECHO "missing $uri $args $request_method $status"; }
		location @named { ECHO "named $uri $args"; }
		location = /empty { answer 204; }
		location /in { internal; ECHO "internal"; location /in/a { ECHO "inner"; } location ~ /in/b { ECHO "inner re"; } }
		location /docs/ { ECHO "docs"; location /docs/x { ECHO "docs x"; } location ~ z$ { ECHO "docs z"; } location = /docs/q { ECHO "docs q"; } }
		location ^~ /static { ECHO "static"; location ~ y$ { ECHO "static y"; } location /static/deep/ { ECHO "deep"; } }
		location ~ ^/re { ECHO "re"; location ~ ^/re/in { ECHO "re in"; } }
		location ~* \.PHP$ { ECHO "php $uri"; }
		location ~ \.(?<ext>t[a-z]t)$ { ECHO "ext $ext $1"; }
		location = /docs/old.php { ECHO "exact old"; }
		location /docs/old { ECHO "old"; }
		location /e404 { answer 404; } location /e405 { answer 405; } location /e406 { answer 406; } location /e410 { answer 410; }
		location /e500 { answer 500; } location /e501 { answer 501; } location /e502 { answer 502; } location /e503 { answer 503; } location /e50x { answer 501; }
		location /e411 { answer 411; } location /e412 { answer 412; } location /e416 { answer 416; } location /e417 { answer 417; }
		location /e403 { answer 403; } location /e400 { answer 400; } location /e413 { answer 413; } location /e494 { answer 494; } location /e429 { answer 429; }
		location /e508 { answer 508; } location /e430 { answer 430; } location /e418 { answer 418; } location /e599 { answer 599; } location /e421 { answer 421; }
		location /own { error_page 404 =200 /own2; location /own/404 { answer 404; } location /own/405 { answer 405; } }
		location /none { error_page 418 /x; location /none/404 { answer 404; } }
		location /rec { recursive_error_pages on; error_page 404 /rec/2; answer 404; }
		location /rec/2 { recursive_error_pages on; error_page 403 /rec/3; answer 403; }
		location /rec/3 { ECHO "third $status"; }
		location /selfloop { recursive_error_pages on; error_page 404 /selfloop; answer 404; }
	`
	socket := startNginx(t, "server { listen SOCKET; "+strings.ReplaceAll(strings.ReplaceAll(locations, "ECHO", "return 200"), "answer", "return")+" }")
	s := coretest.New(t, modules, "listen unix:"+socket+";"+strings.ReplaceAll(locations, "ECHO", "echo"))
	s.Remote = conn.Addr{}
	for _, path := range strings.Fields(`/ /x /missing /in /in/a /in/b /docs /docs/ /docs/x /docs/xz /docs/q /docs/q/ /docs/qz /docs/a.php /docs/old.php
		/docs/old/a /docs/oldz /static /static/y /static/x.php /static/deep/x /static/deep/y /re /re/in /re/x.php /a.PhP /a.txt /a.tat?x /empty
		/e404?x /e405 /e406?q /e410?q /e500 /e501 /e502 /e503 /e50x /e411 /e412 /e416?page=/docs/?k=v /e416?page=@named /e416?page= /e416 /e417?page=http://z/
		/e403 /e400 /e413 /e494 /e429 /e508 /e430 /e418 /e599 /e421 /own/404 /own/405 /none/404 /rec /rec/2 /selfloop`) {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			request := coretest.Message(method, path, "")
			status, location, body := askNginx(t, socket, request)
			res := s.Do(request)
			body = strings.ReplaceAll(body, "nginx/1.22.1", "hearth/"+core.Version)
			if got := digits(res.Status); got != status || res.Body != body || res.Header.Get("Location") != location {
				t.Errorf("%s %s\nhearth %s %q %s\n nginx %s %q %s", method, path, got, res.Header.Get("Location"), res.Body, status, location, body)
			}
		}
	}
}

// "An error response will be handled with the error_page directive in the server that currently fulfills the request"
// (nginx's documentation, Server names): the default server, until the request line or the Host field has named another.
// From there on that server also says which fields are taken.
func TestRefusalsAreThoseOfTheServerWhoseTurnItIs(t *testing.T) {
	const servers = `
		server { listen SOCKET default_server; server_name first; error_page 400 414 494 505 @e; error_page 405 501 /page;
			location / { ECHO "first $uri $http_a_b"; } location @e { ECHO "first $host $server_name $uri $args $request_method $server_protocol"; }
			location = /page { ECHO "first's page"; } }
		server { listen SOCKET; server_name other *.wild ~^re(?<n>\d)$; error_page 400 414 494 505 @e; underscores_in_headers on; large_client_header_buffers 4 16k;
			location / { ECHO "other $uri $http_a_b"; } location @e { ECHO "other $host $server_name $uri $args $request_method $server_protocol $n"; } }
		server { listen SOCKET; server_name ""; error_page 400 @e; location / { ECHO "nameless"; } location @e { ECHO "nameless $host"; } }`
	socket := startNginx(t, strings.ReplaceAll(servers, "ECHO", "return 200"))
	s := coretest.New(t, modules, "http {"+strings.ReplaceAll(strings.ReplaceAll(servers, "ECHO", "echo"), "SOCKET", "unix:"+socket)+"}")
	s.Remote = conn.Addr{}
	long := "X: " + strings.Repeat("x", 9000) + "\r\n"
	for _, host := range []string{"first", "other", "Other", "a.wild", ".wild", "re5", "none"} {
		for _, request := range []string{
			"GET /a%20b?c HTTP/1.1\r\nHost: HOST\r\nX Y: z\r\n\r\n",
			"GET /a%20b?c HTTP/1.1\r\nX Y: z\r\nHost: HOST\r\n\r\n",
			"GET http://HOST/p HTTP/1.1\r\nX Y: z\r\nHost: first\r\n\r\n",
			"GET http://HOST/p HTTP/1.1\r\nHost: a/b\r\n\r\n",
			"GET http://HOST/p HTTP/1.1\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: HOST\r\n" + long + "\r\n",
			"GET / HTTP/1.1\r\n" + long + "Host: HOST\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: HOST\r\n" + strings.Repeat(long, 8) + "\r\n",
			"GET / HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: x\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: x\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: HOST\r\nA_B: c\r\n\r\n",
			"GET / HTTP/1.1\r\nA_B: c\r\nHost: HOST\r\n\r\n",
			"GET /% HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"GET / HTTP/3.0\r\nHost: HOST\r\n\r\n",
			"HEAD x HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"GET x HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"TRACE / HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"GET /? HTTP/1.1\r\nHost: HOST\r\n\r\n",
		} {
			request = strings.ReplaceAll(request, "HOST", host)
			sameAnswer(t, s, socket, request)
		}
	}
	sameAnswer(t, s, socket, "GET / HTTP/1.1\r\n\r\n")
	sameAnswer(t, s, socket, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n")
	sameAnswer(t, s, socket, "GET / HTTP/1.0\r\n\r\n")
}

func sameAnswer(t *testing.T, s *coretest.Server, socket, request string) {
	t.Helper()
	status, location, body := askNginx(t, socket, request)
	body = strings.ReplaceAll(body, "nginx/1.22.1", "hearth/"+core.Version)
	res := s.Do(request)
	if got := digits(res.Status); got != status || res.Body != body || res.Header.Get("Location") != location {
		t.Errorf("%.200q\nhearth %s %q %s\n nginx %s %q %s", request, got, res.Header.Get("Location"), res.Body, status, location, body)
	}
}
