package static_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

// cached is a server with a cache, and what its tests ask of it.
type cached struct {
	*coretest.Server
	t    *testing.T
	open int // descriptors before
}

func serveCached(t *testing.T, config string, files map[string]string) *cached {
	return &cached{serve(t, config, files), t, descriptors(t)}
}

func (c *cached) want(path string, status int, body string) {
	c.t.Helper()
	if res := c.Get(path); res.Status != status || status == 200 && res.Body != body {
		c.t.Errorf("%s: %d %q, want %d %q %v", path, res.Status, res.Body, status, body, res.Log)
	}
}

func (c *cached) wantOpen(n int) {
	c.t.Helper()
	if got := descriptors(c.t) - c.open; got != n {
		c.t.Errorf("%d files open, want %d", got, n)
	}
}

// replace puts another file in a file's place, as editors and deployments do.
func (c *cached) replace(name, content string) {
	c.File(name+".new", content)
	if err := os.Rename(c.path(name+".new"), c.path(name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cached) remove(name string) {
	if err := os.Remove(c.path(name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cached) path(name string) string { return filepath.Join(c.Dir, name) }

func TestACachedFileIsServedUntilItIsLookedAtAgain(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10; open_file_cache_valid 10s;`, map[string]string{"html/a": "first", "html/b": "b"})
	c.want("/a", 200, "first")
	c.wantOpen(1)
	c.replace("html/a", "second")
	c.want("/a", 200, "first")
	c.Sim.Advance(9 * time.Second)
	c.want("/a", 200, "first")
	c.Sim.Advance(time.Second)
	c.want("/a", 200, "second")
	c.wantOpen(1)
	c.File("html/a", "longer than before") // the same file: its size is as it was found
	c.want("/a", 200, "longer")
	c.Sim.Advance(10 * time.Second)
	c.want("/a", 200, "longer than before")
	c.remove("html/a")
	c.want("/a", 200, "longer than before")
	c.Sim.Advance(10 * time.Second)
	c.want("/a", 404, "")
	c.wantOpen(0)
}

func TestFailuresAreCachedIfAskedFor(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10; open_file_cache_valid 10s; location /e/ { open_file_cache_errors on; }`, nil)
	c.want("/a", 404, "")
	c.want("/e/a", 404, "")
	c.File("html/a", "a")
	c.File("html/e/a", "a")
	c.want("/a", 200, "a")
	c.want("/e/a", 404, "")
	c.Sim.Advance(10 * time.Second)
	c.want("/e/a", 200, "a")
}

func TestTheFileUsedLongestAgoMakesRoom(t *testing.T) {
	c := serveCached(t, `open_file_cache max=2;`, map[string]string{"html/a": "a", "html/b": "b", "html/c": "c"})
	for _, path := range []string{"/a", "/b", "/a", "/c"} {
		c.want(path, 200, path[1:])
	}
	c.wantOpen(2)
	for _, name := range []string{"a", "b", "c"} {
		c.replace("html/"+name, "new "+name)
	}
	c.want("/a", 200, "a")
	c.want("/c", 200, "c")
	c.want("/b", 200, "new b")
}

func TestWhatIsOutOfUseIsClosed(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10 inactive=20s; open_file_cache_valid 100s;`, map[string]string{"html/a": "a", "html/b": "b", "html/c": "c"})
	c.want("/a", 200, "a")
	c.want("/b", 200, "b")
	c.Sim.Advance(20 * time.Second)
	c.want("/b", 200, "b")
	c.wantOpen(2)
	c.Sim.Advance(time.Second)
	c.want("/c", 200, "c")
	c.wantOpen(2)
}

func TestAFileIsKeptOpenOnceItHasBeenUsedEnough(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10; open_file_cache_min_uses 2;`, map[string]string{"html/a": "a"})
	c.want("/a", 200, "a")
	c.wantOpen(0)
	c.want("/a", 200, "a")
	c.wantOpen(1)
}

func TestAFileInUseIsClosedAfterItsRequest(t *testing.T) {
	c := serveCached(t, `open_file_cache max=1;`, map[string]string{"html/a": "a", "html/b": "b"})
	slow := c.StartBlocked(coretest.Get("/a"))
	c.want("/b", 200, "b")
	c.wantOpen(2)
	slow.Unblock()
	if res := slow.Response(); res.Body != "a" || !res.Complete {
		t.Errorf("%q", res.Body)
	}
	c.wantOpen(1)
}

func TestTheCacheEndsWithItsGeneration(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10; location /sub/ { open_file_cache max=5; }`, map[string]string{"html/a": "a", "html/sub/b": "b"})
	c.want("/a", 200, "a")
	c.want("/sub/b", 200, "b")
	c.wantOpen(2)
	old := c.Gen
	c.Reload(``)
	old.Close()
	c.wantOpen(0)
}

func TestOffEndsInheritance(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10; location /off/ { open_file_cache off; }`, map[string]string{"html/off/a": "a"})
	c.want("/off/a", 200, "a")
	c.wantOpen(0)
}

func TestLinksAreCheckedForEachLocation(t *testing.T) {
	c := serveCached(t, `open_file_cache max=10; location = /link { } location /on { disable_symlinks on; alias html/link; }`, map[string]string{"html/a": "a"})
	os.Symlink("a", c.path("html/link"))
	c.want("/link", 200, "a")
	c.want("/on", 403, "")
	c.want("/link", 200, "a")
}

func BenchmarkCachedFileZeroAlloc(b *testing.B) {
	s := serve(b, `open_file_cache max=10;`, map[string]string{"html/a.html": "hello"})
	get := s.Repeat(coretest.Get("/a.html"))
	b.ReportAllocs()
	s.Sim.Do(s.Loop, func() {
		for b.Loop() {
			get()
		}
	})
}

// What is done to files between requests, with nginx and hearth side by side.
func TestTheCacheIsNginxs(t *testing.T) {
	p := startPair(t, `
		open_file_cache max=100;
		location /errors/ { open_file_cache_errors on; alias html/; }
		location /always/ { open_file_cache_valid 0; alias html/; }
		location /seldom/ { open_file_cache_min_uses 3; alias html/; }
		location /tiny/ { open_file_cache max=1; alias html/; }
		location /off/ { open_file_cache off; alias html/; }
		location /try/ { open_file_cache_errors on; alias html/; try_files $uri /off/a.html; }
		location /own/ { open_file_cache max=10; open_file_cache_errors on; alias html/; }
	`)
	at := time.Unix(1700000000, 0)
	both := func(do func(dir string)) {
		do(p.Dir)
		do(p.nginx.Dir)
	}
	write := func(name, content string) func() {
		return func() {
			both(func(dir string) {
				os.WriteFile(filepath.Join(dir, "html", name), []byte(content), 0o644)
				os.Chtimes(filepath.Join(dir, "html", name), at, at)
			})
		}
	}
	replace := func(name, content string) func() {
		return func() {
			write(name+".new", content)()
			both(func(dir string) {
				os.Rename(filepath.Join(dir, "html", name+".new"), filepath.Join(dir, "html", name))
			})
		}
	}
	remove := func(name string) func() {
		return func() { both(func(dir string) { os.RemoveAll(filepath.Join(dir, "html", name)) }) }
	}
	makeDir := func(name string) func() {
		return func() { both(func(dir string) { os.Mkdir(filepath.Join(dir, "html", name), 0o755) }) }
	}
	for i, change := range []func(){
		func() {}, write("x", "x"), write("x", "x longer"), replace("x", "another x"), write("y", "y"), remove("x"), write("x", "x again"),
		remove("x"), makeDir("x"), remove("x"), write("x", "file"), replace("a.html", "other a"), remove("y"), remove("a.html"), remove("sub"), makeDir("sub"),
	} {
		change()
		for range 2 {
			for _, location := range []string{"", "/errors", "/always", "/seldom", "/tiny", "/off", "/try", "/own"} {
				for _, path := range []string{"/x", "/y", "/a.html", "/sub", "/sub/", "/none"} {
					theirs, ours := p.theirs(coretest.Get(location+path)), p.ours(coretest.Get(location+path))
					for _, log := range [][]string{theirs.log, ours.log} { // which of the two it was that failed is chance in nginx
						for i := range log {
							log[i] = strings.Replace(log[i], "stat() ", "open() ", 1)
						}
					}
					if ours.String() != theirs.String() {
						t.Errorf("%s after change %d\nhearth: %s\n nginx: %s", location+path, i, ours, theirs)
					}
				}
			}
		}
	}
}
