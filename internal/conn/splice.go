package conn

import (
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// Splicer moves bytes from one socket to another through a pipe, without copying them through the process. It
// holds a pipe of its loop's pool until Release. Between in-memory connections it copies.
//
// Its steps alternate: Pull until bytes are held, then Push until none are. So an EAGAIN of Pull always
// means that the source is empty, never that the pipe is full.
type Splicer struct {
	loop *loop.Loop
	r, w int
	held int    // bytes in the pipe
	mem  []byte // the pipe, where there are no descriptors
	next *Splicer
}

// pipeSize is asked for each pipe, and is more than the kernel's 64 KB because fewer and larger moves are
// cheaper. Relaying 1 GB cost this much CPU: through pipes of 64 KB 0.50 s, 256 KB 0.44 s, 1 MB 0.26 s; by Read and Write
// with a buffer of 64 KB 0.58 s, 256 KB 0.53 s, 1 MB 0.48 s; in nginx 0.85 s. A process without
// privileges gets the size for some 64 pipes (fs.pipe-user-pages-soft), and smaller ones beyond.
const pipeSize = 1 << 20

// spareSplicers is how many unused pipes a loop keeps.
const spareSplicers = 16

// splicers is a loop's pool of unused, empty pipes.
type splicers struct {
	free *Splicer
	n    int
}

type splicersKey struct{}

func splicersOf(l *loop.Loop) *splicers {
	if s, ok := l.Value(splicersKey{}).(*splicers); ok {
		return s
	}
	s := new(splicers)
	l.SetValue(splicersKey{}, s)
	return s
}

// NewSplicer takes a pipe from the loop's pool, or opens one.
func NewSplicer(l *loop.Loop) (*Splicer, error) {
	pool := splicersOf(l)
	if s := pool.free; s != nil {
		pool.free, s.next = s.next, nil
		pool.n--
		return s, nil
	}
	s := &Splicer{loop: l, r: -1, w: -1}
	if l.Sim() != nil {
		return s, nil
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	s.r, s.w = p[0], p[1]
	unix.FcntlInt(uintptr(s.w), unix.F_SETPIPE_SZ, pipeSize) // else it stays at 64 KB
	return s, nil
}

// Release gives the pipe back. One that still holds bytes is closed.
func (s *Splicer) Release() {
	pool := splicersOf(s.loop)
	if s.held > 0 || pool.n >= spareSplicers {
		s.closePipe()
		return
	}
	s.next, pool.free = pool.free, s
	pool.n++
}

func (s *Splicer) closePipe() {
	if s.r >= 0 {
		closeFD(s.r)
		closeFD(s.w)
		s.r, s.w = -1, -1
	}
}

// CloseSplicers closes the unused pipes of a loop that is about to end.
func CloseSplicers(l *loop.Loop) {
	pool := splicersOf(l)
	for s := pool.free; s != nil; s = s.next {
		s.closePipe()
	}
	*pool = splicers{}
}

// Held is the number of bytes pulled and not yet pushed.
func (s *Splicer) Held() int { return s.held }

// Pull moves up to n bytes from src into the pipe, which must be empty: ErrAgain when src has none, io.EOF at its end.
func (s *Splicer) Pull(src *Conn, n int64) (int, error) {
	switch {
	case s.held > 0:
		panic("conn: Splicer.Pull before all is pushed")
	case !src.readable.IsSet():
		return 0, ErrAgain
	case src.closed:
		return 0, ErrClosed
	}
	m, errno := s.pull(src, int(min(n, pipeSize)))
	switch {
	case errno == unix.EAGAIN:
		src.readable.Clear()
		return 0, ErrAgain
	case errno != 0:
		return 0, errno
	case m == 0:
		return 0, io.EOF
	}
	s.held = m
	src.BytesRead += int64(m)
	src.loop.Charge(m)
	return m, nil
}

func (s *Splicer) pull(src *Conn, n int) (int, syscall.Errno) {
	if src.mem == nil {
		return splice(int(src.fd), s.w, n)
	}
	buf := make([]byte, min(n, 64<<10))
	m, errno := src.mem.recv(buf, false)
	s.mem = buf[:m]
	return m, errno
}

// Push moves what the pipe holds to dst; ErrAgain when there is no room.
func (s *Splicer) Push(dst *Conn) (int, error) {
	dst.settle()
	switch {
	case s.held == 0:
		return 0, nil
	case dst.closed:
		return 0, ErrClosed
	case !dst.writable.IsSet():
		return 0, ErrAgain
	}
	m, errno := s.push(dst)
	// Why a push was cut short is the kernel's secret (the pages, or the room), so only EAGAIN means full.
	m, err := dst.wrote(m, m, errno)
	s.held -= m
	return m, err
}

func (s *Splicer) push(dst *Conn) (int, syscall.Errno) {
	if dst.mem == nil {
		return splice(s.r, int(dst.fd), s.held)
	}
	m, errno := dst.mem.send(s.mem)
	s.mem = s.mem[m:]
	return m, errno
}

func splice(from, to, n int) (int, syscall.Errno) {
	m, _, errno := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n),
		unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	if errno != 0 {
		m = 0
	}
	return int(m), errno
}

// SpliceError tells which side of a Splice failed.
type SpliceError struct {
	Write bool // writing to dst, else reading from src
	Err   error
}

func (e *SpliceError) Error() string { return e.Err.Error() }
func (e *SpliceError) Unwrap() error { return e.Err }

// Splice moves n bytes from src to dst, both of one loop, waiting as often as it takes, and returns how many reached
// dst. n < 0 is until src's end. The timeouts are for each wait. An end of src before n bytes is io.ErrUnexpectedEOF. Errors
// are *SpliceError.
func Splice(dst, src *Conn, n int64, readTimeout, writeTimeout time.Duration) (int64, error) {
	s, err := NewSplicer(src.loop)
	if err != nil {
		return 0, &SpliceError{Err: err}
	}
	defer s.Release()
	var moved int64
	for n < 0 || moved < n {
		want := n - moved
		if n < 0 {
			want = pipeSize
		}
		if err := s.fill(src, want, readTimeout); err != nil {
			if err == io.EOF && n < 0 {
				return moved, nil
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return moved, &SpliceError{Err: err}
		}
		for s.held > 0 {
			m, err := s.Push(dst)
			moved += int64(m)
			if s.held == 0 {
				src.loop.Breathe()
				break
			}
			if err := dst.waitRoom(err, writeTimeout); err != nil {
				return moved, &SpliceError{Write: true, Err: err}
			}
		}
	}
	return moved, nil
}

func (s *Splicer) fill(src *Conn, n int64, timeout time.Duration) error {
	for {
		_, err := s.Pull(src, n)
		if err != ErrAgain {
			return err
		}
		var deadline loop.Instant
		if timeout > 0 {
			deadline = src.loop.Now().Add(timeout)
		}
		if err := src.loop.Wait(deadline, &src.readable); err != nil {
			return err
		}
	}
}
