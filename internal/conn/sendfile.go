package conn

import (
	"io"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendFileChunk bounds one sendfile call, so that a file in the page cache and a fast client do not
// keep the loop to themselves.
const sendFileChunk = 512 << 10

// SendFile writes n bytes of f from offset off without copying them through the process, and returns
// how many it wrote. A file that has become shorter ends with io.ErrUnexpectedEOF. The timeout is as in Write.
func (c *Conn) SendFile(f File, off, n int64, timeout time.Duration) (int64, error) {
	var done int64
	for done < n {
		m, err := c.TrySendFile(f, off+done, n-done)
		done += m
		if err == nil {
			c.loop.Breathe()
			continue
		}
		if err := c.waitRoom(err, timeout); err != nil {
			return done, err
		}
	}
	return done, nil
}

// TrySendFile is one step of SendFile: it returns ErrAgain if there is no room.
func (c *Conn) TrySendFile(f File, off, n int64) (int64, error) {
	c.settle()
	if c.closed {
		return 0, ErrClosed
	}
	if !c.writable.IsSet() {
		return 0, ErrAgain
	}
	if c.tls != nil {
		return c.tls.sendFile(f, off, n)
	}
	if c.mem != nil {
		return c.memSendFile(f, off, n)
	}
	want := int(min(n, sendFileChunk))
	m, err := sendfile(int(c.fd), f, off, want)
	if err == 0 && m == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	// A short count may be the file's doing (it is read page by page), so only EAGAIN means full.
	sent, e := c.wrote(m, m, err)
	return int64(sent), e
}

func sendfile(to int, from File, off int64, n int) (int, syscall.Errno) {
	var m uintptr
	var errno syscall.Errno
	if from.isCached(off, n) {
		m, _, errno = syscall.RawSyscall6(unix.SYS_SENDFILE, uintptr(to), uintptr(from.FD()), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
	} else {
		m, _, errno = syscall.Syscall6(unix.SYS_SENDFILE, uintptr(to), uintptr(from.FD()), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(m), 0
}

func (c *Conn) memSendFile(f File, off, n int64) (int64, error) {
	buf := make([]byte, min(n, 32<<10))
	m, err := f.ReadAt(buf, off)
	if m == 0 {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	w, err := c.TryWrite(buf[:m])
	return int64(w), err
}
