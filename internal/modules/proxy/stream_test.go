package proxy

import (
	"os"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
)

func TestEventsArriveAtOnce(t *testing.T) {
	for name, config := range map[string]string{"without buffering": "proxy_buffering off;", "with buffering": ""} {
		for framing, head := range map[string]string{"until close": "", "chunked": "Transfer-Encoding: chunked\n"} {
			t.Run(name+" "+framing, func(t *testing.T) {
				w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; "+config+" }")
				b := w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
					p.Send([]byte(crlf("HTTP/1.1 200 OK\nContent-Type: text/event-stream\n" + head + "\n")))
				})
				c := w.connect().send("GET / HTTP/1.1\nHost: x\n\n")
				wantIn(t, c.receive(), "text/event-stream")
				for range 3 {
					w.advance(time.Second)
					event := "data: x\n\n"
					if framing == "chunked" {
						event = "9\r\n" + event + "\r\n"
					}
					b.peers[0].Send([]byte(event))
					wantIn(t, c.receive(), "data: x\n\n")
				}
			})
		}
	}
}

func TestTheBackendMayTurnBufferingOff(t *testing.T) {
	big := strings.Repeat("x", 1_000_000)
	for _, c := range []struct {
		config, said string
		buffered     bool
	}{
		{"", "no", false}, {"proxy_buffering off;", "yes", true}, {"proxy_ignore_headers X-Accel-Buffering;", "no", true}, {"proxy_buffering off;", "other", false},
	} {
		w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; "+c.config+" }")
		b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nX-Accel-Buffering: "+c.said+"\nContent-Length: 1000000\n\n"+big)
		cl := w.connect()
		cl.SetWindow(1000)
		cl.send("GET / HTTP/1.1\nHost: x\n\n")
		for range 20 {
			w.advance(time.Second)
		}
		if read := b.peers[0].Conn().BytesRead; read > 500_000 != c.buffered {
			t.Errorf("%q, X-Accel-Buffering: %s: %d bytes were read for a client that takes none", c.config, c.said, read)
		}
		cl.Reset()
	}
}

// A backend that answers before it has the whole request: its answer is the client's, its connection is not kept.
func TestAnEarlyResponseIsPassedOn(t *testing.T) {
	for _, buffering := range []string{"on", "off"} {
		for _, then := range []string{"keeps", "closes"} {
			t.Run(buffering+", the backend "+then, func(t *testing.T) {
				w := newWorld(t, "client_max_body_size 0; location / { proxy_pass http://127.0.0.1:9001; proxy_request_buffering "+buffering+"; }")
				var server *conn.Peer
				w.net.Listen(conn.MustAddr("127.0.0.1:9001"), func(p *conn.Peer) {
					server = p
					p.SetWindow(5000)
					p.OnData = func(p *conn.Peer) {
						p.OnData = nil
						p.Send([]byte(crlf("HTTP/1.1 403 No\nContent-Length: 2\n\nno")))
						if then == "closes" {
							p.Close()
						}
					}
				})
				c := w.connect()
				c.Send([]byte(crlf("POST / HTTP/1.1\nHost: x\nContent-Length: 1000000\n\n")))
				c.Send(pattern(1_000_000))
				w.sim.Run()
				got := c.receive()
				wantStatus(t, got, "403")
				wantBody(t, got, "no")
				if server == nil || !server.ConnClosed() {
					t.Error("the connection with a part of a request on it was kept")
				}
			})
		}
	}
}

func TestAnUploadStopsWhenTheBackendTakesNothing(t *testing.T) {
	for _, buffering := range []string{"on", "off"} {
		w := newWorld(t, "client_max_body_size 0; location / { proxy_pass http://127.0.0.1:9001; proxy_send_timeout 3s; proxy_request_buffering "+buffering+"; }")
		w.net.Listen(conn.MustAddr("127.0.0.1:9001"), func(p *conn.Peer) { p.SetWindow(1000) })
		c := w.connect()
		c.Send([]byte(crlf("POST / HTTP/1.1\nHost: x\nContent-Length: 1000000\n\n")))
		c.Send(pattern(1_000_000))
		w.advance(2900 * time.Millisecond)
		wantText(t, c.receive(), "")
		w.advance(200 * time.Millisecond)
		wantStatus(t, c.receive(), "504")
		w.wantError("[error] ", "upstream timed out (110: Connection timed out) while sending request to upstream")
	}
}

func TestAClientThatStopsItsUploadIsNotTheBackendsFault(t *testing.T) {
	w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; client_body_timeout 3s; proxy_request_buffering off; }")
	b := w.script("127.0.0.1:9001", nil)
	c := w.connect().send("POST / HTTP/1.1\nHost: x\nContent-Length: 10\n\nabc")
	w.advance(4 * time.Second)
	wantText(t, c.receive(), "")
	if !c.ConnClosed() || !b.peers[0].ConnClosed() {
		t.Error("a connection is open")
	}
	c = w.connect().send("POST / HTTP/1.1\nHost: x\nContent-Length: 10\n\nabc")
	c.Close()
	w.sim.Run()
	if !b.peers[1].ConnClosed() {
		t.Error("the backend waits for a client that has gone")
	}
	wantNotIn(t, w.errors(), "[error]") // the backend has done nothing wrong
	wantNotIn(t, w.errors(), "[alert]")
}

// No room for what a slow client does not take: that response is cut, and logged; nothing else suffers.
func TestAnUnwritableTempPathCutsTheResponse(t *testing.T) {
	w := newWorld(t, "location / { proxy_pass http://127.0.0.1:9001; proxy_temp_path file/below; }")
	if err := os.WriteFile(w.dir+"/file", nil, 0o644); err != nil { // a directory cannot be made below a file
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1_000_000)
	b := w.serve("127.0.0.1:9001", "HTTP/1.1 200 OK\nContent-Length: 1000000\n\n"+big)
	c := w.connect()
	c.SetWindow(1000)
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	for range 20 {
		w.advance(100 * time.Millisecond)
	}
	if !c.ConnClosed() || !b.peers[0].ConnClosed() {
		t.Errorf("client closed %v, server %v", c.ConnClosed(), b.peers[0].ConnClosed())
	}
	w.wantError("[crit] ", `failed (20: Not a directory) while reading upstream`)
	wantNotIn(t, w.errors(), "upstream server temporarily disabled")
	wantBody(t, w.get("/"), big)
}
