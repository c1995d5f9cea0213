package frontend

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
)

const bye = "GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"

func TestWhetherAClosingConnectionLingers(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		mode          core.Lingering
		want          bool
	}{
		{"on, nothing more to come", bye, core.LingeringOn, false},
		{"on, more has come", bye + "GET", core.LingeringOn, true},
		{"on, after a body", "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", core.LingeringOn, true},
		{"on, in a body", "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\na", core.LingeringOn, true},
		{"always", bye, core.LingeringAlways, true},
		{"off, more has come", bye + "GET", core.LingeringOff, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, ok)
			w.set.LingeringClose = tt.mode
			c := w.connect()
			c.send(tt.request)
			c.want(head("200 OK", 1, "close") + "/")
			if tt.want {
				c.wantLingering()
			} else {
				c.wantClosed()
			}
		})
	}
}

func TestLingeringEndsAfterASilenceOrInAll(t *testing.T) {
	w := newWorld(t, ok)
	w.set.LingeringClose = core.LingeringAlways
	quiet, busy := w.connect(), w.connect()
	quiet.send(bye)
	busy.send(bye)
	w.advance(4 * time.Second)
	busy.send("x")
	quiet.wantLingering()
	w.advance(time.Second)
	quiet.wantClosed()
	busy.send("x")
	for range 6 {
		w.advance(4 * time.Second)
		busy.wantLingering()
		busy.send("x")
	}
	w.advance(time.Second)
	busy.wantClosed()
	w.wantNoLeak()
}

func TestLingeringNeedsNoSession(t *testing.T) {
	w := newWorld(t, ok)
	w.set.LingeringClose = core.LingeringAlways
	c := w.connect()
	c.send(bye)
	c.wantLingering()
	if w.shard.active.n != 0 || w.shard.lingering.n != 1 {
		t.Fatalf("active %d, lingering %d", w.shard.active.n, w.shard.lingering.n)
	}
	c.send(strings.Repeat("x", 3*lingerReads*scratchSize)) // more than is read in one turn
	c.wantLingering()
	c.CloseWrite()
	w.sim.Run()
	c.wantClosed()
	w.wantNoLeak()
}
