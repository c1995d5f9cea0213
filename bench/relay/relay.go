// Package relay is the floor that no proxy gets under: it copies bytes between each client's connection and one to the
// backend, on one thread and one epoll descriptor, and parses nothing. It shows how much of a proxy's cost a machine's
// kernel leaves to be saved, and whether a workload's backend holds the proxies up.
package relay

import (
	"errors"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"hearth/bench/epoll"
)

// Main is the main function of the relay's process. Its argument is a file with two words: where to listen, and the
// backend's address, IPv4 both.
func Main(args []string) error {
	if len(args) != 1 {
		return errors.New("relay: want one file")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	words := strings.Fields(string(text))
	if len(words) != 2 {
		return errors.New("relay: want two addresses")
	}
	ln, err := net.Listen("tcp", words[0])
	if err != nil {
		return err
	}
	return serve(ln.(*net.TCPListener), words[1])
}

const (
	watched = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | edgeTriggered
	hangUp  = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

	edgeTriggered = 1 << 31 // unix.EPOLLET is negative
)

type relay struct {
	poll    *epoll.Epoll
	backend unix.SockaddrInet4
	ends    []end // by descriptor
	buf     [64 << 10]byte
}

// end is one of two connections whose bytes go to each other.
type end struct {
	other int    // 0: not open
	rest  []byte // for this one, which its socket has not taken; nothing is read from the other until it has
	ended bool   // nothing more comes from it
}

func serve(ln *net.TCPListener, backend string) error {
	addr, err := net.ResolveTCPAddr("tcp4", backend)
	if err != nil {
		return err
	}
	poll, err := epoll.New(ln)
	if err != nil {
		return err
	}
	defer poll.Close()
	r := &relay{poll: poll, backend: unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}}
	for {
		events, err := poll.Wait()
		if err != nil {
			return err
		}
		for _, e := range events {
			fd := int(e.Fd)
			if fd == poll.Listener {
				if err := r.accept(); err != nil {
					return err
				}
				continue
			}
			if e.Events&unix.EPOLLOUT != 0 && len(r.ends[fd].rest) > 0 {
				r.flush(fd)
			}
			if e.Events&(unix.EPOLLIN|hangUp) != 0 {
				r.move(fd, e.Events&hangUp != 0)
			}
		}
	}
}

// accept takes a client, and a connection to the backend for it.
func (r *relay) accept() error {
	client, _, err := unix.Accept4(r.poll.Listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return nil // it is gone already
	}
	backend, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(backend, &r.backend); err != nil {
		return os.NewSyscallError("connect", err)
	}
	if err := unix.SetNonblock(backend, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if more := max(client, backend) + 1 - len(r.ends); more > 0 {
		r.ends = append(r.ends, make([]end, more)...)
	}
	r.ends[client], r.ends[backend] = end{other: backend}, end{other: client}
	for _, fd := range []int{client, backend} {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err := r.poll.Watch(fd, watched); err != nil {
			return err
		}
	}
	return nil
}

// move sends what there is from fd to the other end. Only where the end of the bytes is known to be near does it read
// once more after a short read, for what is new makes an event.
func (r *relay) move(fd int, toTheEnd bool) {
	for r.ends[fd].other != 0 && !r.ends[fd].ended && len(r.ends[r.ends[fd].other].rest) == 0 {
		n, errno := epoll.Recv(fd, r.buf[:])
		if errno == unix.EAGAIN {
			return
		}
		if errno != 0 {
			r.close(fd)
			return
		}
		if n == 0 {
			r.ends[fd].ended = true
			if r.ends[r.ends[fd].other].ended {
				r.close(fd)
			} else {
				unix.Shutdown(r.ends[fd].other, unix.SHUT_WR)
			}
			return
		}
		r.send(r.ends[fd].other, r.buf[:n])
		if n < len(r.buf) && !toTheEnd {
			return
		}
	}
}

// send keeps what the socket does not take.
func (r *relay) send(fd int, p []byte) {
	n, errno := epoll.Send(fd, p)
	switch {
	case errno == unix.EAGAIN:
		n = 0
	case errno != 0:
		r.close(fd)
		return
	}
	r.ends[fd].rest = append(r.ends[fd].rest[:0], p[n:]...)
}

// flush is told that there is room again.
func (r *relay) flush(fd int) {
	rest := r.ends[fd].rest
	r.ends[fd].rest = nil
	r.send(fd, rest)
	if e := r.ends[fd]; e.other != 0 && len(e.rest) == 0 {
		r.move(e.other, true)
	}
}

// close ends both connections.
func (r *relay) close(fd int) {
	other := r.ends[fd].other
	r.ends[fd], r.ends[other] = end{}, end{}
	unix.Close(fd)
	unix.Close(other)
}
