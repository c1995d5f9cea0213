package proxy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
)

// pattern is n bytes in which a piece out of place shows.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(n) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// framings are the ways to send a body; each returns the fields and the bytes that follow the head.
var framings = map[string]func(body []byte) (fields string, raw []byte){
	"by length": func(body []byte) (string, []byte) {
		return fmt.Sprintf("Content-Length: %d\r\n", len(body)), body
	},
	"by chunks": func(body []byte) (string, []byte) {
		return "Transfer-Encoding: chunked\r\n", chunked(body, 10_000)
	},
	"by small chunks": func(body []byte) (string, []byte) {
		return "Transfer-Encoding: chunked\r\n", chunked(body, max(7, len(body)/1000))
	},
	"until close": func(body []byte) (string, []byte) { return "", body },
}

func chunked(body []byte, size int) []byte {
	var b bytes.Buffer
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

// bodyOf takes a message apart: its head, and the body out of its framing. ok is false if the message is not whole.
func bodyOf(t *testing.T, message []byte, ended bool) (head string, body []byte, ok bool) {
	t.Helper()
	h, rest, found := bytes.Cut(message, []byte("\r\n\r\n"))
	if !found {
		return "", nil, false
	}
	switch {
	case chunkedLine.Match(h):
		for {
			line, after, found := bytes.Cut(rest, []byte("\r\n"))
			var n int
			if _, err := fmt.Sscanf(string(line), "%x", &n); err != nil || !found || len(after) < n+2 {
				return string(h), body, false
			}
			if n == 0 {
				return string(h), body, true
			}
			body = append(body, after[:n]...)
			rest = after[n+2:]
		}
	case lengthLine.Match(h):
		var n int
		fmt.Sscan(string(lengthLine.FindSubmatch(h)[1]), &n)
		return string(h), rest, len(rest) == n
	}
	return string(h), rest, ended
}

func wantSame(t *testing.T, got, want []byte) {
	t.Helper()
	if sha256.Sum256(got) != sha256.Sum256(want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Errorf("%d bytes arrived of %d, the same up to byte %d", len(got), len(want), at)
	}
}

var sizes = []int{0, 1, 4095, 16 << 10, 100_000, 1 << 20}

const large = 20 << 20

// sizesFor leaves out the largest where it would take long.
func sizesFor(slow bool) []int {
	if slow || raceEnabled {
		return sizes[:5]
	}
	return sizes
}

// pace is how a side takes or gives: a step is made, then time passes.
type pace struct {
	name string
	step int
}

var paces = []pace{{"fast", 0}, {"slow", 1}}

func TestResponsesArriveAsTheyWereSent(t *testing.T) {
	for _, config := range []string{"", "proxy_buffering off;", "proxy_max_temp_file_size 0;", "proxy_buffers 4 4k; proxy_buffer_size 4k;"} {
		for framing, frame := range framings {
			for _, client := range paces {
				for _, server := range paces {
					t.Run(fmt.Sprintf("%s %s %s client %s server", config, framing, client.name, server.name), func(t *testing.T) {
						for _, size := range sizesFor(client.step+server.step > 0) {
							receiveOne(t, config, frame, framing == "until close", size, client.step > 0, server.step > 0)
						}
					})
				}
			}
		}
	}
}

// receiveOne moves one response body through.
func receiveOne(t *testing.T, config string, frame func([]byte) (string, []byte), untilClose bool, size int, slowClient, slowServer bool) {
	t.Helper()
	want := pattern(size)
	w := newWorld(t, "send_timeout 1h; location / { proxy_pass http://127.0.0.1:9001; "+config+" }")
	fields, raw := frame(want)
	var server *conn.Peer
	w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
		server = p
		p.Send([]byte("HTTP/1.1 200 OK\r\n" + fields + "\r\n"))
	})
	c := w.connect()
	step := 1 << 30
	if slowClient {
		step = max(1000, size/20)
		c.SetWindow(step)
	}
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	var got []byte
	piece := len(raw)
	if slowServer {
		piece = max(1, len(raw)/13)
	}
	for turn := 0; turn < 200; turn++ {
		if len(raw) > 0 {
			n := min(piece, len(raw))
			server.Send(raw[:n])
			raw = raw[n:]
		} else if untilClose && !server.ConnClosed() && !server.Ended() && turn < 100 {
			server.CloseWrite()
			untilClose = false
		}
		w.sim.Run()
		if slowClient || slowServer {
			w.advance(50 * time.Millisecond)
		}
		got = append(got, c.Received()...)
		w.sim.Run()
		got = append(got, c.Received()...)
		if _, _, ok := bodyOf(t, got, c.ConnClosed()); ok && len(raw) == 0 {
			break
		}
	}
	head, body, ok := bodyOf(t, got, c.ConnClosed())
	if !ok {
		t.Fatalf("%d bytes: no whole response after %q: %d bytes of body; log:\n%s", size, head, len(body), w.errors())
	}
	wantSame(t, body, want)
}

func TestLargeBodiesArriveAsTheyWereSent(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("takes long")
	}
	for framing, frame := range framings {
		receiveOne(t, "", frame, framing == "until close", large, false, false)
	}
	receiveOne(t, "", framings["by length"], false, large, true, false) // through a temporary file
	sendOne(t, "", framings["by length"], large, false, false)
	sendOne(t, "proxy_request_buffering off;", framings["by chunks"], large, false, true)
}

func TestRequestsArriveAsTheyWereSent(t *testing.T) {
	for _, config := range []string{"", "proxy_request_buffering off;", "client_body_buffer_size 1k;", "proxy_request_buffering off; proxy_http_version 1.0;"} {
		for _, framing := range []string{"by length", "by chunks", "by small chunks"} {
			for _, client := range paces {
				for _, server := range paces {
					t.Run(fmt.Sprintf("%s %s %s client %s server", config, framing, client.name, server.name), func(t *testing.T) {
						for _, size := range sizesFor(client.step+server.step > 0) {
							sendOne(t, config, framings[framing], size, client.step > 0, server.step > 0)
						}
					})
				}
			}
		}
	}
}

// sendOne moves one request body through.
func sendOne(t *testing.T, config string, frame func([]byte) (string, []byte), size int, slowClient, slowServer bool) {
	t.Helper()
	want := pattern(size)
	w := newWorld(t, "client_max_body_size 0; location / { proxy_pass http://127.0.0.1:9001; "+config+" }")
	fields, raw := frame(want)
	var server *conn.Peer
	w.net.Listen(conn.MustAddr("127.0.0.1:9001"), func(p *conn.Peer) {
		server = p
		if slowServer {
			p.SetWindow(max(1000, size/20))
		}
	})
	c := w.connect()
	c.Send([]byte("POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"))
	piece := len(raw)
	if slowClient {
		piece = max(1, len(raw)/13)
	}
	var got []byte
	for range 200 {
		if len(raw) > 0 {
			n := min(piece, len(raw))
			c.Send(raw[:n])
			raw = raw[n:]
		}
		w.sim.Run()
		if slowClient || slowServer {
			w.advance(50 * time.Millisecond)
		}
		if server == nil {
			continue
		}
		got = append(got, server.Received()...)
		w.sim.Run()
		got = append(got, server.Received()...)
		if _, _, ok := bodyOf(t, got, true); ok && len(raw) == 0 {
			break
		}
	}
	head, body, ok := bodyOf(t, got, true)
	if !ok {
		t.Fatalf("%d bytes: no whole request after %q: %d bytes of body; log:\n%s", size, head, len(body), w.errors())
	}
	wantSame(t, body, want)
	if strings.Contains(config, "1.0") && strings.Contains(head, "chunked") {
		t.Errorf("chunks were sent to a server that was told of HTTP/1.0")
	}
	server.Send([]byte(crlf(hello)))
	w.sim.Run()
	wantStatus(t, c.receive(), "200")
}

// What a backend has sent before it broke off belongs to the client, however slowly that takes it; and the client must see that
// it is not the whole.
func TestWhatCameBeforeACutReachesASlowClient(t *testing.T) {
	for name, framing := range framings {
		if name == "until close" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			sent := pattern(300_000)
			fields, raw := framing(append(pattern(300_000), "rest"...))
			raw = raw[:bytes.LastIndex(raw, []byte("rest"))]
			w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; send_timeout 20s; }`)
			w.script("127.0.0.1:9001", func(_ *backend, p *conn.Peer, _ string) {
				p.Send(append([]byte("HTTP/1.1 200 OK\r\n"+fields+"\r\n"), raw...))
				p.CloseWrite()
			})
			c := w.connect()
			c.SetWindow(1000)
			c.send("GET / HTTP/1.1\nHost: x\n\n")
			var got []byte
			for range 400 {
				w.advance(time.Second)
				got = append(got, c.Received()...)
				c.SetWindow(1000)
			}
			if _, body, whole := bodyOf(t, got, false); whole || !bytes.HasPrefix(body, sent[:290_000]) {
				t.Errorf("%d bytes came, as a whole: %v", len(body), whole)
			}
			if !c.ConnClosed() {
				t.Error("the connection was left open")
			}

			c = w.connect() // and one that takes nothing
			c.SetWindow(1000)
			c.send("GET / HTTP/1.1\nHost: x\n\n")
			w.advance(19 * time.Second)
			if c.ConnClosed() {
				t.Error("closed before send_timeout")
			}
			w.advance(2 * time.Second)
			if !c.ConnClosed() {
				t.Error("open after send_timeout")
			}
		})
	}
}
