package conn

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the data path. They never block, the sockets being non-blocking, and so are
// made raw: telling the scheduler would cost as much as the smaller of them.

func (c *Conn) recv(p []byte, flags int) (int, syscall.Errno) {
	if c.mem != nil {
		return c.mem.recv(p, flags&unix.MSG_PEEK != 0)
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
	return int(n), errno
}

func (c *Conn) send(p []byte) (int, syscall.Errno) {
	if c.mem != nil {
		return c.mem.send(p)
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// maxVectors is how many buffers go into one system call; Writev takes any number.
const maxVectors = 64

// TryWritev is TryWrite of several buffers, in one system call.
func (c *Conn) TryWritev(bufs [][]byte) (int, error) {
	c.settle()
	if c.closed {
		return 0, ErrClosed
	}
	if !c.writable.IsSet() {
		return 0, ErrAgain
	}
	if c.tls != nil {
		return c.tls.writev(bufs)
	}
	if c.mem != nil {
		return c.memWritev(bufs)
	}
	var vec [maxVectors]unix.Iovec
	k, want := 0, 0
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		if k == maxVectors {
			break
		}
		vec[k].Base = unsafe.SliceData(b)
		vec[k].SetLen(len(b))
		want += len(b)
		k++
	}
	if k == 0 {
		return 0, nil
	}
	msg := unix.Msghdr{Iov: &vec[0]}
	msg.SetIovlen(k)
	n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_NOSIGNAL)
	return c.wrote(int(n), want, errno)
}

func (c *Conn) memWritev(bufs [][]byte) (total int, err error) {
	for _, b := range bufs {
		n, err := c.TryWrite(b)
		total += n
		if n < len(b) {
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
	}
	return total, nil
}

// Writev is Write of several buffers. It changes bufs and its elements as it goes.
func (c *Conn) Writev(bufs [][]byte, timeout time.Duration) error {
	for {
		n, err := c.TryWritev(bufs)
		for len(bufs) > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if len(bufs) == 0 && err == nil {
			c.loop.Breathe()
			return nil
		}
		if len(bufs) > 0 {
			bufs[0] = bufs[0][n:]
		}
		if err := c.waitRoom(err, timeout); err != nil {
			return err
		}
	}
}

func closeFD(fd int) { syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// pendingError takes the socket's error.
func (c *Conn) pendingError() error {
	if c.mem != nil {
		return errnoOrNil(c.mem.err)
	}
	e, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	return errnoOrNil(syscall.Errno(e))
}

func errnoOrNil(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// LocalAddr asks the kernel for our end's address.
func (c *Conn) LocalAddr() Addr {
	if c.mem != nil {
		return c.mem.local
	}
	return localAddr(int(c.fd))
}

func localAddr(fd int) Addr {
	var s sockaddr
	s.clear()
	_, _, errno := syscall.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(unsafe.Pointer(&s.n)))
	if errno != 0 {
		return Addr{}
	}
	return s.decode()
}

// KeepAlive is a socket's TCP keepalive. A zero duration or count leaves the system's.
type KeepAlive struct {
	On             bool
	Idle, Interval time.Duration // whole seconds
	Count          int
}

func (k KeepAlive) apply(fd int) error {
	if !k.On {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
		return err
	}
	for _, o := range []struct{ opt, val int }{
		{unix.TCP_KEEPIDLE, int(k.Idle / time.Second)},
		{unix.TCP_KEEPINTVL, int(k.Interval / time.Second)},
		{unix.TCP_KEEPCNT, k.Count},
	} {
		if o.val == 0 {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, o.opt, o.val); err != nil {
			return err
		}
	}
	return nil
}

// SetKeepAlive sets TCP keepalive.
func (c *Conn) SetKeepAlive(k KeepAlive) error {
	if c.mem != nil {
		return nil
	}
	return k.apply(int(c.fd))
}

// SetNoDelay sets TCP_NODELAY. On a unix socket it does nothing.
func (c *Conn) SetNoDelay(on bool) error {
	if c.mem != nil || !c.remote.IP.IsValid() {
		return nil
	}
	return unix.SetsockoptInt(int(c.fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, bit(on))
}

// SetCork sets TCP_CORK: full segments only, until it is taken off again.
func (c *Conn) SetCork(on bool) error {
	if c.mem != nil || !c.remote.IP.IsValid() {
		return nil
	}
	return unix.SetsockoptInt(int(c.fd), unix.IPPROTO_TCP, unix.TCP_CORK, bit(on))
}

// SetBuffers sets the kernel's buffer sizes in bytes; 0 leaves one as it is.
func (c *Conn) SetBuffers(rcv, snd int) error {
	if c.mem != nil {
		return nil
	}
	return setBuffers(int(c.fd), rcv, snd)
}

func setBuffers(fd, rcv, snd int) error {
	if rcv > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, rcv); err != nil {
			return os.NewSyscallError("setsockopt(SO_RCVBUF)", err)
		}
	}
	if snd > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, snd); err != nil {
			return os.NewSyscallError("setsockopt(SO_SNDBUF)", err)
		}
	}
	return nil
}

// SetSendLowWater sets how many unsent bytes the kernel takes before it reports no room (TCP_NOTSENT_LOWAT).
func (c *Conn) SetSendLowWater(n int) error {
	if c.mem != nil || !c.remote.IP.IsValid() {
		return nil
	}
	return unix.SetsockoptInt(int(c.fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, n)
}

// Unsent is the number of bytes that the kernel holds and the peer has not acknowledged.
func (c *Conn) Unsent() int {
	if c.mem != nil {
		return len(c.mem.out)
	}
	n, _ := unix.IoctlGetInt(int(c.fd), unix.TIOCOUTQ)
	return n
}

// Info returns the kernel's figures of a TCP connection.
func (c *Conn) Info() (*unix.TCPInfo, error) {
	if c.mem != nil || !c.remote.IP.IsValid() {
		return nil, unix.EOPNOTSUPP
	}
	return unix.GetsockoptTCPInfo(int(c.fd), unix.IPPROTO_TCP, unix.TCP_INFO)
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}
