package logs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxPending bounds what is kept of a line that a pipe took only in part.
const maxPending = 64 << 10

// File is an open log. Regular files are written synchronously. Anything that could
// block (a pipe, a fifo, a terminal, a socket) is written without waiting: what does
// not fit is dropped by whole lines and counted. Safe for all loops.
type File struct {
	path     string
	registry *Registry // nil for the standard error and for path caches
	users    int       // guarded by registry.mu

	dropped  atomic.Int64
	lastFail atomic.Int64 // Unix second of the last reported error

	// mu keeps fd valid during a write: writers share it, Reopen and Close
	// take it alone. A write never blocks, except on a slow disk.
	mu      sync.RWMutex
	fd      int
	blocks  bool // not a regular file: fd is non-blocking, or polled before each write
	polled  bool // fd's open file description is shared with others, so it may be blocking
	pending pending
}

// pending is the rest of a line that a pipe took in part.
type pending struct {
	mu   sync.Mutex
	rest []byte
}

// Path returns the path the file was opened by.
func (f *File) Path() string { return f.path }

// Dropped returns how many lines were dropped because the reader was slow.
func (f *File) Dropped() int64 { return f.dropped.Load() }

func (f *File) open() error {
	fd, blocks, err := openLog(f.path)
	if err != nil {
		return err
	}
	f.fd, f.blocks = fd, blocks
	return nil
}

// openLog opens path for appending. A fifo is opened for reading too, as that
// neither waits for a reader nor fails without one.
func openLog(path string) (fd int, blocks bool, err error) {
	flags := unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
		flags = unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK
	}
	for {
		fd, err = unix.Open(path, flags, 0o644)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return -1, false, fmt.Errorf(`open() "%s" failed (%s)`, path, ErrnoText(err))
	}
	if err = unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, false, fmt.Errorf(`fstat() "%s" failed (%s)`, path, ErrnoText(err))
	}
	return fd, st.Mode&unix.S_IFMT != unix.S_IFREG, nil
}

func (f *File) reopen(uid, gid int) error {
	fd, blocks, err := openLog(f.path)
	if err != nil {
		return err
	}
	if uid >= 0 && !blocks {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			unix.Close(fd)
			return fmt.Errorf(`chown("%s", %d) failed (%s)`, f.path, uid, ErrnoText(err))
		}
	}
	f.mu.Lock()
	old := f.fd
	f.fd, f.blocks = fd, blocks
	f.mu.Unlock()
	unix.Close(old)
	return nil
}

// Close gives the file up; the last user closes it.
func (f *File) Close() {
	if f.registry == nil {
		return
	}
	f.registry.mu.Lock()
	f.users--
	last := f.users == 0
	if last {
		delete(f.registry.files, f.path)
	}
	f.registry.mu.Unlock()
	if last {
		f.shut()
	}
}

func (f *File) shut() {
	f.mu.Lock()
	if f.fd >= 0 {
		unix.Close(f.fd)
	}
	f.fd = -1
	f.mu.Unlock()
}

// Write appends whole lines. Errors are reported through the registry and
// otherwise ignored: logging never fails a request.
func (f *File) Write(p []byte, now time.Time) {
	f.mu.RLock()
	n, err := f.write(p)
	f.mu.RUnlock()
	if err == nil && n == len(p) || f.registry == nil {
		return
	}
	f.registry.failed(&f.lastFail, now, func() string {
		if err != nil {
			return fmt.Sprintf(`write() to "%s" failed (%s)`, f.path, ErrnoText(err))
		}
		return fmt.Sprintf(`write() to "%s" was incomplete: %d of %d`, f.path, n, len(p))
	})
}

func (f *File) write(p []byte) (int, error) {
	if f.fd < 0 {
		return 0, syscall.EBADF
	}
	if !f.blocks {
		return writeFD(f.fd, p)
	}
	f.pending.mu.Lock()
	defer f.pending.mu.Unlock()
	return f.writePipe(p)
}

// writeFD is one write(2), repeated only where a signal cut in.
func writeFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
