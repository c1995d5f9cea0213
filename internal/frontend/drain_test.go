package frontend

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
	"hearth/internal/loop"
)

func TestAGracefulEndClosesIdleConnectionsAndLetsRequestsFinish(t *testing.T) {
	var release loop.Event
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/busy" {
			r.Loop.Wait(0, &release)
		}
		ok(r)
	})
	idle, busy := w.connect(), w.connect()
	busy.send(get("/busy"))
	idle.send(get("/idle"))
	idle.want(head("200 OK", 5, "keep-alive") + "/idle")
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	idle.wantClosed()
	busy.wantOpen()
	if n := Connections(w.loop); n != 1 {
		t.Errorf("%d connections", n)
	}
	w.sim.Do(w.loop, func() { release.Set(w.loop) })
	busy.want(head("200 OK", 5, "close") + "/busy")
	busy.wantClosed()
	w.wantNoLeak()
}

func TestAGracefulEndWaitsForAnAnswerThatTheSocketHasNotTaken(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.SetWindow(20)
	c.send(get("/slow"))
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	c.wantOpen()
	var got strings.Builder
	for range 20 {
		got.Write(c.Received())
		w.sim.Run()
	}
	if !strings.HasSuffix(got.String(), "/slow") {
		t.Errorf("the client got %q", got.String())
	}
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	c.wantClosed()
	w.wantNoLeak()
}

func TestANewConnectionMaySendItsRequestAfterAGracefulEndHasBegun(t *testing.T) {
	w := newWorld(t, ok)
	silent, late := w.connect(), w.connect()
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	silent.wantOpen()
	late.send(get("/late"))
	late.want(head("200 OK", 5, "close") + "/late")
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	silent.wantClosed()
	w.wantNoLeak()
}

func TestKeepaliveMinTimeoutHoldsAnIdleConnectionThroughAGracefulEnd(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveMinTimeout = 10 * time.Second
	c, late := w.connect(), w.connect()
	c.send(get("/"))
	late.send(get("/"))
	late.Received()
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	w.advance(9 * time.Second)
	c.wantOpen()
	late.send(get("/late")) // it was still promised
	late.want(head("200 OK", 5, "close") + "/late")
	w.advance(time.Second)
	c.wantClosed()
	w.wantNoLeak()
}

func TestForWantOfDescriptorsTheLongestIdleGoFirst(t *testing.T) {
	w := newWorld(t, ok)
	var clients []*client
	for range 3 {
		clients = append(clients, w.connect())
		w.advance(time.Second)
	}
	clients[0].send(get("/")) // now it is the one that was busy last
	var n int
	w.sim.Do(w.loop, func() { n = CloseIdle(w.loop, 9) })
	if n != 2 {
		t.Errorf("%d closed", n)
	}
	clients[0].wantOpen()
	clients[1].wantClosed()
	clients[2].wantClosed()
}

func TestClosingEverythingEndsRequestsUnderWay(t *testing.T) {
	var err error
	w := newWorld(t, func(r *core.Request) {
		_, err = readAll(r)
		r.Aborted = true
	})
	busy, idle := w.connect(), w.connect()
	busy.send("POST / HTTP/1.1\r\n" + host + "Content-Length: 9\r\n\r\n")
	w.sim.Do(w.loop, func() { CloseAll(w.loop) })
	busy.wantClosed()
	idle.wantClosed()
	if err == nil {
		t.Error("the handler was not told")
	}
	w.wantNoLeak()
}

func TestAPanicCostsItsConnectionAlone(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/panic" {
			panic("oh")
		}
		ok(r)
	})
	w.sim.Log = func(string) {}
	c, other := w.connect(), w.connect()
	c.send(get("/panic"))
	c.wantClosed()
	other.send(get("/"))
	other.want(head("200 OK", 1, "keep-alive") + "/")
	other.Close()
	w.sim.Run()
	w.wantNoLeak()
}

func TestStatusCountsConnectionsByWhatTheyDo(t *testing.T) {
	var release loop.Event
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, &release)
		ok(r)
	})
	w.set.LingeringClose = core.LingeringAlways
	status := func() (s Status) { w.shard.counters.addTo(&s); return s }
	w.connect()
	w.connect().send("GET / HT")
	writing := w.connect()
	writing.send(bye)
	if got, want := status(), (Status{Accepted: 3, Handled: 3, Requests: 1, Reading: 1, Writing: 1, Waiting: 1, Active: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	w.sim.Do(w.loop, func() { release.Set(w.loop) })
	if got, want := status(), (Status{Accepted: 3, Handled: 3, Requests: 1, Reading: 1, Waiting: 1, Lingering: 1, Active: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
