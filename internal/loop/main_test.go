package loop

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSim returns a Sim with one loop, ended with the test.
func testSim(t testing.TB) (*Sim, *Loop) {
	s := NewSim()
	l := s.Loop()
	t.Cleanup(s.Stop)
	return s, l
}

// runLoop starts a real loop that ends with the test.
func runLoop(t testing.TB, opts Options) *Loop {
	t.Helper()
	l, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run() }()
	t.Cleanup(func() { l.Stop(); <-ended })
	return l
}

// onLoop runs fn in a fiber of a real loop and waits for its end.
func onLoop(l *Loop, fn func()) {
	done := make(chan struct{})
	l.Post(func() { l.Go(func() { defer close(done); fn() }) })
	<-done
}
