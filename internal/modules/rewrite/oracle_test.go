package rewrite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/static"
)

var modules = []*core.Module{&Module, &static.Module}

// pair is one configuration under hearth and under nginx.
type pair struct {
	t      *testing.T
	hearth *coretest.Server
	nginx  *nginxtest.Nginx
}

func newPair(t *testing.T, config string) *pair {
	t.Helper()
	n := nginxtest.Start(t, config, files)
	s := coretest.New(t, modules, strings.ReplaceAll(config, "$ENV_DIR", n.Dir))
	s.Remote = conn.Unix("")
	files(s.Dir)
	return &pair{t, s, n}
}

// files are what file tests look at.
func files(dir string) {
	os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644)
	os.WriteFile(filepath.Join(dir, "program"), []byte("x"), 0o755)
	os.Mkdir(filepath.Join(dir, "directory"), 0o755)
}

// same sends a request to both and wants the same answer. The frontend, which leaves Content-Type out of a 204, is not here.
// It returns the body.
func (p *pair) same(request string) string {
	p.t.Helper()
	got, want := p.hearth.Do(request), p.nginx.Do(request)
	body := strings.ReplaceAll(got.Body, "hearth/"+core.Version, "nginx/1.22.1")
	wantBody := want.Body
	if got.Status != want.Status || got.Header.Get("Location") != want.Header.Get("Location") ||
		got.Status != 204 && got.Header.Get("Content-Type") != want.Header.Get("Content-Type") || body != wantBody {
		p.t.Errorf("%q\n hearth: %d %q %q\n nginx:  %d %q %q", strings.TrimSpace(request), got.Status, got.Header, body, want.Status, want.Header, want.Body)
	}
	return got.Body
}

func (p *pair) sameGet(paths ...string) {
	p.t.Helper()
	for _, path := range paths {
		p.same(coretest.Get(path))
	}
}

// sameLog asks both for a path and wants the same error log lines.
func (p *pair) sameLog(path string) {
	p.t.Helper()
	from := len(p.hearth.Log())
	p.nginx.Log()
	p.same(coretest.Get(path))
	got, want := p.hearth.Log()[from:], p.nginx.Log()
	want = slices.DeleteFunc(want, func(line string) bool {
		return strings.Contains(line, "closed keepalive connection") || strings.Contains(line, "client closed")
	})
	if !slices.Equal(got, want) {
		p.t.Errorf("%s: error log\n hearth: %q\n nginx:  %q", path, got, want)
	}
}

func TestReturnAnswersAsNginx(t *testing.T) {
	p := newPair(t, `
types { text/css css; application/json json; }
default_type text/x-other;
error_page 404 410 /page;
location /200 { return 200; }
location /text { return 200 "text of $uri"; }
location /204 { return 204; }
location /204text { return 204 "text"; }
location /301 { return 301 /there?$args; }
location /301none { return 301; }
location /302 { return 302 http://other/$http_x; }
location /303 { return 303 relative; }
location /307 { return 307 "/a b"; }
location /308 { return 308 $scheme://x/; }
location /300 { return 300; }
location /304 { return 304; }
location /url { return https://example.com$request_uri; }
location /scheme { return $scheme://example.com/; }
location /400 { return 400; }
location /403 { return 403 ""; }
location /404 { return 404; }
location /404text { return 404 "not here"; }
location /405 { return 405 $empty$host; }
location /410 { return 410; }
location /444 { return 444; }
location /503 { return 503 "{}\n"; }
location /418 { return 418; }
location /page { return 200 "the page"; }
location /299 { return 299 x; }
location /status { return 202 "$status"; }
set $empty "";
`)
	for _, path := range []string{"/200", "/200.css", "/text.json", "/text", "/204", "/204text", "/301", "/301?a=b", "/301none", "/302", "/303",
		"/307", "/308", "/300", "/304", "/url?x=%20", "/scheme", "/400", "/403", "/404", "/404text", "/405", "/410", "/444", "/503", "/418", "/299", "/status"} {
		p.sameGet(path)
		p.same(coretest.Message("POST", path, "body"))
		p.same(coretest.Message("HEAD", path, ""))
	}
}

func TestRewriteChangesTheURIAsNginx(t *testing.T) {
	p := newPair(t, `
rewrite ^/server/(.*)$ /got/$1;
rewrite ^/drop/(.*)$ /got/$1?;
rewrite ^/twice/(.*)$ /server2/$1 last;
rewrite ^/server2/(.*)$ /got/two/$1 last;
location / { return 200 "root $uri $is_args$args $request_uri"; }
location /got { return 200 "got $uri $is_args$args $1"; }
location /last { rewrite ^/last/(.*)$ /got/$1 last; return 200 "not reached"; }
location /break { rewrite ^/break/(.*)$ /got/$1 break; return 200 "not reached"; }
location /plain { rewrite ^/plain/(.*)$ /got/$1; return 200 "here $uri $1"; }
location /args { rewrite ^/args/(.*)$ /got?p=$1&q; }
location /noargs { rewrite ^/noargs/(.*)$ /got?p=$1?; }
location /two { rewrite ^/two/(.*)$ /got?a?b=$1; }
location /redirect { rewrite ^/redirect/(.*)$ /got/$1 redirect; }
location /permanent { rewrite ^/permanent/(.*)$ /got/$1?x permanent; }
location /permanentdrop { rewrite ^/permanentdrop/(.*)$ /got/$1? permanent; }
location /url { rewrite ^/url/(.*)$ http://other/$1; return 200 no; }
location /urlbreak { rewrite ^/urlbreak/(.*)$ https://other/$1 break; }
location /scheme { rewrite ^/scheme(.*)$ $scheme://other$1; }
location /encoded { rewrite ^/encoded /x%20y%2f%3fz?a=%20 redirect; }
location /zero { rewrite ^/zero/(.*)$ $1; }
location /cycle { rewrite ^(.*)$ $1; }
location /chain { rewrite ^/chain/(\d*)$ /chain/1$1; }
location /named { rewrite ^/named/(?<rest>.*)$ /got/$rest/$1; }
location /none { rewrite nothing /got; return 200 "stayed $1"; }
location ~ ^/re/(.*)/(.*)$ { rewrite ^/re/(.*)$ /q/$1; rewrite ^/q/(.)(.*)$ /got/$2/$1 last; }
location /only { rewrite ^ /got; }
location /query { rewrite ^ /got? ; }
location /var { set $to /got/v; rewrite ^/var(.*) $to$1?u=$uri; }
location /seq { rewrite ^/seq/(.*)$ /s/$1; rewrite ^/s/(.*)$ /t/$1 break; rewrite ^/t /got; return 200 "$uri"; }
location /postbreak { error_page 403 404 =200 /got; rewrite ^/postbreak/(.*)$ /got/$1; break; rewrite ^ /never; }
`)
	for _, from := range []string{"server", "drop", "twice", "last", "args", "noargs", "two", "redirect", "permanent", "permanentdrop", "plain",
		"url", "urlbreak", "scheme", "named", "none", "only", "query", "var", "postbreak"} {
		for _, rest := range []string{"/x", "/x?k=v", "/a%20b", "/a%20b?k=%20", "/a+b%3fc", "/a&b", "/%c3%a9%22", "/", "/x//y/../z"} {
			p.sameGet("/" + from + rest)
		}
	}
	p.sameGet("/encoded", "/encoded?z", "/re/ab/cd", "/re/ab/cd?x=%41", "/cycle", "/chain/", "/chain/11111")
	p.sameLog("/cycle")
	p.sameLog("/zero/")
}

func TestAnAliasCannotBeUsedForARewrittenURI(t *testing.T) {
	p := newPair(t, `
rewrite ^/server/(.*)$ /in/$1 break;
location /in/ { alias $ENV_DIR/; }
location /break/ { alias $ENV_DIR/; rewrite ^/break/(.*)$ /zz/$1 break; }
`)
	for _, path := range []string{"/server/file", "/break/file"} {
		p.sameLog(path)
	}
}

func TestSetAndBreakAsNginx(t *testing.T) {
	p := newPair(t, `
set $a server;
set $b "$a/$arg_x";
location / { return 200 "$a $b"; }
location /set { set $a location; set $c $a-$b; return 200 "$a $b $c"; }
location ~ ^/cap/(.*)$ { set $c $1; set $d "<$1>$uri"; return 200 "$c $d $1"; }
location ~ ^/caprew/(.*)$ { rewrite ^/caprew/(.*)$ /z/$1; set $c $1; break; return 200 no; }
location /args { set $args "x=1"; return 200 "$args $arg_x $request_uri"; }
location /break { set $a 1; break; set $a 2; return 200 no; }
location /if { if ($arg_x) { set $a yes; break; } set $a no; return 200 $a; }
location /prefix { set $http_x over; return 200 $http_x; }
location /self { set $e "$e+"; set $e "$e+"; return 200 "$e"; }
`)
	for _, path := range []string{"/", "/?x=1", "/set?x=%20", "/cap/a%20b", "/cap/a+b", "/cap/a&b", "/args?y", "/if?x=0", "/if", "/prefix", "/self"} {
		p.sameGet(path)
	}
	p.sameLog("/self")
}

func TestConditionsAsNginx(t *testing.T) {
	p := newPair(t, `
location /true { if ($arg_x) { return 200 true; } return 200 false; }
location /equal { if ($arg_x = a) { return 200 equal; } if ( $arg_x != "b c" ) { return 200 other; } return 200 bc; }
location /vars { if ($arg_x = $arg_y) { return 200 same; } return 200 differ; }
location /match { if ($arg_x ~ ^(a+)(b?)) { return 200 "$1 $2"; } if ($arg_x ~* C(?<rest>.*)) { return 200 "c $rest"; } return 200 "no $1"; }
location /not { if ($arg_x !~ a) { return 200 "no a $1"; } if ($arg_x !~* B) { return 200 "no b"; } return 200 both; }
location /f { if (-f $ENV_DIR$arg_x) { return 200 file; } if (!-f $ENV_DIR$arg_x) { return 200 "no file"; } }
location /d { if (-d $ENV_DIR$arg_x) { return 200 directory; } if (!-d $ENV_DIR$arg_x) { return 200 "no directory"; } }
location /e { if (-e $ENV_DIR$arg_x) { return 200 exists; } if (!-e $ENV_DIR$arg_x) { return 200 "does not"; } }
location /x { if (-x $ENV_DIR$arg_x) { return 200 runs; } if (!-x $ENV_DIR$arg_x) { return 200 "does not"; } }
location /capture { if ($arg_x ~ "^(.*)$") { set $c $1; } return 200 "$c|$1"; }
location /rewrite { if ($arg_x = 1) { rewrite ^ /true?x=$arg_x last; } if ($arg_x = 2) { rewrite ^ /y; } return 200 "$uri"; }
location /inherit {
    error_page 404 /outer;
    default_type text/x-outer;
    if ($arg_x) { error_page 404 /inner; }
    if ($arg_y) { set $dummy 1; }
    return 404;
}
location /outer { return 200 outer; }
location /inner { return 200 inner; }
if ($arg_s = 1) { return 403 "by server"; }
if ($arg_s = 2) { rewrite ^ /true?; }
`)
	values := []string{"", "?x", "?x=", "?x=0", "?x=00", "?x=1", "?x=2", "?x=a", "?x=b%20c", "?x=b c", "?x=aab", "?x=xAB", "?x=c1", "?x=Ccc", "?x=A", "?x=B",
		"?x=1&y=1", "?y=1", "?y", "?x=/file", "?x=/program", "?x=/directory", "?x=/nothing", "?x=/file/x", "?s=1", "?s=2&x=1", "?x=a%2fb+c"}
	for _, path := range []string{"/true", "/equal", "/vars", "/match", "/not", "/f", "/d", "/e", "/x", "/capture", "/rewrite", "/inherit"} {
		for _, v := range values {
			if !strings.Contains(v, " ") {
				p.sameGet(path + v)
			}
		}
	}
}

func TestRewriteLogAsNginx(t *testing.T) {
	p := newPair(t, `
rewrite_log on;
location / {
    rewrite ^/a/(.*)$ /b/$1?q=1 last;
    rewrite ^/r/(.*)$ /b/$1 redirect;
    if ($arg_x ~ a) { set $y 1; }
    if ($arg_x !~ a) { set $y 2; }
    return 200 "$y$z";
}
location /b { return 204; }
location /z { uninitialized_variable_warn off; return 200 "$z"; }
location /zz { set $z 1; return 200 "$z"; }
`)
	for _, path := range []string{"/", "/a/b?x=1", "/r/c?x=1", "/?x=a", "/z", "/zz"} {
		p.sameLog(path)
	}
}

func TestMistakesAreRefusedInNginxsWords(t *testing.T) {
	for _, config := range []string{
		"return 1000;", "return abc;", "return abc text;", "return -1;", "return 200 $;", "return 200 ${a;", "return http://x y;", "return ftp://x;", "return;",
		"return 200 a b;", "return 2x0;", "return '';",
		"rewrite a;", "rewrite a b c d;", "rewrite a b c;", "rewrite a '';", "rewrite '(' b;", "rewrite a $;", "rewrite a ${b;", "rewrite a b lasT;",
		"rewrite '[' /x;", "rewrite 'a**' /x;",
		"set a b;", "set $ b;", "set $a;", "set $a $;", "set $uri x;", "set $host x;", "set '' x;", "set $x $nosuch;", "set $a ${b;",
		"break x;", "if { }", "if () { }", "if ( ) { }", "if (a) { }", "if $x { }", "if ($x { }", "if ($uri = ) { }", "if ($uri =a) { }", "if ($uri == a) { }",
		"if ($uri = a b) { }", "if ($uri ~ '(') { }", "if ($uri ~) { }", "if (-z x) { }", "if (!-z x) { }", "if (-f) { }", "if (-f a b) { }", "if (-fx a) { }",
		"if (!$uri) { }", "if ($) { }", "if ($1 = a) { }", "if (${uri}) { }", "if ($uri = $) { }", "if (a = $uri) { }", "if ($nosuch) { }", "if (", "if ($uri) ",
		"if ($uri) { if ($uri) { } }", "if ($uri) { location / { } }", "if ($uri) { return abc; }", "if (\"\" = $uri) { }", "if ( ($uri) ) { }", "if ($uri !~~ a) { }",
		"if ($uri ! = a) { }", "if ( $uri ) { return 1000; }", "if (-f $) { }", "if () ) { }", "if ('') { }",
		"rewrite_log maybe;", "rewrite_log on; rewrite_log on;", "uninitialized_variable_warn x;",
		"set $a 1;\n\nlocation / {\n return 200\n  $b;\n}\n",
		"location / { return 200 x; return 2000; }",
	} {
		want := nginxtest.Check(t, config)
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%q\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}
