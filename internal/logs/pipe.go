package logs

import (
	"bytes"
	"sync"

	"golang.org/x/sys/unix"
)

// atomicWrite is what a pipe with any room at all (POLLOUT) takes at once.
const atomicWrite = 4096

// writePipe writes p to something that could block, without blocking. A line is
// never torn: of one that went out in part, the rest is kept and goes first the next time;
// lines for which there is no room are dropped and counted. Dropping is no error.
// Called with pending.mu held.
func (f *File) writePipe(p []byte) (int, error) {
	if rest := f.pending.rest; len(rest) > 0 {
		n, err := f.writeSome(rest)
		if n < len(rest) {
			f.pending.rest = append(rest[:0], rest[n:]...)
			f.dropped.Add(int64(bytes.Count(p, []byte{'\n'})))
			return len(p), ignoreAgain(err)
		}
		f.pending.rest = rest[:0]
	}
	n, err := f.writeSome(p)
	if n == len(p) {
		return n, nil
	}
	lost := p[n:]
	if n > 0 && p[n-1] != '\n' { // inside a line
		end := len(lost)
		if i := bytes.IndexByte(lost, '\n'); i >= 0 {
			end = i + 1
		}
		if end <= maxPending {
			f.pending.rest = append(f.pending.rest, lost[:end]...)
			lost = lost[end:]
		}
	}
	f.dropped.Add(int64(bytes.Count(lost, []byte{'\n'})))
	return len(p), ignoreAgain(err)
}

func ignoreAgain(err error) error {
	if err == unix.EAGAIN {
		return nil
	}
	return err
}

// writeSome writes as much of p as there is room for now.
func (f *File) writeSome(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:]
		if f.polled {
			if !pollOut(f.fd) {
				return n, unix.EAGAIN
			}
			piece = piece[:min(len(piece), atomicWrite)]
		}
		m, err := writeFD(f.fd, piece)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// pollOut reports whether fd has room. A descriptor in error counts as having
// some: the write then says what is wrong.
func pollOut(fd int) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds[:], 0)
	return n > 0 || err != nil && err != unix.EINTR
}

// StandardError returns a log that writes to descriptor 2, which other processes may
// share: it is not made non-blocking but polled, unless it is a regular file.
func StandardError() *File { return standardError() }

// One File for all users, so that the rest of a line is kept in one place.
var standardError = sync.OnceValue(func() *File { return wrapFD(2) })

func wrapFD(fd int) *File {
	f := &File{path: "stderr", fd: fd, polled: true, blocks: true}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		f.blocks = false
	}
	return f
}
