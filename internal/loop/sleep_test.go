package loop

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var sleepFor = flag.Duration("sleep", time.Second, "how long TestNoWakeUpIsLost goes on with each GOMAXPROCS")

// fireAfter has the timer descriptor fire earlier than p.sleep.armed says.
func (p *epoll) fireAfter(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.sleep.timerFd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

func TestATimerDescriptorThatFiresEarlyIsSetAgain(t *testing.T) {
	l := runLoop(t, Options{})
	woke := make(chan error, 1)
	l.Post(func() {
		l.Go(func() {
			deadline := l.Now().Add(50 * time.Millisecond)
			p := l.poll.(*epoll)
			p.sleep.armed = deadline
			p.fireAfter(time.Millisecond)
			woke <- l.Wait(deadline)
		})
	})
	select {
	case err := <-woke:
		if err != ErrTimeout {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the loop takes a timer that has fired for one that is set, and sleeps for ever")
	}
}

// A loop that cannot be made closes what it has opened, and nothing else: not descriptor 0.
func TestALoopThatCannotBeMadeLeavesNothingBehind(t *testing.T) {
	open := func() (fds []int) {
		for fd := range 64 {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				fds = append(fds, fd)
			}
		}
		return fds
	}
	before := open()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for spare := uint64(0); ; spare++ {
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: spare, Max: limit.Max})
		l, err := New(Options{})
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
		if err == nil {
			l.poll.close()
		} else if !errors.Is(err, unix.EMFILE) {
			t.Fatal(err)
		}
		if after := open(); !slices.Equal(before, after) {
			t.Fatalf("limit %d: open before: %v, after: %v", spare, before, after)
		}
		if err == nil {
			return
		}
	}
}

// sleeper is a fiber that only ever waits: for its time, for a posted event, or for bytes.
type sleeper struct {
	l     *Loop
	beats atomic.Int64 // how often it has woken
}

// naps are waits that only the timer ends, most of them alone on their loop.
func (s *sleeper) naps(end Instant) {
	for s.l.Now() < end {
		d := time.Duration(rand.IntN(3_000)) * time.Microsecond
		if rand.IntN(16) == 0 {
			d = time.Duration(rand.IntN(30)) * time.Millisecond
		}
		s.l.Wait(s.l.Now().Add(d))
		s.beats.Add(1)
	}
}

// asks are waits that only a goroutine's post ends.
func (s *sleeper) asks(end Instant) {
	for s.l.Now() < end {
		var answered Event
		go func() {
			for range rand.IntN(3) {
				runtime.Gosched()
			}
			s.l.Post(func() { answered.Set(s.l) })
		}()
		s.l.Wait(0, &answered)
		s.beats.Add(1)
	}
}

func (s *sleeper) awaits(end Instant) {
	for s.l.Now() < end {
		s.l.Await(func() { time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond) })
		s.beats.Add(1)
	}
}

// passes hands a post round the loops, each of which sleeps meanwhile.
func (s *sleeper) passes(end Instant, others []*Loop) {
	for s.l.Now() < end {
		var back Event
		var hop func(n int)
		hop = func(n int) {
			if n == len(others) {
				s.l.Post(func() { back.Set(s.l) })
				return
			}
			others[n].Post(func() { hop(n + 1) })
		}
		hop(0)
		s.l.Wait(0, &back)
		s.beats.Add(1)
	}
}

// end of a socket pair, registered with a loop.
type pairEnd struct {
	Handle
	l        *Loop
	fd       int
	readable Event
}

func (e *pairEnd) Ready(ev Readiness) {
	if ev&Lent == 0 {
		e.readable.Set(e.l)
	}
}

// plays throws a byte to and fro with another loop, over a socket that is edge-triggered on both.
func (s *sleeper) plays(t *testing.T, end Instant, fd int, first bool) {
	e := &pairEnd{l: s.l, fd: fd}
	if err := s.l.Register(fd, &e.Handle, e, true); err != nil {
		t.Error(err)
		return
	}
	var b [1]byte
	if first {
		unix.Write(fd, b[:])
	}
	for {
		n, err := unix.Read(fd, b[:])
		if err == unix.EAGAIN {
			e.readable.Clear()
			s.l.Wait(0, &e.readable)
			continue
		}
		if n != 1 || err != nil {
			break
		}
		s.beats.Add(1)
		if s.l.Now() >= end {
			break
		}
		if _, err := unix.Write(fd, b[:]); err != nil {
			break
		}
	}
	e.Forget(fd)
	unix.Close(fd)
}

// A loop that sleeps is woken by its timers, by posts, by descriptors, however these fall together with its going to
// sleep, with collections of garbage and with stops of the world.
func TestNoWakeUpIsLost(t *testing.T) {
	for _, procs := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("GOMAXPROCS %d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			sleepAndWake(t, *sleepFor, false)
		})
	}
	t.Run("with processors of their own", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
		sleepAndWake(t, *sleepFor, true)
	})
}

func sleepAndWake(t *testing.T, d time.Duration, own bool) {
	loops := make([]*Loop, 3)
	for i := range loops {
		loops[i] = runLoop(t, Options{ID: i, Stall: 5 * time.Second, OwnProcessor: own, Log: func(msg string) { t.Log(msg) }})
	}
	end := clock().Add(d)
	var all []*sleeper
	var working sync.WaitGroup
	start := func(l *Loop, what func(*sleeper)) {
		s := &sleeper{l: l}
		all = append(all, s)
		working.Add(1)
		l.Post(func() { l.Go(func() { defer working.Done(); what(s) }) })
	}
	for i, l := range loops {
		start(l, func(s *sleeper) { s.naps(end) })
		if i == 0 {
			continue // where nothing but a timer ever wakes the loop
		}
		start(l, func(s *sleeper) { s.asks(end) })
		start(l, func(s *sleeper) { s.awaits(end) })
		start(l, func(s *sleeper) { s.passes(end, loops[1:]) })
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	start(loops[1], func(s *sleeper) { s.plays(t, end, fds[0], true) })
	start(loops[2], func(s *sleeper) { s.plays(t, end, fds[1], false) })

	ended := make(chan struct{})
	var disturbing sync.WaitGroup
	disturbing.Go(func() {
		buf := make([]byte, 1<<16)
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			case <-time.After(time.Duration(rand.IntN(4000)) * time.Microsecond):
			}
			if n%3 == 0 {
				runtime.Stack(buf, true)
			} else {
				runtime.GC()
			}
		}
	})
	go func() { working.Wait(); close(ended) }()
	watchSleepers(t, all, d, ended)
	disturbing.Wait()
}

// watchSleepers ends the test, with all stacks, when the sleepers have not ended long after their time.
func watchSleepers(t *testing.T, all []*sleeper, d time.Duration, ended chan struct{}) {
	select {
	case <-ended:
		var beats int64
		for _, s := range all {
			beats += s.beats.Load()
		}
		t.Logf("%d wake-ups", beats)
	case <-time.After(d + 30*time.Second):
		for i, s := range all {
			p := s.l.poll.(*epoll)
			fmt.Fprintf(os.Stderr, "sleeper %d on loop %d: woke %d times; timer in %v, descriptor in %v, posted %v\n", i, s.l.ID(),
				s.beats.Load(), s.l.timers.next().Sub(clock()), p.sleep.armed.Sub(clock()), s.l.posted.any.Load())
		}
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		t.Fatal("a wake-up was lost")
	}
}
