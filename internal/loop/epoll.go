package loop

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	maskRead      = unix.EPOLLIN | unix.EPOLLRDHUP | edgeTriggered
	maskAll       = maskRead | unix.EPOLLOUT
	maskLevelRead = unix.EPOLLIN
	edgeTriggered = 1 << 31 // unix.EPOLLET is negative
)

// epoll is the real poller. Its system calls are made raw, without telling the scheduler: all but the brief sleep's
// return at once. While there is work it polls without waiting; when there is none it sleeps.
type epoll struct {
	fd      int
	eventFd int // Post and Stop write to it
	events  [256]unix.EpollEvent
	fetched int
	sleep   sleep
}

// The poller's own descriptors have handles without meaning: that they woke it is all they are for. Both are
// edge-triggered and never read, for every write and every expiry is an edge of its own.
func newEpoll() (*epoll, error) {
	p := &epoll{fd: -1, eventFd: -1, sleep: sleep{outer: -1, timerFd: -1}}
	if err := p.open(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) open() (err error) {
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if p.eventFd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	if err := p.add(p.eventFd, 0, unix.EPOLLIN|edgeTriggered); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	return p.sleep.open(p)
}

func (p *epoll) close() {
	p.sleep.close()
	for _, fd := range []int{p.eventFd, p.fd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func (p *epoll) poll(l *Loop, sleep bool) {
	if sleep {
		p.sleep.until(l)
	} else {
		p.fetch(0)
	}
	l.now = clock()
	p.sleep.wakes(l.now)
	l.watch.turnEnds(l, l.now)
	p.deliver(l)
}

// fetch asks for events, and waits that long for the first. A wait may end early for nothing (EINTR).
func (p *epoll) fetch(wait time.Duration) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr((wait+time.Millisecond-1)/time.Millisecond), 0, 0)
	if errno != 0 {
		n = 0
	}
	p.fetched = int(n)
	return p.fetched
}

func (p *epoll) deliver(l *Loop) {
	events := p.events[:p.fetched]
	p.fetched = 0
	l.stats.events.Add(int64(len(events)))
	for i := range events {
		e := &events[i]
		gen := uint32(e.Pad)
		if gen == 0 { // the poller's own
			if int(e.Fd) == p.sleep.timerFd {
				p.sleep.armed = 0
			}
			continue
		}
		h := handles.at(int(e.Fd)).Load()
		if h == nil || !h.deliver(gen, readiness(e.Events)) {
			l.stats.stale.Add(1)
		}
	}
}

func readiness(mask uint32) Readiness {
	var r Readiness
	if mask&unix.EPOLLIN != 0 {
		r |= Readable
	}
	if mask&unix.EPOLLOUT != 0 {
		r |= Writable
	}
	if mask&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		r |= HangUp
	}
	if mask&unix.EPOLLERR != 0 {
		r |= Failed
	}
	return r
}

// epollCtl is epoll_ctl, made raw.
func epollCtl(epoll, op, fd int, ev *unix.EpollEvent) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(ev)), 0, 0)
	return errnoOrNil(errno)
}

func (p *epoll) ctl(op, fd int, ev *unix.EpollEvent) error { return epollCtl(p.fd, op, fd, ev) }

func (p *epoll) add(fd int, gen uint32, mask uint32) error {
	return p.ctl(unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: mask, Fd: int32(fd), Pad: int32(gen)})
}

func (p *epoll) modify(fd int, gen uint32, mask uint32) error {
	return p.ctl(unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: mask, Fd: int32(fd), Pad: int32(gen)})
}

func (p *epoll) remove(fd int) error { return p.ctl(unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{}) }

func (p *epoll) wake() {
	one := uint64(1)
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.eventFd), uintptr(unsafe.Pointer(&one)), 8)
}
