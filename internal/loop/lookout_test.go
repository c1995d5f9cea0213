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
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	busy, idle := runLoop(t, Options{ID: 0}), runLoop(t, Options{ID: 1})
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
			for sleepers.Load() != 1 { // and let this loop sleep too, so that its timer finds the one thread that waits
				busy.Wait(busy.Now().Add(3 * time.Millisecond))
			}
			busy.Wait(busy.Now().Add(3 * time.Millisecond))
			written := clock()
			unix.Write(fds[1], []byte{'x'})
			for answered := false; !answered; busy.Yield() {
				select {
				case at := <-read:
					waits = append(waits, at.Sub(written))
					answered = true
				default:
				}
			}
		}
	})
	unix.Shutdown(fds[1], unix.SHUT_WR)
	<-closed
	slices.Sort(waits)
	if median := waits[len(waits)/2]; median > 5*time.Millisecond {
		t.Errorf("the sleeping loop's bytes waited for %v; all waits: %v", median, waits)
	}
}
