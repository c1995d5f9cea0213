package loop

import (
	"testing"
	"time"
)

type restNote struct{ at chan time.Time }

func (n *restNote) EndTurn() { n.at <- time.Now() }

func TestAtRestComesWhenTheLoopIsIdleAndBeforeLongWhenItNeverIs(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run()
	}()
	idle := &restNote{make(chan time.Time, 1)}
	l.Post(func() { l.AtRest(idle) })
	<-idle.at

	busy := &restNote{make(chan time.Time, 1)}
	l.Post(func() {
		l.Go(func() {
			l.AtRest(busy)
			for len(busy.at) == 0 { // the loop always has this fiber to run
				l.Yield()
			}
		})
	})
	<-busy.at
	l.Stop()
	<-ended
}
