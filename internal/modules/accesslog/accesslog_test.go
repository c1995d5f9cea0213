package accesslog

import (
	"compress/gzip"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

// linesOf is what a file below the server's directory holds, line by line; nil if there is no such file.
func linesOf(s *coretest.Server, name string) []string {
	content, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

func TestWithoutAccessLogThereIsTheDefaultOne(t *testing.T) {
	s := coretest.New(t, modules, `location / { return 200 hi; }`)
	s.Get("/x")
	got := linesOf(s, "logs/access.log")
	want := `127.0.0.1 - - [` + s.Loop.Wall().Format("02/Jan/2006:15:04:05 -0700") + `] "GET /x HTTP/1.1" 200 2 "-" "-"`
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheDefaultLogIsNotOpenedWhereEveryServerHasItsOwn(t *testing.T) {
	s := coretest.New(t, modules, `access_log logs/own.log; location / { return 204; }`)
	s.Get("/")
	if linesOf(s, "logs/access.log") != nil || len(linesOf(s, "logs/own.log")) != 1 {
		t.Errorf("default %q, own %q", linesOf(s, "logs/access.log"), linesOf(s, "logs/own.log"))
	}
}

func TestOffIsInheritedAndEndsAtALogOfOnesOwn(t *testing.T) {
	s := coretest.New(t, modules, `
access_log off;
location /a { return 204; }
location /b { access_log logs/b.log; return 204; if ($arg_x) { access_log off; } }
location /c { access_log logs/c.log; access_log off; return 204; }
location /d { access_log logs/d.log; if ($arg_x) { access_log logs/if.log; } return 204; }
`)
	for _, path := range []string{"/a", "/b", "/c", "/d", "/d?x=1"} {
		s.Get(path)
	}
	for name, want := range map[string]int{"access.log": 0, "b.log": 1, "c.log": 0, "d.log": 1, "if.log": 1} {
		lines := linesOf(s, "logs/"+name)
		if len(lines) == 1 && lines[0] == "" {
			lines = nil
		}
		if len(lines) != want {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

func TestABufferIsWrittenWhenItIsFullAndAtTheEnd(t *testing.T) {
	s := coretest.New(t, modules, `
http { log_format u '$uri'; server { listen 80; access_log logs/b.log u buffer=10; location / { return 204; } } }`)
	s.Get("/12345")
	if got := linesOf(s, "logs/b.log"); len(got) != 1 || got[0] != "" {
		t.Errorf("written too early: %q", got)
	}
	s.Get("/67890")
	if got := linesOf(s, "logs/b.log"); len(got) != 1 || got[0] != "/12345" {
		t.Errorf("full: %q", got)
	}
	s.Reload(`location / { return 204; }`).Close()
	if got := linesOf(s, "logs/b.log"); len(got) != 2 || got[1] != "/67890" {
		t.Errorf("at the end: %q", got)
	}
}

func TestAReloadKeepsTheBuffer(t *testing.T) {
	const config = `http { log_format u '$uri'; server { listen 80; access_log logs/b.log u buffer=1k; location / { return 204; } } }`
	s := coretest.New(t, modules, config)
	s.Get("/old")
	s.Reload(config).Close()
	s.Get("/new")
	if got := linesOf(s, "logs/b.log"); len(got) != 1 || got[0] != "" {
		t.Errorf("written: %q", got)
	}
	s.Reload(`location / { return 204; }`).Close()
	if got := linesOf(s, "logs/b.log"); len(got) != 2 || got[0] != "/old" || got[1] != "/new" {
		t.Errorf("at the end: %q", got)
	}
}

func TestGzip(t *testing.T) {
	s := coretest.New(t, modules, `
http { log_format u '$uri'; server { listen 80; access_log logs/z.gz u gzip=9 flush=1h; location / { return 204; } } }`)
	s.Get("/one")
	s.Get("/two")
	s.Reload(`location / { return 204; }`).Close()
	f, err := os.Open(filepath.Join(s.Dir, "logs/z.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != "/one\n/two\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	server, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s := coretest.New(t, modules, `
http { log_format u '$uri $status'; server { listen 80; access_log syslog:server=unix:`+path+`,tag=web,nohostname u; location / { return 204; } } }`)
	s.Get("/x")
	if err := server.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var buf [512]byte
	n, _, err := server.ReadFrom(buf[:])
	if got := string(buf[:n]); err != nil || !strings.HasPrefix(got, "<190>") || !strings.HasSuffix(got, " web: /x 204") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestALogThatCannotBeOpenedIsAnError(t *testing.T) {
	got := coretest.LoadError(t, modules, `access_log nosuch/a.log;`)
	if got != `open() "nosuch/a.log" failed (2: No such file or directory)` {
		t.Errorf("got %q", got)
	}
}

func TestSubrequestsAndInternalRedirectsAreOneLine(t *testing.T) {
	s := coretest.New(t, modules, `error_page 404 /page; access_log logs/a.log; location /page { return 200 x; } location / { access_log off; return 404; }`)
	s.Get("/")
	if got := linesOf(s, "logs/a.log"); len(got) != 1 || !strings.Contains(got[0], `"GET / HTTP/1.1" 404 1 `) {
		t.Errorf("%q", got)
	}
}

const hotConfig = `
http {
    log_format main '$remote_addr "$request" $status $body_bytes_sent $request_time "$http_user_agent"';
    access_log logs/main.log main;
    access_log logs/combined.log;
    access_log logs/json.log main if=$arg_never;
    server { listen 80; location / { return 200 ok; } location /off { access_log off; return 200 ok; } }
}`

func TestALineAllocatesNothing(t *testing.T) {
	s := coretest.New(t, modules, hotConfig)
	serve := s.Repeat(coretest.Get("/", "User-Agent: \"quoted\""))
	serve()
	if n := testing.AllocsPerRun(100, serve); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLine(b *testing.B) {
	for name, config := range map[string]string{
		"off":      `access_log off; location / { return 200 ok; }`,
		"combined": `access_log logs/a.log combined buffer=64k; location / { return 200 ok; }`,
		"up": `http { log_format up '$remote_addr "$request" $status $body_bytes_sent $request_time';
			server { listen 80; access_log logs/a.log up buffer=64k; location / { return 200 ok; } } }`,
	} {
		b.Run(name, func(b *testing.B) {
			s := coretest.New(b, modules, config)
			serve := s.Repeat(coretest.Get("/", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"))
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}
