package loop

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFibersRunInTheOrderTheyWereStarted(t *testing.T) {
	s, l := testSim(t)
	var got []int
	for i := range 3 {
		l.Go(func() { got = append(got, i) })
	}
	if len(got) != 0 {
		t.Fatal("a fiber ran before the loop's turn")
	}
	s.Run()
	if want := []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestTheOrderHoldsWhereTasksWaitAndEnd(t *testing.T) {
	s, l := testSim(t)
	var got []string
	note := func(name string) { got = append(got, name) }
	l.Go(func() { note("a"); l.Yield(); note("a again") })
	l.Go(func() { note("b"); l.Go(func() { note("d") }) })
	l.Go(func() { note("c"); l.Yield(); note("c again") })
	s.Run()
	if want := []string{"a", "b", "c", "a again", "d", "c again"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if len(l.fibers.free) != 2 || l.fibers.live != 0 {
		t.Errorf("%d fibers made, %d live, want 2 and 0", len(l.fibers.free), l.fibers.live)
	}
}

func TestABurstOfTasksThatDoNotWaitSharesOneFiber(t *testing.T) {
	s, l := testSim(t)
	for range 100 {
		l.Go(func() {})
	}
	s.Run()
	if n := len(l.fibers.free); n != 1 {
		t.Errorf("%d fibers were made, want 1", n)
	}
}

func TestFibersThatABurstNeededAreEndedWhenTheyStayUnused(t *testing.T) {
	s, l := testSim(t)
	var gate Event
	var gates [100]Event
	for i := range gates {
		l.Go(func() { l.Wait(0, &gates[i]) })
	}
	s.Run()
	for i := range gates {
		gates[i].Set(l)
	}
	s.Run()
	if n := len(l.fibers.free); n != 100 {
		t.Fatalf("%d free fibers after the burst, want 100", n)
	}
	for range 50 { // one fiber is in use now and then
		l.Go(func() { l.Wait(l.Now().Add(time.Second), &gate) })
		s.Advance(time.Second)
	}
	if n, want := len(l.fibers.free), l.opts.Spare+1; n != want {
		t.Errorf("%d free fibers a while later, want %d: the spare ones and the one in use", n, want)
	}
	s.Advance(time.Hour)
	if n := len(l.timers.entries); n != 0 {
		t.Errorf("%d timers left on an idle loop", n)
	}
}

type panicking struct{ told any }

func (p *panicking) RunFiber()           { panic("boom") }
func (p *panicking) FiberPanicked(v any) { p.told = v }

func TestAPanicCostsItsTaskAndNothingElse(t *testing.T) {
	s, l := testSim(t)
	var log string
	s.Log = func(msg string) { log += msg }
	p := &panicking{}
	ran := false
	l.Start(p)
	l.Go(func() { ran = true })
	s.Run()
	if p.told != "boom" {
		t.Errorf("FiberPanicked(%v), want boom", p.told)
	}
	if !strings.Contains(log, "panic: boom") || !strings.Contains(log, "(*panicking).RunFiber") {
		t.Errorf("log does not hold the panic and its stack: %q", log)
	}
	if !ran {
		t.Error("the next fiber did not run")
	}
	if got := l.Stats(); got.Panics != 1 || l.fibers.live != 0 {
		t.Errorf("panics %d live %d, want 1 and 0", got.Panics, l.fibers.live)
	}
}

func TestATestMayEndInAFiber(t *testing.T) {
	s, l := testSim(t)
	var e Event
	waited, ran := false, false
	s.Do(l, func() { l.Wait(0, &e); waited = true })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Go(func() {})
		s.Do(l, runtime.Goexit) // as t.Fatal does
		t.Error("the goroutine went on")
	}()
	<-ended
	e.Set(l)
	s.Do(l, func() { ran = true })
	if !waited || !ran || l.fibers.live != 0 {
		t.Errorf("waited %v, ran %v, %d fibers live", waited, ran, l.fibers.live)
	}
}

func TestAPanicOutsideFibersDoesNotEndTheLoop(t *testing.T) {
	s, l := testSim(t)
	s.Log = func(string) {}
	l.Post(func() { panic("posted") })
	var timer Timer
	timer.Reset(l, s.Now().Add(time.Second), timerFunc(func() { panic("timer") }))
	s.Advance(time.Second)
	if n := l.Stats().Panics; n != 2 {
		t.Errorf("%d panics counted, want 2", n)
	}
}

func TestAFiberThatMovesMuchLetsTheOthersRun(t *testing.T) {
	s, l := testSim(t)
	var got []string
	var always Event
	always.Set(l)
	l.Go(func() {
		for range 2 {
			l.Charge(turnBytes)
			l.Wait(0, &always)
			got = append(got, "mover")
		}
	})
	l.Go(func() { got = append(got, "other") })
	s.Run()
	if want := []string{"other", "mover", "mover"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestAStopEndsEveryWait(t *testing.T) {
	s, l := testSim(t)
	var never Event
	var errs []error
	l.Go(func() {
		errs = append(errs, l.Wait(0, &never))
		errs = append(errs, l.Wait(l.Now().Add(time.Hour), &never))
	})
	s.Run()
	s.Stop()
	if want := []error{ErrStopped, ErrStopped}; !slices.Equal(errs, want) {
		t.Errorf("waits ended with %v, want %v", errs, want)
	}
	if l.fibers.live != 0 {
		t.Errorf("%d fibers live after the stop", l.fibers.live)
	}
}

func TestWaitingOutsideAFiberPanics(t *testing.T) {
	_, l := testSim(t)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	l.Wait(0)
}

type endsTurn struct{ n int }

func (e *endsTurn) EndTurn() { e.n++ }

func TestEndOfTurnIsCalledOnceAfterTheFibers(t *testing.T) {
	s, l := testSim(t)
	var e endsTurn
	during := -1
	l.Go(func() { l.EndOfTurn(&e) })
	l.Go(func() { during = e.n })
	s.Run()
	s.Run()
	if during != 0 || e.n != 1 {
		t.Errorf("called %d times, %d of them before the last fiber; want 1 and 0", e.n, during)
	}
}

// A switch to a fiber and back, by way of the run queue.
func BenchmarkFiberSwitch(b *testing.B) {
	s, l := testSim(b)
	b.ReportAllocs()
	s.Do(l, func() {
		for b.Loop() {
			l.Yield()
		}
	})
}

type nothing struct{ n int }

func (n *nothing) RunFiber() { n.n++ }

// A task from the free list and back to it.
func BenchmarkStart(b *testing.B) {
	_, l := testSim(b)
	task := &nothing{}
	b.ReportAllocs()
	for b.Loop() {
		l.Start(task)
		l.turn(false)
	}
}

// A wait with a deadline that an event ends, as each read from an upstream is.
func BenchmarkWaitWithDeadline(b *testing.B) {
	s, l := testSim(b)
	var e Event
	l.Go(func() {
		for l.Wait(l.Now().Add(time.Minute), &e) == nil {
			e.Clear()
		}
	})
	l.turn(false)
	b.ReportAllocs()
	for b.Loop() {
		s.now = s.now.Add(time.Microsecond)
		e.Set(l)
		l.turn(false)
	}
}

type noAllocTest struct {
	name  string
	bench func(*testing.B)
}

func TestTheHotPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, tt := range []noAllocTest{
		{"a fiber switch", BenchmarkFiberSwitch},
		{"a task started and ended", BenchmarkStart},
		{"a wait with a deadline", BenchmarkWaitWithDeadline},
	} {
		if n := testing.Benchmark(tt.bench).AllocsPerOp(); n != 0 {
			t.Errorf("%s: %d allocs/op, want 0", tt.name, n)
		}
	}
}
