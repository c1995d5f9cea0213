package conn

import (
	"testing"

	"go.uber.org/goleak"

	"hearth/internal/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wantNoneOpen checks at the end of the test that every Conn it made was closed.
func wantNoneOpen(t testing.TB) {
	before := Open()
	t.Cleanup(func() {
		if n := Open() - before; n != 0 {
			t.Errorf("%d connections left open", n)
		}
	})
}

// testSim returns a Sim with one loop, ended with the test.
func testSim(t testing.TB) (*loop.Sim, *loop.Loop) {
	wantNoneOpen(t)
	s := loop.NewSim()
	l := s.Loop()
	t.Cleanup(s.Stop)
	return s, l
}

// runLoops starts real loops that end with the test.
func runLoops(t testing.TB, n int) []*loop.Loop {
	t.Helper()
	wantNoneOpen(t)
	loops := make([]*loop.Loop, n)
	for i := range loops {
		l, err := loop.New(loop.Options{ID: i, Log: func(msg string) { t.Error(msg) }})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); l.Run() }()
		t.Cleanup(func() { l.Stop(); <-ended })
		loops[i] = l
	}
	return loops
}

// on runs fn in a fiber of a real loop and waits for its end.
func on(l *loop.Loop, fn func()) {
	done := make(chan struct{})
	l.Post(func() { l.Go(func() { defer close(done); fn() }) })
	<-done
}
