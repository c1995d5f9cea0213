// Package epoll is what the bench's own servers wait with that must cost less than any proxy: one thread, system calls
// made raw, without telling the scheduler. It knows descriptors and nothing of what goes over them.
package epoll

import (
	"net"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Epoll is one epoll descriptor, for the goroutine that has made it.
type Epoll struct {
	Listener int // a descriptor of the listener, watched
	file     *os.File
	fd       int
	events   [256]unix.EpollEvent
}

// patience is how long one wait is, in milliseconds.
const patience = 10

// New takes a listener over. The calling goroutine keeps its thread from now on.
func New(ln *net.TCPListener) (*Epoll, error) {
	runtime.LockOSThread()
	file, err := ln.File()
	if err != nil {
		return nil, err
	}
	e := &Epoll{Listener: int(file.Fd()), file: file}
	if e.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		file.Close()
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err = os.NewSyscallError("fcntl", unix.SetNonblock(e.Listener, true)); err == nil {
		err = e.Watch(e.Listener, unix.EPOLLIN)
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Close closes the descriptors that New has made.
func (e *Epoll) Close() {
	unix.Close(e.fd)
	e.file.Close()
}

// Watch asks for events of fd.
func (e *Epoll) Watch(fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}))
}

// Wait returns the events there are, or the next ones. They are valid until it is called again.
//
// It waits raw, so that the scheduler does not take this thread for one that has gone to sleep. What wants to stop the
// world sends a signal, which ends the wait; but one that comes just before it is lost, so it is short.
func (e *Epoll) Wait() ([]unix.EpollEvent, error) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])),
			uintptr(len(e.events)), patience, 0, 0)
		switch {
		case n == 0 || errno == unix.EINTR:
			runtime.Gosched()
		case errno != 0:
			return nil, os.NewSyscallError("epoll_pwait", errno)
		default:
			return e.events[:n], nil
		}
	}
}

// Recv is recv(2).
func Recv(fd int, p []byte) (int, syscall.Errno) { return call(unix.SYS_RECVFROM, fd, p, 0) }

// Send is send(2), without the signal.
func Send(fd int, p []byte) (int, syscall.Errno) {
	return call(unix.SYS_SENDTO, fd, p, unix.MSG_NOSIGNAL)
}

func call(number uintptr, fd int, p []byte, flags int) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
	return int(n), errno
}
