package loop

import (
	"math/rand/v2"
	"testing"
	"time"
)

type timerFunc func()

func (fn timerFunc) OnTimer(*Timer) { fn() }

func TestTimer(t *testing.T) {
	sec := func(n int) Instant { return SimStart.Add(time.Duration(n) * time.Second) }
	for _, tt := range []struct {
		name string
		do   func(l *Loop, t *Timer, f TimerFunc)
		want []int // seconds at which it fires
	}{
		{"fires once", func(l *Loop, t *Timer, f TimerFunc) { t.Reset(l, sec(5), f) }, []int{5}},
		{"pushed back fires later only", func(l *Loop, t *Timer, f TimerFunc) {
			t.Reset(l, sec(5), f)
			t.Reset(l, sec(9), f)
		}, []int{9}},
		{"pulled forward fires earlier only", func(l *Loop, t *Timer, f TimerFunc) {
			t.Reset(l, sec(9), f)
			t.Reset(l, sec(5), f)
		}, []int{5}},
		{"pushed back and forth fires at the last time", func(l *Loop, t *Timer, f TimerFunc) {
			t.Reset(l, sec(5), f)
			t.Reset(l, sec(20), f)
			t.Reset(l, sec(7), f)
		}, []int{7}},
		{"stopped does not fire", func(l *Loop, t *Timer, f TimerFunc) {
			t.Reset(l, sec(5), f)
			t.Stop()
		}, nil},
		{"stopped and set again fires", func(l *Loop, t *Timer, f TimerFunc) {
			t.Reset(l, sec(5), f)
			t.Stop()
			t.Reset(l, sec(6), f)
		}, []int{6}},
		{"set for the past fires at once", func(l *Loop, t *Timer, f TimerFunc) { t.Reset(l, sec(-1), f) }, []int{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			var timer Timer
			var got []int
			tt.do(l, &timer, timerFunc(func() { got = append(got, int(s.Now().Sub(SimStart)/time.Second)) }))
			s.Advance(time.Minute)
			if len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
				t.Errorf("fired at %v, want %v", got, tt.want)
			}
			if timer.Pending() || len(l.timers.entries) != 0 {
				t.Error("left in the heap")
			}
		})
	}
}

func TestPushingATimerBackDoesNotMoveItInTheHeap(t *testing.T) {
	s, l := testSim(t)
	var timer Timer
	timer.Reset(l, s.Now().Add(time.Second), timerFunc(func() {}))
	timer.Reset(l, s.Now().Add(time.Hour), timerFunc(func() {}))
	if when := l.timers.next(); when != s.Now().Add(time.Second) {
		t.Errorf("heap entry at %v, want the old time", when.Sub(s.Now()))
	}
	if timer.At() != s.Now().Add(time.Hour) {
		t.Error("the timer forgot its new time")
	}
}

func TestATimerThatSetsItselfForThePastDoesNotHoldUpTheTurn(t *testing.T) {
	_, l := testSim(t)
	var timer Timer
	n := 0
	var again timerFunc
	again = func() {
		n++
		timer.Reset(l, l.Now(), again)
	}
	timer.Reset(l, l.Now(), again)
	l.turn(false)
	if n != 1 {
		t.Errorf("fired %d times in one turn, want 1", n)
	}
	timer.Stop()
}

// Timers fire in order, each at its time, whatever is done to them in between.
func TestTimersAgainstAModel(t *testing.T) {
	s, l := testSim(t)
	rng := rand.New(rand.NewPCG(1, 2))
	timers := make([]Timer, 50)
	want := make(map[int]Instant)
	for range 2000 {
		i := rng.IntN(len(timers))
		switch rng.IntN(4) {
		case 0:
			timers[i].Stop()
			delete(want, i)
		case 1:
			s.Advance(time.Duration(rng.IntN(20)) * time.Second)
		default:
			at := s.Now().Add(time.Duration(1+rng.IntN(300)) * time.Second)
			want[i] = at
			timers[i].Reset(l, at, timerFunc(func() {
				if want[i] != s.Now() {
					t.Errorf("timer %d fired at %d, want %d", i, s.Now(), want[i])
				}
				delete(want, i)
			}))
		}
		for j, e := range l.timers.entries {
			if int(e.timer.place) != j+1 || j > 0 && l.timers.entries[(j-1)/2].when > e.when {
				t.Fatal("the heap is out of order")
			}
		}
	}
	s.Advance(time.Hour)
	if len(want) != 0 {
		t.Errorf("%d timers did not fire", len(want))
	}
}

func BenchmarkTimerPushedBack(b *testing.B) {
	s, l := testSim(b)
	var timer Timer
	owner := timerFunc(func() {})
	now := s.Now()
	b.ReportAllocs()
	for b.Loop() {
		now++
		timer.Reset(l, now, owner)
	}
}
