package conn

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is an open file to send from: a bare descriptor, which an os.File would cost an attempt to poll it and three
// allocations. The zero File is none.
//
// It is a value without a finalizer, so copies of it do not keep it open, and one that is used after Close would be some
// other file. Therefore it has one owner, who says how long it lives: a request closes those it has opened when all of its
// response has been sent or given up (core.Request.OpenFile); one that FileOf has lent lives as its os.File does.
type File struct{ next int32 } // the descriptor and one

// FileOf lends the descriptor of f, which must stay reachable and open for as long as that is used.
func FileOf(f *os.File) File { return FileOfFD(int(f.Fd())) }

// FileOfFD makes a File of an open descriptor.
func FileOfFD(fd int) File { return File{int32(fd) + 1} }

// IsOpen tells it from the zero File.
func (f File) IsOpen() bool { return f.next > 0 }

// FD is the descriptor; -1 of the zero File.
func (f File) FD() int { return int(f.next) - 1 }

// ReadAt reads as io.ReaderAt: less than len(p) only with an error. It may wait for the disk, so the scheduler is told.
func (f File) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, _, errno := syscall.Syscall6(unix.SYS_PREAD64, uintptr(f.FD()), uintptr(unsafe.Pointer(&p[n])), uintptr(len(p)-n), uintptr(off)+uintptr(n), 0, 0)
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return n, errno
		case m == 0:
			return n, io.EOF
		}
		n += int(m)
	}
	return n, nil
}

// Close closes the descriptor. The owner calls it, once.
func (f File) Close() {
	if f.IsOpen() {
		closeFD(f.FD())
	}
}
