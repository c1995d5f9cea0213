package loop

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sleep is how a loop waits when there is nothing to do. There are two ways.
//
// Briefly: in epoll_pwait itself, as any event loop in C does, and without telling the scheduler, so that the loop keeps
// its processor of Go's and its thread, and runs on at once when something comes. That is for a loop that has a processor
// to itself (Options.OwnProcessor), whose last sleeps were short, and that has nobody working for it who might need the
// processor (Await). A stop of the world, for the garbage collector say, ends it early: the runtime's signal does, which it
// repeats until the loop has stopped.
//
// Soundly: otherwise, and when a sleep turns out not to be short. The loop gives up processor and thread and waits in the
// Go runtime's poller, as a net.Conn would, for its epoll descriptor to become readable. An idle process costs nothing so;
// but the way back through the scheduler costs 10 µs, more with a second loop, whose thread is woken to look for work.
//
// Measured at 1,600 requests a second over 16 connections, one loop, medians of twelve rounds: 52 µs CPU a request, 100 µs from
// request to answer; with sound sleep alone 58 and 114; nginx 44 and 94. With an access log 59 against 86, nginx 48: the
// scheduler wakes its monitor for the log's write whenever it has seen all processors idle. One connection without pauses:
// 0.90 of nginx's CPU against 1.13. The 99th percentile of 64 connections over two loops: 2.0 ms against 5.4, nginx 4.4.
type sleep struct {
	short int     // how many in a row were, up to now
	began Instant // 0 = awake

	poller  *epoll   // whose sleep it is
	outer   int      // an epoll descriptor that has the loop's own in it
	heeds   bool     // outer heeds it, as it must during a sound sleep
	file    *os.File // owns outer, which the runtime's poller knows
	raw     syscall.RawConn
	timerFd int     // ends a sound sleep for the loop's timers
	armed   Instant // when timerFd fires, 0 = not set
	lookout lookout
	step    func(uintptr) bool // soundStep, made once so that sleeping does not allocate
}

const (
	briefly  = 5 * time.Millisecond // what is longer is not short
	inStride = 4                    // after so many short ones the next is taken to be short
)

func (s *sleep) open(p *epoll) (err error) {
	s.poller = p
	if s.timerFd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	if err := p.add(s.timerFd, 0, unix.EPOLLIN|edgeTriggered); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	if s.outer, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := epollCtl(s.outer, unix.EPOLL_CTL_ADD, p.fd, &unix.EpollEvent{}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	if err := unix.SetNonblock(s.outer, true); err != nil { // or os.NewFile would not use the runtime's poller
		return os.NewSyscallError("fcntl", err)
	}
	s.file = os.NewFile(uintptr(s.outer), "epoll")
	s.raw, err = s.file.SyscallConn()
	s.step = s.soundStep
	return err
}

func (s *sleep) close() {
	if s.file != nil {
		s.file.Close()
	} else if s.outer >= 0 {
		unix.Close(s.outer)
	}
	if s.timerFd >= 0 {
		unix.Close(s.timerFd)
	}
}

// until sleeps until there is an event, or a timer of the loop is due, or for nothing.
func (s *sleep) until(l *Loop) {
	s.began = clock()
	l.watch.sleeps(l, s.began)
	l.publish()
	if s.short >= inStride && l.opts.OwnProcessor && l.awaits == 0 {
		s.lookout.leaves()
		s.listen(false)
		end := s.began.Add(briefly)
		if next := l.timers.next(); next != 0 {
			end = min(end, next)
		}
		if len(l.rests) > 0 {
			end = min(end, l.unrest.Add(restWithin)) // the turn after this sees to them
		}
		if s.poller.fetch(max(0, end.Sub(s.began))) > 0 || clock() < s.began.Add(briefly) {
			return
		}
	}
	if len(l.rests) > 0 {
		if s.poller.fetch(0) > 0 {
			return
		}
		l.rest()
	}
	s.sound(l)
}

// wakes is told of the end of every poll, one that did not sleep too.
func (s *sleep) wakes(now Instant) {
	if s.began != 0 {
		if now.Sub(s.began) < briefly {
			s.short++
		} else {
			s.short = 0
		}
		s.began = 0
	}
	s.lookout.wakes(now)
	s.lookout.busy(now)
}

// sound sleeps soundly.
func (s *sleep) sound(l *Loop) {
	now, next := clock(), l.timers.next()
	if next != 0 && next <= now {
		s.poller.fetch(0)
		return
	}
	s.arm(next, now)
	s.listen(true)
	if err := s.raw.Read(s.step); err != nil {
		panic("loop: waiting for the epoll descriptor: " + err.Error())
	}
}

// soundStep is called by the runtime until it returns true, at first and then whenever the outer descriptor has become
// readable. An event between its poll and the runtime's wait is not lost, for that makes the descriptor readable, which
// the runtime notes.
func (s *sleep) soundStep(uintptr) bool {
	if s.poller.fetch(0) > 0 {
		return true
	}
	s.lookout.sleeps()
	return false
}

// listen has the outer descriptor heed the loop's own, or not, and events trouble the runtime's poller, whose thread
// would wake for each, or not.
func (s *sleep) listen(heed bool) {
	if heed == s.heeds {
		return
	}
	s.heeds = heed
	ev := unix.EpollEvent{}
	if heed {
		ev.Events = unix.EPOLLIN
	}
	if err := epollCtl(s.outer, unix.EPOLL_CTL_MOD, s.poller.fd, &ev); err != nil {
		panic("loop: listening to the epoll descriptor: " + err.Error())
	}
}

// arm sees to it that the timer descriptor fires no later than about next, at the end of the
// millisecond, so that near timers share a wake-up. If it is set to an earlier time already it is left alone: firing
// for nothing now and then costs less than a system call for each sleep.
//
// That is safe only while armed tells the truth: a loop that takes a timer that has fired for one that is set sleeps
// for ever. So it is set by the time that is left, which needs no agreement with the kernel on where zero is, and
// deliver, which sees it fire, takes armed back.
func (s *sleep) arm(next, now Instant) {
	const ms = Instant(time.Millisecond)
	if next == 0 || s.armed > now && s.armed <= next+ms {
		return
	}
	s.armed = (next + ms - 1) / ms * ms
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(s.armed - now))} // next > now, so not zero, which disarms
	syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(s.timerFd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}
