package conn

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ListenOptions are what a listening socket is made with. Zero values leave the system's defaults.
type ListenOptions struct {
	Addr        Addr
	Backlog     int  // 0 = 511, nginx's default
	ReusePort   bool // SO_REUSEPORT: several sockets of the same address share the connections
	IPv6Only    bool // an IPv6 socket takes no IPv4 connections
	RcvBuf      int  // bytes
	SndBuf      int
	DeferAccept bool      // a connection is reported only once it has sent something
	FastOpen    int       // length of the queue of TCP Fast Open, 0 = off
	KeepAlive   KeepAlive // inherited by the connections, so that they need no call of their own
	NoDelay     bool      // likewise
	Transparent bool
	Mode        os.FileMode // of a unix socket's file, 0 = 0666
}

const defaultBacklog = 511

// ListenError is the failure of one step of making a listening socket. Its text, put together with the
// address as nginx does, reads `bind() to 0.0.0.0:80 failed (98: Address already in use)`.
type ListenError struct {
	Call  string // "socket()", "bind()", "listen()", "setsockopt(SO_REUSEPORT)" ...
	Addr  Addr
	Errno syscall.Errno
}

func (e *ListenError) Error() string {
	call := e.Call
	switch call {
	case "bind()", "listen()":
		call += " to"
	}
	return call + " " + e.Addr.String() + " failed " + ErrnoText(e.Errno)
}

func (e *ListenError) Unwrap() error { return e.Errno }

func listenError(call string, a Addr, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = unix.EINVAL
	}
	return &ListenError{Call: call, Addr: a, Errno: errno}
}

// Listen opens, binds and listens, without a loop.
func Listen(o ListenOptions) (*Listener, error) {
	fd, err := unix.Socket(o.Addr.family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, listenError("socket()", o.Addr, err)
	}
	if err := o.open(fd); err != nil {
		closeFD(fd)
		return nil, err
	}
	return &Listener{fd: fd, addr: o.addrOf(fd)}, nil
}

// addrOf is the address listened on; the kernel has chosen the port if none was asked for.
func (o *ListenOptions) addrOf(fd int) Addr {
	if o.Addr.IsUnix() || o.Addr.IP.Port() != 0 {
		return o.Addr
	}
	return localAddr(fd)
}

func (o *ListenOptions) open(fd int) error {
	for _, opt := range o.options() {
		if err := unix.SetsockoptInt(fd, opt.level, opt.name, opt.value); err != nil {
			return listenError("setsockopt("+opt.text+")", o.Addr, err)
		}
	}
	if o.KeepAlive.On {
		if err := o.KeepAlive.apply(fd); err != nil {
			return listenError("setsockopt(SO_KEEPALIVE)", o.Addr, err)
		}
	}
	if err := o.bind(fd); err != nil {
		return listenError("bind()", o.Addr, err)
	}
	if err := o.listen(fd); err != nil {
		return listenError("listen()", o.Addr, err)
	}
	return nil
}

// Apply changes the options of a socket that listens already, for a reload: those that can be changed then, which are all but the
// address, ReusePort and IPv6Only. What was set and is no longer (a buffer size) stays as it is.
func (ln *Listener) Apply(o ListenOptions) error {
	for _, opt := range o.options() {
		if opt.name == unix.SO_REUSEPORT && opt.level == unix.SOL_SOCKET || opt.name == unix.IPV6_V6ONLY && opt.level == unix.IPPROTO_IPV6 {
			continue
		}
		if err := unix.SetsockoptInt(ln.fd, opt.level, opt.name, opt.value); err != nil {
			return listenError("setsockopt("+opt.text+")", o.Addr, err)
		}
	}
	if o.KeepAlive.On {
		if err := o.KeepAlive.apply(ln.fd); err != nil {
			return listenError("setsockopt(SO_KEEPALIVE)", o.Addr, err)
		}
	}
	if err := o.listen(ln.fd); err != nil {
		return listenError("listen()", o.Addr, err)
	}
	return nil
}

func (o *ListenOptions) listen(fd int) error {
	if o.Backlog > 0 {
		return unix.Listen(fd, o.Backlog)
	}
	return unix.Listen(fd, defaultBacklog)
}

// bind removes what a dead process has left of a unix socket: a file that nobody listens on.
func (o *ListenOptions) bind(fd int) error {
	err := bind(fd, o.Addr)
	file := o.Addr.IsUnix() && o.Addr.Path[0] != '@'
	if err == unix.EADDRINUSE && file && !answers(o.Addr) {
		if os.Remove(o.Addr.Path) == nil {
			err = bind(fd, o.Addr)
		}
	}
	if err != nil || !file {
		return err
	}
	mode := o.Mode
	if mode == 0 {
		mode = 0o666
	}
	return os.Chmod(o.Addr.Path, mode)
}

func answers(a Addr) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer closeFD(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: a.Path}) != unix.ECONNREFUSED
}

type socketOption struct {
	level, name, value int
	text               string
}

func (o *ListenOptions) options() []socketOption {
	if o.Addr.IsUnix() {
		return o.bufferOptions(nil)
	}
	opts := []socketOption{{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1, "SO_REUSEADDR"}}
	if o.ReusePort {
		opts = append(opts, socketOption{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1, "SO_REUSEPORT"})
	}
	if o.Addr.family() == unix.AF_INET6 {
		opts = append(opts, socketOption{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, bit(o.IPv6Only), "IPV6_V6ONLY"})
	}
	if o.DeferAccept {
		opts = append(opts, socketOption{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1, "TCP_DEFER_ACCEPT"})
	}
	if o.FastOpen > 0 {
		opts = append(opts, socketOption{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, o.FastOpen, "TCP_FASTOPEN"})
	}
	if o.NoDelay {
		opts = append(opts, socketOption{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1, "TCP_NODELAY"})
	}
	if o.Transparent {
		opts = append(opts, socketOption{unix.SOL_IP, unix.IP_TRANSPARENT, 1, "IP_TRANSPARENT"})
	}
	return o.bufferOptions(opts)
}

func (o *ListenOptions) bufferOptions(opts []socketOption) []socketOption {
	if o.RcvBuf > 0 {
		opts = append(opts, socketOption{unix.SOL_SOCKET, unix.SO_RCVBUF, o.RcvBuf, "SO_RCVBUF"})
	}
	if o.SndBuf > 0 {
		opts = append(opts, socketOption{unix.SOL_SOCKET, unix.SO_SNDBUF, o.SndBuf, "SO_SNDBUF"})
	}
	return opts
}

// ListenerFromFD makes a Listener of an inherited listening socket, which becomes its own.
func ListenerFromFD(fd int) (*Listener, error) {
	if v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || v == 0 {
		if err == nil {
			err = unix.EINVAL
		}
		return nil, os.NewSyscallError("getsockopt(SO_ACCEPTCONN)", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	unix.CloseOnExec(fd)
	return &Listener{fd: fd, addr: localAddr(fd)}, nil
}

// acceptPause is how long a listener rests when the process is out of descriptors.
const acceptPause = 500 * time.Millisecond
