package proxy

import (
	"fmt"
	"testing"
	"time"

	"hearth/internal/conn"
)

const upgrading = `location / { proxy_pass http://127.0.0.1:9001; proxy_read_timeout 10s; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`

// tunnel opens a tunnel and returns its two ends.
func (w *world) tunnel() (*client, *conn.Peer) {
	w.t.Helper()
	var server *conn.Peer
	w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
		p.OnData = nil
		server = p
		p.Send([]byte(crlf("HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: upgrade\n\n")))
	})
	c := w.connect().send("GET / HTTP/1.1\nHost: x\nUpgrade: x\nConnection: upgrade\n\n")
	wantStatus(w.t, c.receive(), "101")
	return c, server
}

func TestATunnelIsIdleForReadTimeoutAtMost(t *testing.T) {
	w := newWorld(t, upgrading)
	c, server := w.tunnel()
	for range 3 { // each byte begins the time anew, whichever way it goes
		w.advance(9 * time.Second)
		c.send("x")
		w.advance(9 * time.Second)
		server.Send([]byte("y"))
		w.sim.Run()
	}
	w.advance(9900 * time.Millisecond)
	if c.ConnClosed() {
		t.Fatal("closed too early")
	}
	w.advance(200 * time.Millisecond)
	if !c.ConnClosed() || !server.ConnClosed() {
		t.Errorf("after the time: client closed %v, server %v", c.ConnClosed(), server.ConnClosed())
	}
	w.wantError("[info] ", "upstream timed out (110: Connection timed out) while proxying upgraded connection")
}

// As in nginx, a side that ends its half has ended the tunnel, once what it sent before has been delivered.
func TestATunnelEndsWithEitherHalf(t *testing.T) {
	for _, side := range []string{"client", "server"} {
		t.Run(side, func(t *testing.T) {
			w := newWorld(t, upgrading)
			c, server := w.tunnel()
			if side == "client" {
				c.Send(pattern(300_000))
				c.CloseWrite()
			} else {
				server.Send(pattern(300_000))
				server.CloseWrite()
			}
			var got []byte
			for range 20 {
				w.sim.Run()
				if side == "client" {
					got = append(got, server.Received()...)
				} else {
					got = append(got, c.Received()...)
				}
			}
			wantSame(t, got, pattern(300_000))
			if !c.ConnClosed() || !server.ConnClosed() {
				t.Errorf("client closed %v, server %v", c.ConnClosed(), server.ConnClosed())
			}
		})
	}
}

func TestATunnelThatIsResetIsLogged(t *testing.T) {
	for side, line := range map[string]string{
		"client": "[info] ", "server": "[error] ",
	} {
		t.Run(side, func(t *testing.T) {
			w := newWorld(t, upgrading)
			c, server := w.tunnel()
			if side == "client" {
				c.Reset()
			} else {
				server.Reset()
			}
			w.sim.Run()
			if !c.ConnClosed() || !server.ConnClosed() {
				t.Errorf("client closed %v, server %v", c.ConnClosed(), server.ConnClosed())
			}
			w.wantError(line, "recv() failed (104: Connection reset by peer) while proxying upgraded connection")
		})
	}
}

func TestATunnelMovesMuchBothWaysPastSlowReaders(t *testing.T) {
	for _, window := range []int{1000, 50_000, 10 << 20} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			w := newWorld(t, upgrading)
			c, server := w.tunnel()
			c.SetWindow(window)
			server.SetWindow(window)
			size := min(200*window, 5<<20)
			up, down := pattern(size), pattern(size+1)
			c.Send(up)
			server.Send(down)
			var gotUp, gotDown []byte
			for range 1000 {
				w.sim.Run()
				w.advance(time.Millisecond)
				gotUp = append(gotUp, server.Received()...)
				gotDown = append(gotDown, c.Received()...)
				if len(gotUp) == len(up) && len(gotDown) == len(down) {
					break
				}
			}
			wantSame(t, gotUp, up)
			wantSame(t, gotDown, down)
			if read := server.Conn().BytesRead; read < int64(size) {
				t.Errorf("%d bytes were read", read)
			}
		})
	}
}

func TestASlowReaderOfATunnelIsNotReadFor(t *testing.T) {
	w := newWorld(t, upgrading)
	c, server := w.tunnel()
	c.SetWindow(1000)
	server.Send(pattern(5 << 20))
	w.sim.Run()
	if read := server.Conn().BytesRead; read > 300_000 {
		t.Errorf("%d bytes were read for a client that takes none", read)
	}
}

func TestAnUpgradeThatTheServerDeclinesIsAnOrdinaryExchange(t *testing.T) {
	w := newWorld(t, upgrading)
	b := w.serve("127.0.0.1:9001", hello)
	c := w.connect()
	for range 2 {
		wantBody(t, c.send("GET / HTTP/1.1\nHost: x\nUpgrade: x\nConnection: upgrade\n\n").receive(), "hello")
	}
	if len(b.peers) != 1 {
		t.Errorf("%d connections", len(b.peers))
	}
}
