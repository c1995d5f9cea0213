package backend

import (
	"bytes"
	"net"

	"golang.org/x/sys/unix"

	"hearth/bench/epoll"
)

// lean answers GETs with the least that can be done: one thread, one epoll descriptor, three system calls for a batch's
// first request and two for each further one. The backend has to be cheaper than any proxy, or the proxies wait for it,
// work in smaller portions than they would, and their throughput and latency are the backend's. See bench/README.md.
//
// It knows no bodies. A connection whose socket takes no whole answer, which none does that reads its answers, is closed.
type lean struct {
	*counting
	epoll *epoll.Epoll
	heads []partialHead // by descriptor
	buf   [16 << 10]byte
}

// partialHead is the end of what a connection has sent of a request whose head is not complete: as much as the head's
// end can have begun in.
type partialHead struct {
	len   int8
	bytes [len(headEnd) - 1]byte
}

const headEnd = "\r\n\r\n"

var leanAnswer = []byte("HTTP/1.1 200 OK\r\nServer: lean\r\nDate: Fri, 27 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n" +
	"Content-Length: 15\r\nConnection: keep-alive\r\n\r\na small answer\n")

// serveLean takes over a listener. It returns when epoll cannot be used.
func (b *counting) serveLean(ln *net.TCPListener) error {
	e, err := epoll.New(ln)
	if err != nil {
		return err
	}
	defer e.Close()
	l := &lean{counting: b, epoll: e}
	for {
		events, err := e.Wait()
		if err != nil {
			return err
		}
		for _, event := range events {
			switch fd := int(event.Fd); {
			case fd == e.Listener:
				err = l.accept()
			case !l.answer(fd):
				unix.Close(fd)
				b.open.Add(-1)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (l *lean) accept() error {
	fd, _, err := unix.Accept4(l.epoll.Listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return nil // it is gone already, or there are no descriptors: the proxy will tell
	}
	l.accepted.Add(1)
	l.open.Add(1)
	if more := fd + 1 - len(l.heads); more > 0 {
		l.heads = append(l.heads, make([]partialHead, more)...)
	}
	l.heads[fd] = partialHead{}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return l.epoll.Watch(fd, unix.EPOLLIN)
}

// answer reads what there is and answers the requests that are complete by it. False: the connection is to be closed.
func (l *lean) answer(fd int) bool {
	h := &l.heads[fd]
	had := copy(l.buf[:], h.bytes[:h.len])
	n, errno := epoll.Recv(fd, l.buf[had:])
	switch {
	case errno == unix.EAGAIN:
		return true
	case errno != 0 || n == 0:
		l.closedByPeer.Add(1)
		return false
	}
	for range h.complete(l.buf[:had+n]) {
		if sent, errno := epoll.Send(fd, leanAnswer); errno != 0 || sent < len(leanAnswer) {
			return false
		}
		l.requests.Add(1)
	}
	return true
}

// complete says how many heads end in data, which begins with what was kept of the data before, and keeps its end.
func (h *partialHead) complete(data []byte) (n int) {
	for {
		i := bytes.Index(data, []byte(headEnd))
		if i < 0 {
			h.len = int8(copy(h.bytes[:], data[max(0, len(data)-len(h.bytes)):]))
			return n
		}
		data = data[i+len(headEnd):]
		n++
	}
}
