package static_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/static"
)

var modules = []*core.Module{&static.Module}

// serve makes a server with files below html; their time is fixed.
func serve(t testing.TB, config string, files map[string]string) *coretest.Server {
	t.Helper()
	s := coretest.New(t, modules, config)
	for name, content := range files {
		path := s.File(name, content)
		at := time.Unix(1700000000, 0)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestAFileIsServedWithWhatIsKnownOfIt(t *testing.T) {
	s := serve(t, `types { text/x-log log; }`, map[string]string{"html/a.LOG": "hello"})
	res := s.Get("/a.LOG")
	if res.Status != 200 || res.Body != "hello" || !res.Complete {
		t.Fatalf("%d %q", res.Status, res.Body)
	}
	for name, want := range map[string]string{
		"Content-Type":   "text/x-log",
		"Content-Length": "5",
		"ETag":           `"6553f100-5"`,
		"Last-Modified":  "Tue, 14 Nov 2023 22:13:20 GMT",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if res := s.Do(coretest.Message("HEAD", "/a.LOG", "")); res.Body != "" || res.Header.Get("Content-Length") != "5" {
		t.Errorf("HEAD: %q, %v", res.Body, res.Header)
	}
}

func TestWhereFilesAre(t *testing.T) {
	s := serve(t, `
		location /images/ { alias files/pictures/; location /images/deep/ { } }
		location ~ ^/u/(\w+)/(.+)$ { alias users/$1/pub/$2; }
		location /rooted/ { root files; }
		location /noslash { alias files/rooted; }
		location /var/ { root files/$arg_dir; }
	`, map[string]string{
		"html/x":                  "html",
		"files/pictures/a":        "aliased",
		"files/pictures/deep/a":   "aliased deep",
		"users/bob/pub/a":         "bob's",
		"files/rooted/a":          "rooted",
		"files/sub/var/a":         "by variable",
		"files/pictures/with a\"": "odd",
	})
	for path, want := range map[string]string{
		"/x":                   "html",
		"/images/a":            "aliased",
		"/images/deep/a":       "aliased deep",
		"/images/../images//a": "aliased",
		"/images/with%20a%22":  "odd",
		"/u/bob/a":             "bob's",
		"/rooted/a":            "rooted",
		"/noslash/a":           "rooted",
		"/var/a?dir=sub":       "by variable",
	} {
		if res := s.Get(path); res.Status != 200 || res.Body != want {
			t.Errorf("%s: %d %q, want %q %v", path, res.Status, res.Body, want, res.Log)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := serve(t, `location /quiet/ { log_not_found off; }`, map[string]string{"html/a": "hello", "html/dir/b": ""})
	if err := syscall.Mkfifo(filepath.Join(s.Dir, "html/fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	os.Symlink("loop", filepath.Join(s.Dir, "html/loop"))
	for _, tt := range []struct {
		name, method, path string
		status             int
		log                string
	}{
		{"a missing file", "GET", "/none", 404, `[error] open() "html/none" failed (2: No such file or directory)`},
		{"a missing file, not logged", "GET", "/quiet/none", 404, ""},
		{"a file taken for a directory", "GET", "/a/b", 404, `[error] open() "html/a/b" failed (20: Not a directory)`},
		{"a name that is too long", "GET", "/" + strings.Repeat("x", 300), 404, `failed (36: File name too long)`},
		{"a link to itself", "GET", "/loop", 403, `[error] open() "html/loop" failed (40: Too many levels of symbolic links)`},
		{"a FIFO", "GET", "/fifo", 404, `[crit] "html/fifo" is not a regular file`},
		{"POST to a file", "POST", "/a", 405, ""},
		{"POST to no file", "POST", "/none", 404, `open() "html/none" failed`},
		{"PUT", "PUT", "/a", 405, ""},
		{"a directory", "GET", "/", 403, `[error] directory index of "html/" is forbidden`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := s.Do(coretest.Message(tt.method, tt.path, ""))
			log := strings.Join(res.Log, "\n")
			if res.Status != tt.status || tt.log == "" && log != "" || !strings.Contains(log, tt.log) {
				t.Errorf("%d, want %d; log %q, want %q", res.Status, tt.status, log, tt.log)
			}
		})
	}
}

func TestADirectoryIsRedirectedToItsSlash(t *testing.T) {
	s := serve(t, `location /alias { alias html; }`, map[string]string{"html/a b/x": "", "html/dir/x": ""})
	for path, want := range map[string]string{
		"/dir":       "http://localhost/dir/",
		"/dir?q=1":   "http://localhost/dir/?q=1",
		"/a%20b":     "http://localhost/a%20b/",
		"/alias/dir": "http://localhost/alias/dir/",
	} {
		if res := s.Get(path); res.Status != 301 || res.Header.Get("Location") != want {
			t.Errorf("%s: %d %q, want %q", path, res.Status, res.Header.Get("Location"), want)
		}
	}
}

func TestETagOff(t *testing.T) {
	s := serve(t, `etag off;`, map[string]string{"html/a": "x"})
	if res := s.Get("/a"); res.Header.Has("ETag") {
		t.Error(res.Header)
	}
}

// A file that shrinks while it is sent: the response must not look complete.
func TestATruncatedFileCutsTheResponse(t *testing.T) {
	shrink := core.Module{Headers: []core.HeaderFilter{{Run: func(r *core.Request) error {
		return os.Truncate(string(r.Filename()), 3)
	}}}}
	s := coretest.New(t, []*core.Module{&static.Module, &shrink}, "")
	s.File("html/a", "hello")
	res := s.Get("/a")
	if !res.Aborted || res.Complete {
		t.Errorf("aborted %v, complete %v, body %q", res.Aborted, res.Complete, res.Body)
	}
}

func TestDescriptorsAreClosed(t *testing.T) {
	s := serve(t, "", map[string]string{"html/a": "hello", "html/dir/b": ""})
	request := func() {
		for _, m := range []string{"GET", "HEAD", "POST"} {
			s.Do(coretest.Message(m, "/a", ""))
			s.Do(coretest.Message(m, "/dir", ""))
		}
	}
	request()
	before := descriptors(t)
	request()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(names)
}

func BenchmarkSmallFileZeroAlloc(b *testing.B) {
	s := serve(b, "", map[string]string{"html/a.html": "hello"})
	get := s.Repeat(coretest.Get("/a.html"))
	b.ReportAllocs()
	s.Sim.Do(s.Loop, func() {
		for b.Loop() {
			get()
		}
	})
}
