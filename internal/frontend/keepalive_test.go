package frontend

import (
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
)

func TestOneRequestAfterAnotherOnOneConnection(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	for range 3 {
		c.send(get("/one"))
		c.want(head("200 OK", 4, "keep-alive") + "/one")
		c.wantOpen()
		w.advance(74 * time.Second)
	}
	w.advance(time.Second)
	c.wantClosed()
	w.wantNoLeak()
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send(get("/one") + get("/two") + "GET /three HTTP/1.1\r\nHo")
	c.want(head("200 OK", 4, "keep-alive") + "/one" + head("200 OK", 4, "keep-alive") + "/two")
	c.send("st: a\r\n\r\n")
	c.want(head("200 OK", 6, "keep-alive") + "/three")
}

func TestManyPipelinedRequestsLetOthersTakeTurns(t *testing.T) {
	var order []string
	w := newWorld(t, func(r *core.Request) {
		order = append(order, string(r.Head.Path))
		ok(r)
	})
	greedy, other := w.connect(), w.connect()
	greedy.Send([]byte(strings.Repeat(get("/greedy"), 3*pipelineTurn)))
	other.Send([]byte(get("/other")))
	w.sim.Run()
	for i, path := range order {
		if path == "/other" {
			if i > pipelineTurn {
				t.Fatalf("served after %d requests of another connection", i)
			}
			return
		}
	}
	t.Fatal("never served")
}

func TestKeepaliveRequestsIsTheLastRequestsNumber(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveRequests = 2
	c := w.connect()
	c.send(get("/"))
	c.want(head("200 OK", 1, "keep-alive") + "/")
	c.send(get("/"))
	c.want(head("200 OK", 1, "close") + "/")
	c.wantClosed()
}

func TestKeepaliveTimeEndsAnOldConnectionWithItsNextRequest(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveTime = 100 * time.Second
	c := w.connect()
	for range 2 {
		c.send(get("/"))
		c.want(head("200 OK", 1, "keep-alive") + "/")
		w.advance(50 * time.Second)
	}
	w.advance(time.Second)
	c.send(get("/"))
	c.want(head("200 OK", 1, "close") + "/")
	c.wantClosed()
}

func TestKeepaliveTimeoutZeroClosesAtOnce(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveTimeout.Idle = 0
	c := w.connect()
	c.send(get("/"))
	c.want(head("200 OK", 1, "close") + "/")
	c.wantClosed()
}

func TestKeepaliveHeaderTellsItsOwnTimeout(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveTimeout.Header = 20 * time.Second
	c := w.connect()
	c.send(get("/"))
	c.want("HTTP/1.1 200 OK\nServer: hearth\nContent-Length: 1\nConnection: keep-alive\nKeep-Alive: timeout=20\n\n/")
	w.advance(74 * time.Second)
	c.wantOpen()
}

func TestWhoseConnectionsAreKeptAlive(t *testing.T) {
	const msie6 = "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.0)\r\n"
	const safari = "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 13) AppleWebKit/605 (KHTML, like Gecko) Version/16 Safari/605\r\n"
	const chrome = "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 13) AppleWebKit/537 (KHTML, like Gecko) Chrome/110 Safari/537\r\n"
	for _, tt := range []struct {
		name, request string
		want          string
	}{
		{"HTTP/1.1", get("/"), "keep-alive"},
		{"HTTP/1.1 that says close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "close"},
		{"HTTP/1.0 that asks for it", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"},
		{"POST of MSIE 6", "POST / HTTP/1.1\r\nHost: a\r\n" + msie6 + "\r\n", "close"},
		{"POST of Opera", "POST / HTTP/1.1\r\nHost: a\r\nUser-Agent: Opera (MSIE 6.0; en)\r\n\r\n", "keep-alive"},
		{"GET of MSIE 6", "GET / HTTP/1.1\r\nHost: a\r\n" + msie6 + "\r\n", "keep-alive"},
		{"Safari, when disabled", "GET / HTTP/1.1\r\nHost: a\r\n" + safari + "\r\n", "close"},
		{"Chrome on macOS", "GET / HTTP/1.1\r\nHost: a\r\n" + chrome + "\r\n", "keep-alive"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, ok)
			w.set.KeepaliveDisable |= core.KeepaliveSafari
			c := w.connect()
			c.send(tt.request)
			c.want(head("200 OK", 1, tt.want) + "/")
			if c.Ended() != (tt.want == "close") {
				t.Errorf("ended: %v", c.Ended())
			}
		})
	}
}

func TestAClosedIdleConnectionLeavesNothing(t *testing.T) {
	w := newWorld(t, ok)
	silent, served, reset := w.connect(), w.connect(), w.connect()
	served.send(get("/"))
	reset.send(get("/"))
	silent.Close()
	served.Close()
	reset.Reset()
	w.sim.Run()
	w.wantNoLeak()
	w.wantLog("GET / HTTP/1.1 200 1", "GET / HTTP/1.1 200 1")
}

func TestANewConnectionThatSaysNothingIsClosedWithoutALogLine(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	w.advance(59 * time.Second)
	c.wantOpen()
	w.advance(time.Second)
	c.wantClosed()
	c.wantNothing()
	w.wantLog()
}

func TestAnIdleConnectionHasNoSession(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send(get("/"))
	if w.shard.active.n != 0 || w.shard.idle.n != 1 || w.shard.idle.first.session != nil {
		t.Fatalf("active %d, idle %d", w.shard.active.n, w.shard.idle.n)
	}
	if n := len(w.shard.buffers.items); n != 2 {
		t.Fatalf("%d buffers in the free list, want the read buffer and the output buffer", n)
	}
}

func TestAfterABurstItsMemoryIsLetGo(t *testing.T) {
	w := newWorld(t, ok)
	var clients []*client
	for range 100 {
		clients = append(clients, w.connect())
	}
	for _, c := range clients {
		c.Send([]byte("GET / HTTP/1.1\r\n"))
	}
	w.sim.Run()
	for _, c := range clients {
		c.Send([]byte(host + "\r\n"))
	}
	w.sim.Run()
	if n := len(w.shard.sessions.items); n != 100 {
		t.Fatalf("%d sessions in the free list", n)
	}
	w.advance(2 * trimEvery)
	if s, b := len(w.shard.sessions.items), len(w.shard.buffers.items); s > spareSessions || b > spareBuffers {
		t.Fatalf("%d sessions and %d buffers kept", s, b)
	}
}
