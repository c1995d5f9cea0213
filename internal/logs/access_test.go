package logs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func openAccess(t testing.TB, rg *Registry, o AccessOptions) *Access {
	t.Helper()
	a, err := rg.Access(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func TestLinesOfATurnAreOneWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := openAccess(t, NewRegistry(1), AccessOptions{Target: Target{Path: path}}).Writer(0)
	if !w.Line([]byte("one"), noon) {
		t.Error("the first line does not ask for the end of the turn")
	}
	if w.Line([]byte("two"), noon) {
		t.Error("the second line asks again")
	}
	if got := read(t, path); got != "" {
		t.Errorf("written before the end of the turn: %q", got)
	}
	w.EndTurn()
	if got := read(t, path); got != "one\ntwo\n" {
		t.Errorf("got %q", got)
	}
	if !w.Line([]byte("three"), noon) {
		t.Error("the next turn is not asked for")
	}
	w.EndTurn()
}

func TestABufferIsWrittenWhenTheNextLineDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	a := openAccess(t, NewRegistry(1), AccessOptions{Target: Target{Path: path}, Buffer: 10})
	w := a.Writer(0)
	for _, line := range []string{"1234", "5678"} {
		if w.Line([]byte(line), noon) {
			t.Error("a buffered log asks for the end of the turn")
		}
	}
	if got := read(t, path); got != "1234\n5678\n" { // exactly full
		t.Errorf("got %q", got)
	}
	w.Line([]byte("a"), noon)
	w.Line([]byte("longer than the buffer"), noon)
	if got := read(t, path); got != "1234\n5678\na\nlonger than the buffer\n" {
		t.Errorf("got %q", got)
	}
	w.Line([]byte("b"), noon)
	a.Flush()
	if got := read(t, path); !strings.HasSuffix(got, "b\n") {
		t.Errorf("got %q", got)
	}
}

func TestFlushTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	rg := NewRegistry(1)
	w := openAccess(t, rg, AccessOptions{Target: Target{Path: path}, Buffer: 1000, Flush: time.Hour}).Writer(0)
	w.Line([]byte("one"), noon)
	rg.flushDue(noon)
	rg.flushDue(noon.Add(time.Hour - 1))
	if got := read(t, path); got != "" {
		t.Errorf("written too early: %q", got)
	}
	rg.flushDue(noon.Add(time.Hour))
	if got := read(t, path); got != "one\n" {
		t.Errorf("got %q", got)
	}
}

func TestReopenFlushesToTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	rg := NewRegistry(1)
	w := openAccess(t, rg, AccessOptions{Target: Target{Path: path}, Buffer: 1000}).Writer(0)
	w.Line([]byte("one"), noon)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := rg.Reopen(-1, -1); err != nil {
		t.Fatal(err)
	}
	if old, now := read(t, path+".1"), read(t, path); old != "one\n" || now != "" {
		t.Errorf("old %q, new %q", old, now)
	}
}

func TestEachFlushIsAGzipMember(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.gz")
	a := openAccess(t, NewRegistry(1), AccessOptions{Target: Target{Path: path}, Gzip: 1})
	for i := range 3 {
		a.Writer(0).Line(fmt.Appendf(nil, "line %d", i), noon)
		a.Flush()
		z, err := gzip.NewReader(strings.NewReader(read(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || bytes.Count(got, []byte("\n")) != i+1 {
			t.Errorf("after flush %d: %q, %v", i, got, err)
		}
	}
}

func TestSeveralLoopsTearNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	rg := NewRegistry(4)
	a := openAccess(t, rg, AccessOptions{Target: Target{Path: path}, Buffer: 300, Flush: time.Nanosecond})
	const each = 2000
	var wg sync.WaitGroup
	for loop := range 4 {
		wg.Go(func() {
			line := bytes.Repeat([]byte{'a' + byte(loop)}, 60)
			for range each {
				a.Writer(loop).Line(line, noon)
			}
		})
	}
	for i := range 20 {
		rg.flushDue(noon.Add(time.Duration(i) * time.Second))
		if err := rg.Reopen(-1, -1); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	a.Flush()
	lines := strings.Split(strings.TrimSpace(read(t, path)), "\n")
	if len(lines) != 4*each {
		t.Errorf("%d lines, want %d", len(lines), 4*each)
	}
	for _, l := range lines {
		if len(l) != 60 || strings.Trim(l, l[:1]) != "" {
			t.Fatalf("a torn line: %q", l)
		}
	}
}

func TestTheFlusherEndsWithTheLastTimedLog(t *testing.T) {
	rg := NewRegistry(1)
	o := AccessOptions{Target: Target{Path: "/dev/null"}, Buffer: 10, Flush: time.Hour}
	a, b := openAccess(t, rg, o), openAccess(t, rg, o)
	stop := rg.stop
	a.Close()
	select {
	case <-stop:
		t.Error("ended too early")
	default:
	}
	b.Close()
	<-stop
	if rg.stop != nil || len(rg.access) != 0 {
		t.Error("the registry still knows the logs")
	}
}

func BenchmarkAccessLine(b *testing.B) {
	for name, o := range map[string]AccessOptions{"turn": {}, "buffer": {Buffer: 64 << 10}} {
		b.Run(name, func(b *testing.B) {
			o.Path = filepath.Join(b.TempDir(), "a.log")
			w := openAccess(b, NewRegistry(1), o).Writer(0)
			line := bytes.Repeat([]byte("x"), 200)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.Line(line, noon)
				if o.Buffer == 0 && i%16 == 0 {
					w.EndTurn()
				}
			}
		})
	}
}
