package loop

import (
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What follows runs on real loops: the poller, the wake-up, the clock.

func TestPostRunsEverythingInOrder(t *testing.T) {
	l := runLoop(t, Options{})
	const posters, each = 4, 1000
	var last [posters]int
	var wg sync.WaitGroup
	var ran sync.WaitGroup
	ran.Add(posters * each)
	for p := range posters {
		wg.Go(func() {
			for i := 1; i <= each; i++ {
				l.Post(func() {
					if last[p] != i-1 {
						t.Errorf("poster %d: %d after %d", p, i, last[p])
					}
					last[p] = i
					ran.Done()
				})
			}
		})
	}
	wg.Wait()
	ran.Wait()
}

func TestPostToALoopThatHasEndedIsRefused(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	l.Run()
	if l.Post(func() { t.Error("it ran") }) {
		t.Error("Post reported true")
	}
	l.Stop()
}

func TestARealDeadlineWakesASleepingLoop(t *testing.T) {
	l := runLoop(t, Options{})
	var err error
	var before, after Instant
	const d = 20 * time.Millisecond
	onLoop(l, func() {
		var never Event
		before = l.Now()
		err = l.Wait(before.Add(d), &never)
		after = l.Now()
	})
	if err != ErrTimeout || after.Sub(before) < d {
		t.Errorf("Wait returned %v after %v, want ErrTimeout after %v", err, after.Sub(before), d)
	}
}

func TestAnEarlierDeadlineIsNotHeldUpByALaterOne(t *testing.T) {
	l := runLoop(t, Options{})
	var never Event
	var long Timer
	onLoop(l, func() {
		long.Reset(l, l.Now().Add(time.Hour), timerFunc(func() {}))
		l.Wait(l.Now().Add(time.Millisecond), &never) // the timer is armed for the hour first or not at all
		l.Wait(l.Now().Add(time.Millisecond), &never)
	})
	onLoop(l, func() { long.Stop() })
}

func TestAwaitDoesNotHoldUpTheLoop(t *testing.T) {
	l := runLoop(t, Options{})
	release := make(chan struct{})
	var order []string
	done := make(chan struct{})
	l.Post(func() {
		l.Go(func() {
			l.Await(func() { <-release })
			order = append(order, "awaited")
			close(done)
		})
	})
	onLoop(l, func() { order = append(order, "other") })
	close(release)
	<-done
	if strings.Join(order, " ") != "other awaited" {
		t.Errorf("order %v", order)
	}
}

func TestAPanicInAwaitIsRaisedInTheFiber(t *testing.T) {
	l := runLoop(t, Options{})
	var got any
	onLoop(l, func() {
		defer func() { got = recover() }()
		l.Await(func() { panic("far away") })
	})
	if s, _ := got.(string); !strings.HasPrefix(s, "far away") {
		t.Errorf("recovered %v", got)
	}
}

func TestAStopWaitsForAwait(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	release, started := make(chan struct{}), make(chan struct{})
	finished := false
	l.Post(func() {
		l.Go(func() {
			l.Await(func() { close(started); <-release })
			finished = true
		})
	})
	go func() {
		<-started
		l.Stop()
		close(release)
	}()
	l.Run()
	if !finished {
		t.Error("Run returned before the awaiting fiber ended")
	}
}

func TestTheWatchdogReportsTheStackOfAStall(t *testing.T) {
	logged := make(chan string, 1)
	l := runLoop(t, Options{Stall: 10 * time.Millisecond, Log: func(msg string) {
		select {
		case logged <- msg:
		default:
		}
	}})
	var msg string
	onLoop(l, func() { msg = blockTheLoop(logged) })
	if !strings.Contains(msg, "blockTheLoop") {
		t.Errorf("the stack is not in the warning:\n%s", msg)
	}
	if n := l.Stats().Stalls; n == 0 {
		t.Error("the stall was not counted")
	}
}

func blockTheLoop(until <-chan string) string { return <-until }

// pipeEnd is a Source that counts what it is told.
type pipeEnd struct {
	handle Handle
	told   chan Readiness
}

func (p *pipeEnd) Ready(ev Readiness) { p.told <- ev }

func TestAChangeIsReportedOnce(t *testing.T) {
	l := runLoop(t, Options{})
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	p := &pipeEnd{told: make(chan Readiness, 8)}
	onLoop(l, func() {
		if err := l.Register(fds[0], &p.handle, p, true); err != nil {
			t.Error(err)
		}
	})
	unix.Write(fds[1], []byte("x"))
	if ev := <-p.told; ev != Readable {
		t.Errorf("reported %b, want Readable", ev)
	}
	unix.Close(fds[1])
	if ev := <-p.told; ev&HangUp == 0 {
		t.Errorf("reported %b, want HangUp", ev)
	}
	onLoop(l, func() { l.Unregister(fds[0], &p.handle) })
	if n := len(p.told); n != 0 {
		t.Errorf("%d further reports", n)
	}
}

func TestAnEventOfAnEarlierRegistrationIsDropped(t *testing.T) {
	_, l := testSim(t)
	p := &pipeEnd{told: make(chan Readiness, 8)}
	l.RegisterMemory(&p.handle, p)
	l.Report(&p.handle, Readable)
	p.handle.ForgetMemory()
	l.turn(false)
	l.RegisterMemory(&p.handle, p)
	l.Report(&p.handle, Readable)
	p.handle.MoveMemory()
	l.turn(false)
	if len(p.told) != 0 {
		t.Error("a stale event was delivered")
	}
	if n := l.Stats().StaleEvents; n != 2 {
		t.Errorf("%d stale events counted, want 2", n)
	}
}

func TestWhatIsReportedWhileLentComesBackWithReclaim(t *testing.T) {
	_, l := testSim(t)
	p := &pipeEnd{told: make(chan Readiness, 8)}
	l.RegisterMemory(&p.handle, p)
	p.handle.Lend()
	l.Report(&p.handle, Readable)
	l.turn(false)
	if ev := <-p.told; ev != Readable|Lent {
		t.Errorf("reported %b, want Readable|Lent", ev)
	}
	if ev := p.handle.Reclaim(); ev != Readable {
		t.Errorf("Reclaim returned %b, want Readable", ev)
	}
	l.Report(&p.handle, Writable)
	l.turn(false)
	if ev := <-p.told; ev != Writable {
		t.Errorf("reported %b, want Writable", ev)
	}
}

func TestWallTimeFollowsTheClock(t *testing.T) {
	s, l := testSim(t)
	if !l.Wall().Equal(SimWall) {
		t.Errorf("starts at %v", l.Wall())
	}
	s.Advance(90 * time.Second)
	if d := l.Wall().Sub(SimWall); d != 90*time.Second {
		t.Errorf("moved by %v, want 90s", d)
	}
	real := runLoop(t, Options{})
	onLoop(real, func() {
		if d := time.Since(real.Wall()); d < -time.Second || d > time.Minute {
			t.Errorf("the real wall clock is off by %v", d)
		}
	})
}
