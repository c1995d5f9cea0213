package loop

import "testing"

type restNote struct {
	done   bool // the loop's own
	called chan struct{}
}

func (n *restNote) EndTurn() {
	n.done = true
	close(n.called)
}

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
	idle := &restNote{called: make(chan struct{})}
	l.Post(func() { l.AtRest(idle) })
	<-idle.called

	busy := &restNote{called: make(chan struct{})}
	l.Post(func() {
		l.Go(func() {
			l.AtRest(busy)
			for !busy.done { // the loop always has this fiber to run
				l.Yield()
			}
		})
	})
	<-busy.called
	l.Stop()
	<-ended
}
