package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t testing.TB, rg *Registry, path string) *File {
	t.Helper()
	f, err := rg.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestOneFileIsOpenOnce(t *testing.T) {
	rg := NewRegistry(1)
	path := filepath.Join(t.TempDir(), "x")
	a, b := open(t, rg, path), open(t, rg, path)
	if a != b {
		t.Fatal("two files")
	}
	c, err := rg.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	a.Write([]byte("still open\n"), noon)
	if got := read(t, path); got != "still open\n" {
		t.Errorf("got %q", got)
	}
}

func TestAFileThatCannotBeOpened(t *testing.T) {
	_, err := NewRegistry(1).Open("/nosuch/x.log")
	if want := `open() "/nosuch/x.log" failed (2: No such file or directory)`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestReopenFollowsTheRotatedName(t *testing.T) {
	rg := NewRegistry(1)
	path := filepath.Join(t.TempDir(), "x")
	f := open(t, rg, path)
	f.Write([]byte("one\n"), noon)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("two\n"), noon)
	if err := rg.Reopen(os.Getuid(), os.Getgid()); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("three\n"), noon)
	if old, now := read(t, path+".1"), read(t, path); old != "one\ntwo\n" || now != "three\n" {
		t.Errorf("old %q, new %q", old, now)
	}
}

func TestAFailedReopenGoesOnWithTheOldFile(t *testing.T) {
	rg := NewRegistry(1)
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, rg, filepath.Join(dir, "x"))
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}
	if err := rg.Reopen(-1, -1); err == nil || !strings.Contains(err.Error(), "failed (2: No such file or directory)") {
		t.Errorf("error %v", err)
	}
	f.Write([]byte("line\n"), noon)
	if got := read(t, dir+"2/x"); got != "line\n" {
		t.Errorf("got %q", got)
	}
}

func TestAFullDiskIsReportedOnceASecond(t *testing.T) {
	rg := NewRegistry(1)
	var reports []string
	rg.OnError = func(msg string) { reports = append(reports, msg) }
	f := open(t, rg, "/dev/full")
	for i := range 30 {
		f.Write([]byte("line\n"), noon.Add(time.Duration(i)*100*time.Millisecond))
	}
	if len(reports) != 3 {
		t.Fatalf("%d reports in 3 seconds, want 3", len(reports))
	}
	if want := `write() to "/dev/full" failed (28: No space left on device)`; reports[0] != want {
		t.Errorf("report %q, want %q", reports[0], want)
	}
}

// slowPipe returns a log on a pipe that nobody reads, and the reading end.
func slowPipe(t *testing.T, polled bool) (*File, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	fd := int(w.Fd()) // makes it blocking
	if !polled {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	f := wrapFD(fd)
	f.polled = polled
	return f, r
}

func TestAPipeThatNobodyReadsStallsNothingAndTearsNoLine(t *testing.T) {
	for _, polled := range []bool{false, true} {
		f, r := slowPipe(t, polled)
		line := append(bytes.Repeat([]byte("x"), 699), '\n')
		const sent = 500 // 350 KB into a pipe of 64 KB
		for range sent / 5 {
			f.Write(bytes.Repeat(line, 5), noon)
		}
		if f.Dropped() == 0 {
			t.Fatal("nothing was dropped")
		}
		var got []byte
		buf := make([]byte, 1<<20)
		for range 2 { // the second time for the rest of a torn line
			if n, _ := r.Read(buf); n > 0 {
				got = append(got, buf[:n]...)
			}
			f.Write(line, noon)
		}
		if n, _ := r.Read(buf); n > 0 {
			got = append(got, buf[:n]...)
		}
		for i, l := range bytes.SplitAfter(got, []byte("\n")) {
			if len(l) != 0 && !bytes.Equal(l, line) {
				t.Fatalf("polled %v: line %d is torn: %d bytes", polled, i, len(l))
			}
		}
		whole := int64(len(got) / len(line))
		if whole+f.Dropped() != sent+2 {
			t.Errorf("polled %v: %d lines read and %d dropped, of %d", polled, whole, f.Dropped(), sent+2)
		}
	}
}

func TestAFifoNeedsNoReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, NewRegistry(1), path)
	for range 1000 {
		f.Write(bytes.Repeat([]byte("0123456789abcde\n"), 64), noon)
	}
	if f.Dropped() == 0 {
		t.Error("nothing was dropped")
	}
}
