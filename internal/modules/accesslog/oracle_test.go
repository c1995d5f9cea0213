package accesslog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/rewrite"
)

var modules = []*core.Module{&rewrite.Module, &Module}

// requests are what both serve: names and values of all kinds in what is logged.
var requests = []string{
	coretest.Get("/"),
	coretest.Get("/?"),
	coretest.Get("/a%20b?x=%22y%22&z=\\", "User-Agent: Mozilla/5.0 (\"quoted\" \\ back)", "Referer: http://x/\xc3\xa9\x80"),
	coretest.Get("/\"q\"", "X-Test: \xff\xfe"),
	coretest.Get("/empty", "User-Agent:", "Referer: "),
	coretest.Get("/auth", "Authorization: Basic dXNlcjpwYXNz"),
	coretest.Get("/404"),
	coretest.Message("POST", "/", "body"),
	coretest.Message("HEAD", "/", ""),
	"GET / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"BAD\r\n\r\n",
	coretest.Get("/%zz"),
	coretest.Get("/" + strings.Repeat("long", 3000)),
	coretest.Get("/444"),
	coretest.Get("/inner/x"),
	coretest.Get("/inner/off"),
	coretest.Get("/inner/two"),
	coretest.Get("/if?log=0"), coretest.Get("/if?log="), coretest.Get("/if?log=1"), coretest.Get("/if"),
	coretest.Get("/variable?f=one"), coretest.Get("/variable?f=two"), coretest.Get("/variable?f=one"),
	coretest.Get("/noroot?f=one"),
}

const locations = `
location / { root .; return 200 "hello\n"; }
location /404 { return 404; }
location /444 { return 444; }
location /inner/ { access_log logs/inner.log short; return 200 x;
    location /inner/off { access_log off; return 200; }
    location /inner/two { access_log logs/inner.log short; access_log logs/two.log j; return 200; } }
location /if { access_log logs/if.log short if=$arg_log; return 200; }
location /variable { root $ENV_DIR; access_log $ENV_DIR/logs/v-$arg_f.log short; open_log_file_cache max=2; return 200; }
location /noroot { root $ENV_DIR/nosuch; access_log $ENV_DIR/logs/v-$arg_f.log short; return 200; }
`

const config = `
http {
    log_format short '$request_method $uri$is_args$args' " $status " "[$nosuch_arg]";
    log_format d '$request|$http_user_agent|$http_referer|$http_x_test|$remote_user|$args|$arg_nosuch|$empty|$status|$body_bytes_sent|$pipe|$server_protocol|$request_uri';
    log_format j escape=json '{"request":"$request","ua":"$http_user_agent","ref":"$http_referer","x":"$http_x_test","none":"$http_nosuch","s":$status}';
    log_format n escape=none '$request|$http_user_agent|$http_referer|$http_x_test|$http_nosuch';
    access_log logs/access.log;
    access_log logs/d.log d;
    access_log logs/j.log j;
    access_log logs/n.log n;
    server {
        listen 80;
        set $empty "";
        set $nosuch_arg "";
        ` + locations + `
    }
}
`

var logFiles = []string{"access.log", "d.log", "j.log", "n.log", "inner.log", "two.log", "if.log", "v-one.log", "v-two.log"}

func TestLinesAreThoseOfNginx(t *testing.T) {
	n := nginxtest.Start(t, config)
	s := coretest.New(t, modules, `location / { return 204; }`)
	s.Remote = conn.Unix("")
	s.Reload(strings.ReplaceAll(config, "$ENV_DIR", strings.TrimSuffix(s.Dir, "/"))).Close()
	for i, request := range requests {
		n.Do(request)
		s.Do(request)
		for _, name := range logFiles {
			got, _ := os.ReadFile(filepath.Join(s.Dir, "logs", name))
			mine := normal(string(got))
			theirs := normal(n.File("logs/"+name, strings.Count(mine, "\n")))
			if mine != theirs {
				t.Errorf("%q: %s\n hearth: %q\n nginx:  %q", requests[i], name, mine, theirs)
			}
			os.Truncate(filepath.Join(s.Dir, "logs", name), 0)
			os.Truncate(filepath.Join(n.Dir, "logs", name), 0)
		}
	}
	if got, want := strings.Join(s.Log(), "\n"), `testing "nosuch" existence failed (2: No such file or directory)`; !strings.Contains(got, want) {
		t.Errorf("the error log does not have %q:\n%s", want, got)
	}
}

// normal takes the times out of lines, and the length of the built-in page, which differs by the name in it.
func normal(log string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		if from := strings.Index(line, " ["); from >= 0 && strings.Contains(line, " +0000] ") {
			to := strings.Index(line, "] ")
			line = line[:from] + line[to:]
		}
		if strings.Contains(line, "404") || strings.Contains(line, "400") {
			line = strings.Map(func(c rune) rune {
				if c >= '0' && c <= '9' {
					return '#'
				}
				return c
			}, line)
			line = strings.ReplaceAll(line, "###", "##")
		}
		out.WriteString(line)
	}
	return out.String()
}

func TestMistakesAreRefusedInNginxsWords(t *testing.T) {
	for _, config := range []string{
		"access_log;", "access_log off x;", "access_log a nosuch;", "access_log a combined x;", "access_log a combined buffer;", "access_log a combined buffer=;",
		"access_log a combined buffer=0;", "access_log a combined buffer=1x;", "access_log a combined buffer=1k flush=0;", "access_log a combined buffer=1k flush=x;",
		"access_log a combined flush=1s;", "access_log a combined gzip=0;", "access_log a combined gzip=10;", "access_log a combined gzip=;", "access_log a combined gzip=x;",
		"access_log a combined gzipped;", "access_log a combined if=$;", "access_log a combined if=$nosuch;", "access_log a$uri combined buffer=1k;", "access_log a$;",
		"access_log a combined buffer=1k; access_log a combined buffer=2k;", "access_log a combined buffer=1k; location / { access_log a combined gzip; }",
		"access_log a combined buffer=1k flush=1m; access_log a combined buffer=1k flush=1m;",
		"access_log syslog: combined;", "access_log syslog:server=127.0.0.1 combined buffer=1k;", "access_log syslog:server=127.0.0.1,x;",
		"access_log nosuch/a;", "access_log a$nosuch;", "access_log '';",
		"open_log_file_cache;", "open_log_file_cache max=0;", "open_log_file_cache max=x;", "open_log_file_cache max=1 inactive=x;", "open_log_file_cache valid=1;",
		"open_log_file_cache max=1 min_uses=0;", "open_log_file_cache x;", "open_log_file_cache off max=1;", "open_log_file_cache max=1; open_log_file_cache max=1;",
		"log_format x y;", "open_log_file_cache max=1 valid=x;", "open_log_file_cache inactive=5;",
		"http { log_format a; server { listen 80; } }", "http {\n log_format a b; log_format a c;\n server { listen 80; } }", "http {\n log_format combined b; server { listen 80; } }",
		"http {\n log_format a escape=x b; server { listen 80; } }", "http {\n log_format a escape=json; server { listen 80; } }", "http {\n log_format a '$'; server { listen 80; } }",
		"http {\n log_format a '${b'; server { listen 80; } }", "http {\n log_format a '$1'; server { listen 80; } }", "http {\n log_format a '$nosuch'; server { listen 80; } }",
		"http {\n log_format a 'x$' y; server { listen 80; } }", "http {\n log_format a '${}'; server { listen 80; } }", "http {\n log_format a 'b$-c'; server { listen 80; } }",
		"http {\n access_log x a; log_format a b; server { listen 80; } }",
	} {
		want := nginxtest.Check(t, config)
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%q\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}
