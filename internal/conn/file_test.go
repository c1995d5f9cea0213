package conn

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Both ways of calling the kernel, that round the scheduler and that with it, give the same.
func TestAFileIsReadInBothWays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := remote.Load()
	defer remote.Store(before)
	for _, far := range []bool{false, true} {
		remote.Store(far)
		if f, errno := OpenFile([]byte(path+".none\x00"), unix.O_CLOEXEC); errno != unix.ENOENT || f.IsOpen() {
			t.Errorf("a missing file: %v", errno)
		}
		if _, errno := OpenFile([]byte(path+"/x\x00"), unix.O_CLOEXEC); errno != unix.ENOTDIR {
			t.Errorf("below a file: %v", errno)
		}
		f, errno := OpenFile([]byte(path+"\x00"), unix.O_CLOEXEC)
		if errno != 0 {
			t.Fatal(errno)
		}
		var st unix.Stat_t
		if errno := f.Stat(&st); errno != 0 || st.Size != 10 {
			t.Errorf("%d bytes, %v", st.Size, errno)
		}
		p := make([]byte, 4)
		if n, err := f.ReadAt(p, 3); n != 4 || err != nil || string(p) != "3456" {
			t.Errorf("%d %q %v", n, p, err)
		}
		if n, err := f.ReadAt(p, 8); n != 2 || err != io.EOF || string(p[:n]) != "89" {
			t.Errorf("at the end: %d %v", n, err)
		}
		if n, err := f.ReadAt(p, 100); n != 0 || err != io.EOF {
			t.Errorf("beyond: %d %v", n, err)
		}
		f.Close()
		if errno := f.Stat(&st); errno != unix.EBADF {
			t.Errorf("closed: %v", errno)
		}
	}
	var none File
	none.Close()
	if none.IsOpen() || none.FD() != -1 {
		t.Error("the zero File is one")
	}
}

// Files of /proc are not on a file system that is known to be local.
func TestAnUnknownFileSystemIsTakenForRemote(t *testing.T) {
	before := remote.Load()
	defer remote.Store(before)
	remote.Store(false)
	f, errno := OpenFile([]byte("/proc/self/status\x00"), unix.O_CLOEXEC)
	if errno != 0 {
		t.Skip(errno)
	}
	defer f.Close()
	var st unix.Stat_t
	if f.Stat(&st); !remote.Load() {
		t.Error("it is taken for local")
	}
}
