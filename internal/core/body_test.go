package core_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// reader is a module whose directive `read [N]` answers with the request's body, read N bytes at a time, and whose
// `buffer` stores it first.
var reader = &core.Module{
	Name: "test_reader",
	Directives: []conf.Directive{
		{Name: "read", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			n, err := conf.Num(c, args)
			core.SetContent(b, func(r *core.Request) core.Verdict { return sendBody(r, n) })
			return err
		}},
		{Name: "buffer", In: conf.Location, Args: conf.NoArgs, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			core.SetContent(b, func(r *core.Request) core.Verdict {
				if err := r.BufferBody(); err != nil {
					return core.BodyVerdict(err)
				}
				r.Out.AddHeader("Where", []byte(map[bool]string{true: "file", false: "memory"}[r.Stored().File != nil]))
				return sendBody(r, 100)
			})
			return nil
		}},
	},
}

func sendBody(r *core.Request, n int) core.Verdict {
	var body []byte
	for {
		p := make([]byte, n)
		n, err := r.ReadBody(p)
		body = append(body, p[:n]...)
		if err == io.EOF {
			return r.Reply(200, textPlain, body)
		}
		if err != nil {
			return core.BodyVerdict(err)
		}
	}
}

func chunked(parts ...string) string {
	var b strings.Builder
	b.WriteString("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, p := range parts {
		b.WriteString(hex(len(p)) + "\r\n" + p + "\r\n")
	}
	return b.String() + "0\r\n\r\n"
}

func hex(n int) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}

func TestBodiesAreReadWhateverTheirFraming(t *testing.T) {
	text := strings.Repeat("0123456789", 30)
	for _, config := range []string{"read 1;", "read 7;", "read 1000;", "buffer;"} {
		s := coretest.New(t, []*core.Module{reader}, "location / { "+config+" } client_body_buffer_size 100; log_not_found on;")
		for _, request := range []string{
			coretest.Message("POST", "/", text), coretest.Message("POST", "/", text[:100]), coretest.Message("POST", "/", text[:125]),
			coretest.Message("POST", "/", ""), chunked(text[:100], text[100:]), chunked(text[:100]), chunked(),
		} {
			_, body, _ := strings.Cut(request, "\r\n\r\n")
			if strings.Contains(request, "chunked") {
				body = undo(body)
			}
			if res := s.Do(request); res.Status != 200 || res.Body != body {
				t.Errorf("%s %q: %d %q %q", config, request, res.Status, res.Body, res.Log)
			}
		}
	}
}

func undo(chunks string) (body string) {
	for lines := strings.Split(chunks, "\r\n"); len(lines) > 1 && lines[0] != "0"; lines = lines[2:] {
		body += lines[1]
	}
	return body
}

func TestLargeBodiesGoToAFile(t *testing.T) {
	s := coretest.New(t, []*core.Module{reader}, "location / { buffer; } client_body_buffer_size 100; client_body_temp_path temp 1 2;")
	for _, tt := range []struct{ request, where string }{
		{coretest.Message("POST", "/", strings.Repeat("x", 124)), "memory"},
		{coretest.Message("POST", "/", strings.Repeat("x", 125)), "file"},
		{chunked(strings.Repeat("x", 100)), "memory"},
		{chunked(strings.Repeat("x", 102)), "file"},
		{coretest.Get("/"), "memory"},
	} {
		if got := s.Do(tt.request).Header.Get("Where"); got != tt.where {
			t.Errorf("%q: %s", tt.request, got)
		}
	}
	left := 0
	walk(s.Dir+"temp", func() { left++ })
	if left != 0 {
		t.Errorf("%d files left", left)
	}
	log := s.Log()
	if len(log) != 2 || !strings.HasPrefix(log[0], "[warn] a client request body is buffered to a temporary file temp/") {
		t.Errorf("%q", log)
	}
}

func walk(dir string, file func()) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			walk(dir+"/"+e.Name(), file)
		} else {
			file()
		}
	}
	return err
}

func TestBodyInFileOnlyStays(t *testing.T) {
	s := coretest.New(t, []*core.Module{reader}, "location / { buffer; } client_body_in_file_only on; client_body_temp_path temp;")
	res := s.Do(coretest.Message("POST", "/", "abc"))
	n := 0
	walk(s.Dir+"temp", func() { n++ })
	if n != 1 || res.Body != "abc" {
		t.Errorf("%d files, %+v", n, res)
	}
	if log := s.Log(); len(log) != 1 || !strings.HasPrefix(log[0], "[notice] a client request body is buffered") { // it is what was asked for
		t.Errorf("%q", log)
	}
}

func TestTooLargeBodiesAreRefused(t *testing.T) {
	s := coretest.New(t, []*core.Module{reader, echo}, `client_max_body_size 10; location / { buffer; }
		location /big { client_max_body_size 20; read 100; } location /any { client_max_body_size 0; read 100; }
		location /page { error_page 413 /sorry; buffer; } location /sorry { echo sorry; }`)
	for _, tt := range []struct {
		request string
		status  int
		body    string
	}{
		{coretest.Message("POST", "/", "0123456789"), 200, "0123456789"},
		{coretest.Message("POST", "/", "0123456789a"), 413, "*"},
		{chunked("0123456789a"), 413, "*"},
		{coretest.Message("POST", "/big", "0123456789a"), 200, "0123456789a"},
		{coretest.Message("POST", "/any", strings.Repeat("x", 100)), 200, strings.Repeat("x", 100)},
		{coretest.Message("POST", "/page", "0123456789a"), 413, "sorry"},
	} {
		if res := s.Do(tt.request); res.Status != tt.status || tt.body != "*" && res.Body != tt.body {
			t.Errorf("%q: %+v", tt.request, res)
		}
	}
	if log := s.Log()[0]; !strings.HasPrefix(log, "[error] client intended to send too large body: 11 bytes, client: 127.0.0.1, server: , request: \"POST / HTTP/1.1\"") {
		t.Errorf("%s", log)
	}
}

// A chunk is not waited for if it is too much: its announcement is enough.
func TestAChunkThatIsTooLargeIsRefusedWhenItIsAnnounced(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	s := coretest.New(t, []*core.Module{reader}, `client_max_body_size 10; location / { buffer; }`)
	for _, tt := range []struct{ first, then, want string }{
		{"", "b\r\n", "0+11"}, {"4\r\nabcd\r\n", "7\r\n", "4+7"}, {"4\r\nabcd\r\n", "7\r\nef", "4+7"},
		{"", "7fffffffffffffff\r\n", "0+9223372036854775807"},
	} {
		c := s.Start(head + tt.first)
		if c.Feed(tt.then); !c.Done() {
			t.Errorf("%q is waited for", tt.then)
			continue
		}
		res := c.Response()
		if res.Status != 413 || len(res.Log) == 0 || !strings.HasPrefix(res.Log[0], "[error] client intended to send too large chunked body: "+tt.want+" bytes, client: ") {
			t.Errorf("%q: %+v", tt.then, res)
		}
	}
	if c := s.Start(head + "4\r\nabcd\r\n6\r\n"); c.Done() {
		t.Errorf("10 bytes are allowed: %+v", c.Response())
	} else if c.Feed("efghij\r\n0\r\n\r\n"); c.Response().Status != 200 {
		t.Errorf("10 bytes are allowed: %+v", c.Response())
	}
}

func TestSlowBodyTimesOut(t *testing.T) {
	s := coretest.New(t, []*core.Module{reader}, "location / { read 10; } client_body_timeout 5s;")
	c := s.Start("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
	s.Sim.Advance(4 * time.Second)
	c.Feed("d")
	s.Sim.Advance(4 * time.Second)
	if c.Done() {
		t.Fatal("ended too early")
	}
	s.Sim.Advance(2 * time.Second)
	if res := c.Response(); !c.Done() || res.LogStatus != 408 || !res.Aborted {
		t.Errorf("%+v", res)
	}
}

func TestUnwritableTempPathIsA500(t *testing.T) {
	s := coretest.New(t, []*core.Module{reader}, "location / { buffer; } client_body_in_file_only on; client_body_temp_path nginx;")
	s.File("nginx", "a file, not a directory")
	if res := s.Do(coretest.Message("POST", "/", "abc")); res.Status != 500 || len(res.Log) == 0 || !strings.HasPrefix(res.Log[0], "[crit] ") {
		t.Errorf("%+v", res)
	}
}
