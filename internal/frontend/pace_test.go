package frontend

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
)

// limited sends n bytes at a rate.
func limited(rate, after int64, n int) func(r *core.Request) {
	return func(r *core.Request) {
		r.Down.SetRate(rate, after)
		reply(r, 200, strings.Repeat("x", n))
	}
}

func TestLimitRateSpreadsAResponseOverTime(t *testing.T) {
	w := newWorld(t, limited(1000, 0, 10000))
	c := w.connect()
	c.send(get("/"))
	total := len(c.Received())
	if total != 1000 {
		t.Fatalf("%d bytes at once, want one second's worth", total)
	}
	for second := range 8 {
		w.advance(time.Second)
		total += len(c.Received())
		if want := (second + 2) * 1000; total < want-110 || total > want {
			t.Fatalf("%d bytes after %d seconds, want about %d", total, second+1, want)
		}
	}
	w.advance(2 * time.Second)
	w.wantLog("GET / HTTP/1.1 200 10000")
	c.wantOpen()
}

func TestLimitRateAfterComesAtFullSpeed(t *testing.T) {
	w := newWorld(t, limited(1000, 5000, 10000))
	c := w.connect()
	c.send(get("/"))
	if n := len(c.Received()); n != 6000 {
		t.Fatalf("%d bytes at once", n)
	}
}

func TestAPacedResponseDoesNotTimeOut(t *testing.T) {
	w := newWorld(t, limited(1, 0, 300))
	w.set.SendTimeout = time.Second
	c := w.connect()
	c.send(get("/"))
	w.advance(10 * time.Minute)
	w.wantLog("GET / HTTP/1.1 200 300")
}

// A relay waits for Writable and until ResumeAt, in a loop of its own.
func TestWhoWaitsForWritableIsPacedToo(t *testing.T) {
	turns := 0
	w := newWorld(t, func(r *core.Request) {
		r.Down.SetRate(1000, 0)
		r.Out.Status, r.Out.ContentLength = 200, 3000
		r.Down.SendHead(r)
		r.Down.Send(core.Chunk{Mem: make([]byte, 3000), Last: true})
		for r.Down.Congested() {
			turns++
			r.Loop.Wait(r.Down.ResumeAt(), r.Down.Writable())
			r.Down.TryFlush()
		}
	})
	c := w.connect()
	c.send(get("/"))
	w.advance(4 * time.Second)
	w.wantLog("GET / HTTP/1.1 200 3000")
	if turns > 25 {
		t.Errorf("%d turns", turns)
	}
	c.wantOpen()
}

func TestASmallResponseIsNotDelayedByALimit(t *testing.T) {
	w := newWorld(t, limited(10000, 0, 5000))
	c := w.connect()
	c.send(get("/"))
	w.wantLog("GET / HTTP/1.1 200 5000")
}

func TestPaceNeverAllowsMoreThanTheRate(t *testing.T) {
	for _, rate := range []int64{1, 10, 1000, 1 << 20, 1 << 40} {
		p := pace{rate: rate, started: 1}
		now, sent := p.started, int64(0)
		for range 1000 {
			sent += p.allowed(now, sent, 1<<50)
			if budget := float64(rate) * (float64(now.Sub(p.started))/1e9 + 1); float64(sent) > budget+1 {
				t.Fatalf("rate %d: %d bytes after %v", rate, sent, now.Sub(p.started))
			}
			if p.resume > now {
				now = p.resume
			} else {
				now = now.Add(time.Millisecond)
			}
		}
		if sent < rate {
			t.Fatalf("rate %d: %d bytes after %v", rate, sent, now.Sub(p.started))
		}
	}
}
