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

// epoll is the real poller. All its system calls return at once, so they are made raw, without
// telling the scheduler.
//
// While there is work it polls without waiting. When there is none it waits for its own epoll descriptor to
// become readable through the Go runtime's poller, as a net.Conn would: no thread is held.
type epoll struct {
	fd      int
	file    *os.File // owns fd
	raw     syscall.RawConn
	eventFd int // Post and Stop write to it
	timerFd int
	armed   Instant // when timerFd fires, 0 = not set
	events  [256]unix.EpollEvent
	fetched int
	lookout lookout
	loop    *Loop              // during a wait
	step    func(uintptr) bool // waitStep, made once so that waiting does not allocate
}

// The poller's own descriptors have handles without meaning: that they woke it is all they are for. Both are
// edge-triggered and never read, for every write and every expiry is an edge of its own.
func newEpoll() (*epoll, error) {
	p := &epoll{fd: -1, eventFd: -1, timerFd: -1}
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
	if p.timerFd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	for _, fd := range []int{p.eventFd, p.timerFd} {
		if err := p.add(fd, 0, unix.EPOLLIN|edgeTriggered); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	if err := unix.SetNonblock(p.fd, true); err != nil { // or os.NewFile would not use the runtime's poller
		return os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	p.raw, err = p.file.SyscallConn()
	p.step = p.waitStep
	return err
}

func (p *epoll) close() {
	if p.file != nil {
		p.file.Close()
	} else if p.fd >= 0 {
		unix.Close(p.fd)
	}
	for _, fd := range []int{p.eventFd, p.timerFd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func (p *epoll) poll(l *Loop, sleep bool) {
	if !sleep {
		p.fetch()
	} else {
		p.loop = l
		if err := p.raw.Read(p.step); err != nil {
			panic("loop: waiting for the epoll descriptor: " + err.Error())
		}
	}
	l.now = clock()
	p.lookout.wakes(l.now)
	p.lookout.busy(l.now)
	l.watch.turnEnds(l, l.now)
	p.deliver(l)
}

// waitStep is called by the runtime until it returns true, at first and then whenever the epoll
// descriptor has become readable. An event between its poll and the runtime's wait is not lost, for
// that makes the descriptor readable, which the runtime notes.
func (p *epoll) waitStep(uintptr) bool {
	if p.fetch() > 0 {
		return true
	}
	l := p.loop
	if len(l.rests) > 0 {
		l.rest()
		if p.fetch() > 0 {
			return true
		}
	}
	now := clock()
	l.watch.turnEnds(l, now)
	next := l.timers.next()
	if next != 0 && next <= now {
		return true
	}
	l.watch.began.Store(0)
	l.publish()
	p.arm(next, now)
	p.lookout.sleeps()
	return false
}

// arm sees to it that the timer descriptor fires no later than about next, at the end of the
// millisecond, so that near timers share a wake-up. If it is set to an earlier time already it is left alone: firing
// for nothing now and then costs less than a system call for each sleep.
//
// That is safe only while armed tells the truth: a loop that takes a timer that has fired for one that is set sleeps
// for ever. So it is set by the time that is left, which needs no agreement with the kernel on where zero is, and
// deliver, which sees it fire, takes armed back.
func (p *epoll) arm(next, now Instant) {
	const ms = Instant(time.Millisecond)
	if next == 0 || p.armed > now && p.armed <= next+ms {
		return
	}
	p.armed = (next + ms - 1) / ms * ms
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(p.armed - now))} // next > now, so not zero, which disarms
	syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.timerFd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

func (p *epoll) fetch() int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
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
			if int(e.Fd) == p.timerFd {
				p.armed = 0
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

func (p *epoll) ctl(op, fd int, ev *unix.EpollEvent) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(ev)), 0, 0)
	return errnoOrNil(errno)
}

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
