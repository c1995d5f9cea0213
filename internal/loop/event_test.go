package loop

import (
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	for _, tt := range []struct {
		name     string
		deadline time.Duration // from the start; 0 = none
		setAfter time.Duration // 0 = before the wait, <0 = never
		want     error
		took     time.Duration
	}{
		{"an event that is set already ends it at once", time.Minute, 0, nil, 0},
		{"an event that is set later ends it then", time.Minute, time.Second, nil, time.Second},
		{"without a deadline it lasts", 0, time.Hour, nil, time.Hour},
		{"the deadline ends it", time.Minute, -1, ErrTimeout, time.Minute},
		{"an event at the deadline itself counts", time.Minute, time.Minute, nil, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := testSim(t)
			var e Event
			var set Timer
			switch {
			case tt.setAfter == 0:
				e.Set(l)
			case tt.setAfter > 0:
				set.Reset(l, s.Now().Add(tt.setAfter), timerFunc(func() { e.Set(l) }))
			}
			var deadline Instant
			if tt.deadline != 0 {
				deadline = s.Now().Add(tt.deadline)
			}
			got, end := error(errNotYet), Instant(0)
			s.Do(l, func() {
				got = l.Wait(deadline, &e)
				end = l.Now()
			})
			s.Advance(2 * time.Hour)
			if got != tt.want || end.Sub(SimStart) != tt.took {
				t.Errorf("Wait returned %v after %v, want %v after %v", got, end.Sub(SimStart), tt.want, tt.took)
			}
		})
	}
}

var errNotYet = &notYet{}

type notYet struct{}

func (*notYet) Error() string { return "still waiting" }

func TestAWaitForSeveralThingsEndsWithAnyOfThem(t *testing.T) {
	for which := range 2 {
		s, l := testSim(t)
		var events [2]Event
		var ended bool
		s.Do(l, func() {
			l.Wait(0, &events[0], nil, &events[1])
			ended = events[which].IsSet() && !events[1-which].IsSet()
		})
		events[which].Set(l)
		s.Run()
		if !ended {
			t.Errorf("event %d did not end the wait", which)
		}
		if events[0].Waited() || events[1].Waited() {
			t.Error("an event still has a waiter")
		}
	}
}

func TestAPastDeadlineEndsAWaitAtOnce(t *testing.T) {
	s, l := testSim(t)
	var e Event
	var got error
	s.Do(l, func() { got = l.Wait(s.Now(), &e) })
	if got != ErrTimeout {
		t.Errorf("got %v, want ErrTimeout", got)
	}
}

func TestAnEventClearedBeforeItsWaiterRanDoesNotEndTheWait(t *testing.T) {
	s, l := testSim(t)
	var e Event
	ended := false
	s.Do(l, func() {
		l.Wait(0, &e)
		ended = true
	})
	e.Set(l)
	e.Clear()
	s.Run()
	if ended {
		t.Error("the wait ended")
	}
}

func TestAFiberThatWaitsInACircleDoesNotStopItsLoop(t *testing.T) {
	for name, wait := range map[string]func(l *Loop, happened *Event){
		"for what has happened":        func(l *Loop, happened *Event) { l.Wait(0, happened) },
		"for a time that has come":     func(l *Loop, _ *Event) { l.Wait(l.Now()) },
		"for what happened, in a time": func(l *Loop, happened *Event) { l.Wait(l.Now()+1, happened) },
	} {
		t.Run(name, func(t *testing.T) {
			s, l := testSim(t)
			var happened Event
			happened.Set(l)
			others := false
			l.Go(func() {
				for !others {
					wait(l, &happened)
				}
			})
			l.Go(func() { others = true })
			s.Run()
			if !others {
				t.Error("the other fiber did not run")
			}
		})
	}
}
