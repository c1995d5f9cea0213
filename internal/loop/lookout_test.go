package loop

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Both loops sleep; then one has work without end, and the other's bytes come.
func TestABusyLoopLeavesNobodyAsleep(t *testing.T) {
	whileOneIsAwake(t, false, func(busy *Loop, answered func() bool) {
		for !answered() {
			busy.Yield()
		}
	})
}

// Both loops sleep soundly; then one sleeps briefly, which is not where the other's bytes are looked for.
func TestABriefSleepLeavesNobodyAsleep(t *testing.T) {
	whileOneIsAwake(t, true, func(brisk *Loop, answered func() bool) {
		for !answered() {
			brisk.Wait(brisk.Now().Add(briefly - time.Millisecond))
		}
	})
}

// whileOneIsAwake sends bytes to a loop that sleeps soundly while another is in meanwhile, and sees how long they wait.
func whileOneIsAwake(t *testing.T, own bool, meanwhile func(l *Loop, answered func() bool)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	busy, idle := runLoop(t, Options{ID: 0, OwnProcessor: own}), runLoop(t, Options{ID: 1, OwnProcessor: own})
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	read := make(chan Instant, 1)
	end := &pairEnd{l: idle, fd: fds[0]}
	closed := make(chan struct{})
	idle.Post(func() {
		if err := idle.Register(fds[0], &end.Handle, end, true); err != nil {
			t.Error(err)
		}
		idle.Go(func() {
			defer close(closed)
			var b [1]byte
			for {
				switch n, _ := unix.Read(fds[0], b[:]); n {
				case 0:
					idle.Unregister(fds[0], &end.Handle)
					unix.Close(fds[0])
					return
				case 1:
					read <- clock()
				}
				end.readable.Clear()
				idle.Wait(0, &end.readable)
			}
		})
	})
	var waits []time.Duration
	onLoop(busy, func() {
		for range 15 {
			busy.Wait(busy.Now().Add(3 * briefly)) // soundly, so that its timer finds the one thread that waits
			for sleepers.Load() != 1 {
				busy.Wait(busy.Now().Add(3 * briefly))
			}
			for range inStride {
				busy.Wait(busy.Now().Add(briefly / 2))
			}
			written := clock()
			unix.Write(fds[1], []byte{'x'})
			meanwhile(busy, func() bool {
				select {
				case at := <-read:
					waits = append(waits, at.Sub(written))
					return true
				default:
					return false
				}
			})
		}
	})
	unix.Shutdown(fds[1], unix.SHUT_WR)
	<-closed
	slices.Sort(waits)
	// Without a lookout the runtime's monitor sees them, after ten milliseconds or more, every time. The best quarter is
	// judged, for on a busy machine a thread waits for some milliseconds however promptly it was woken.
	if good := waits[len(waits)/4]; good > 8*time.Millisecond {
		t.Errorf("the sleeping loop's bytes waited for %v; all waits: %v", good, waits)
	}
}
