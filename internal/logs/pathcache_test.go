package logs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWithoutTheCacheEachLineOpensItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	c := NewRegistry(1).NewPathCache(PathCacheOptions{})
	c.Line([]byte(path), []byte("one"), noon)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	c.Line([]byte(path), []byte("two"), noon)
	if a, b := read(t, path+".1"), read(t, path); a != "one\n" || b != "two\n" || c.Open() != 0 {
		t.Errorf("got %q, %q, open %d", a, b, c.Open())
	}
}

func TestTheCacheKeepsTheMostRecentlyUsedFiles(t *testing.T) {
	dir := t.TempDir()
	c := NewRegistry(1).NewPathCache(PathCacheOptions{Max: 2})
	defer c.Close()
	for _, name := range []string{"a", "b", "a", "c", "a"} {
		c.Line([]byte(filepath.Join(dir, name)), []byte(name), noon)
	}
	if c.Open() != 2 || c.byPath[filepath.Join(dir, "b")] != nil {
		t.Errorf("%d open", c.Open())
	}
	if got := read(t, filepath.Join(dir, "a")); got != "a\na\na\n" {
		t.Errorf("got %q", got)
	}
}

func TestAFileIsCheckedAfterItsValidity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	c := NewRegistry(1).NewPathCache(PathCacheOptions{Max: 2, Valid: 20 * time.Second, Inactive: time.Hour})
	defer c.Close()
	c.Line([]byte(path), []byte("one"), noon)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	c.Line([]byte(path), []byte("two"), noon.Add(19*time.Second))
	c.Line([]byte(path), []byte("three"), noon.Add(20*time.Second))
	if a, b := read(t, path+".1"), read(t, path); a != "one\ntwo\n" || b != "three\n" {
		t.Errorf("got %q, %q", a, b)
	}
}

func TestAFileStaysOpenAfterEnoughUses(t *testing.T) {
	path := []byte(filepath.Join(t.TempDir(), "a"))
	c := NewRegistry(1).NewPathCache(PathCacheOptions{Max: 2, MinUses: 3, Inactive: 10 * time.Second})
	defer c.Close()
	for i, want := range []int{0, 0, 1, 1} {
		if c.Line(path, []byte("x"), noon.Add(time.Duration(i)*time.Second)); c.Open() != want {
			t.Errorf("after use %d: %d open, want %d", i+1, c.Open(), want)
		}
	}
	if c.Line(path, []byte("x"), noon.Add(time.Minute)); c.Open() != 0 {
		t.Errorf("after a long pause: %d open, want 0", c.Open())
	}
}

func TestReopenEmptiesTheCache(t *testing.T) {
	rg := NewRegistry(1)
	path := filepath.Join(t.TempDir(), "a")
	c := rg.NewPathCache(PathCacheOptions{Max: 2})
	defer c.Close()
	c.Line([]byte(path), []byte("one"), noon)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := rg.Reopen(-1, -1); err != nil {
		t.Fatal(err)
	}
	c.Line([]byte(path), []byte("two"), noon)
	if got := read(t, path); got != "two\n" {
		t.Errorf("got %q", got)
	}
}

func TestAPathThatCannotBeOpenedIsReported(t *testing.T) {
	for _, max := range []int{0, 2} {
		rg := NewRegistry(1)
		var reports []string
		rg.OnError = func(msg string) { reports = append(reports, msg) }
		c := rg.NewPathCache(PathCacheOptions{Max: max})
		for range 3 {
			c.Line([]byte("/nosuch/a"), []byte("x"), noon)
		}
		if len(reports) != 1 || reports[0] != `open() "/nosuch/a" failed (2: No such file or directory)` {
			t.Errorf("max %d: reports %q", max, reports)
		}
		c.Close()
	}
}

func BenchmarkPathCache(b *testing.B) {
	path := []byte(filepath.Join(b.TempDir(), "a"))
	c := NewRegistry(1).NewPathCache(PathCacheOptions{Max: 2})
	defer c.Close()
	line := []byte("a line")
	b.ReportAllocs()
	for b.Loop() {
		c.Line(path, line, noon)
	}
}
