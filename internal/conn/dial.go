package conn

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// Dialer begins connections.
type Dialer interface {
	// Dial begins to connect and does not wait; WaitConnected does.
	Dial(l *loop.Loop, to Addr, opts DialOptions) (*Conn, error)
}

// DialOptions are what a new connection is made with. The zero value is fine.
type DialOptions struct {
	Local       Addr // bound to first, if valid
	Transparent bool // IP_TRANSPARENT: Local need not be an address of this machine
	RcvBuf      int  // bytes, 0 = the system's
	SndBuf      int
	KeepAlive   KeepAlive
	NoDelay     bool
}

// Net is the real network.
var Net Dialer = network{}

type network struct{}

func (network) Dial(l *loop.Loop, to Addr, opts DialOptions) (*Conn, error) {
	if !to.IsValid() {
		return nil, unix.EINVAL
	}
	fd, err := unix.Socket(to.family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c, err := dial(l, fd, to, &opts)
	if err != nil {
		closeFD(fd)
		return nil, err
	}
	return c, nil
}

func dial(l *loop.Loop, fd int, to Addr, opts *DialOptions) (*Conn, error) {
	if err := opts.apply(fd, to); err != nil {
		return nil, err
	}
	var s sockaddr
	if err := s.encode(to); err != nil {
		return nil, err
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(s.n))
	if errno != 0 && errno != unix.EINPROGRESS {
		return nil, errno
	}
	// Registered only now: the poller reports an unconnected socket as hung up.
	return newConn(l, fd, to, errno == unix.EINPROGRESS)
}

func (o *DialOptions) apply(fd int, to Addr) error {
	if err := setBuffers(fd, o.RcvBuf, o.SndBuf); err != nil {
		return err
	}
	if to.IsUnix() {
		return nil
	}
	if o.KeepAlive.On {
		if err := o.KeepAlive.apply(fd); err != nil {
			return os.NewSyscallError("setsockopt(SO_KEEPALIVE)", err)
		}
	}
	if o.NoDelay {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt(TCP_NODELAY)", err)
		}
	}
	if !o.Local.IsValid() || o.Local.IsUnix() {
		return nil
	}
	return o.bind(fd)
}

// bind gives the socket its local address. Without a port, the choice of one is put off until connect, which then needs to
// differ in the whole quadruple only (IP_BIND_ADDRESS_NO_PORT).
func (o *DialOptions) bind(fd int) error {
	if o.Transparent {
		level, opt := unix.SOL_IP, unix.IP_TRANSPARENT
		if o.Local.family() == unix.AF_INET6 {
			level, opt = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
		}
		if err := unix.SetsockoptInt(fd, level, opt, 1); err != nil {
			return os.NewSyscallError("setsockopt(IP_TRANSPARENT)", err)
		}
	}
	if o.Local.IP.Port() == 0 {
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}
	return bind(fd, o.Local)
}

func bind(fd int, a Addr) error {
	var s sockaddr
	if err := s.encode(a); err != nil {
		return err
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(s.n))
	return errnoOrNil(errno)
}
