package proxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hearth/internal/http2"
)

// Whatever backends and clients do, in whatever order: every request comes to an end, and nothing is left of any. What is
// left (fibers, leases, connections) is looked for when the world ends.
func TestH2AStorm(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, `upstream u { server 10.0.0.1:80 max_fails=0; server 10.0.0.2:80 max_fails=0; keepalive_requests 20; keepalive_time 40s; keepalive_timeout 15s; }
				server { listen 80; client_body_timeout 20s; send_timeout 20s; location / { proxy_pass http://u; proxy_http_version 2; proxy_read_timeout 20s; proxy_send_timeout 20s; proxy_connect_timeout 5s; proxy_pass_trailers on;
				location /direct { proxy_pass http://u; proxy_buffering off; proxy_request_buffering off; } } }`)
			s := &storm{w: w, r: rand.New(rand.NewPCG(seed, 1)), backends: []*h2backend{
				w.h2With("10.0.0.1:80", http2.Options{MaxStreams: 3}), w.h2With("10.0.0.2:80", http2.Options{StreamWindow: 1000}),
			}}
			for _, b := range s.backends {
				b.begin, b.answer = s.begin, s.answer
			}
			for range 150 {
				s.step()
			}
			for _, c := range s.clients {
				c.SetWindow(1 << 20) // now they take what comes
			}
			for range 20 {
				w.advance(10 * time.Second)
				for _, c := range s.clients {
					c.received.Write(c.Received())
				}
			}
			for i, c := range s.clients {
				text := c.received.String()
				if !c.left && !c.ConnClosed() && !strings.HasPrefix(text, "HTTP/1.1 ") {
					t.Errorf("request %d (%s) is stuck: %q", i, c.asked, text)
				}
				if !c.ConnClosed() && !c.left && strings.Contains(text, "Transfer-Encoding: chunked") && !strings.Contains(text, "\r\n0\r\n") {
					t.Errorf("response %d has no end and its connection neither: %.200q", i, text)
				}
				c.Close()
			}
			w.advance(time.Minute)
		})
	}
}

type storm struct {
	w        *world
	r        *rand.Rand
	backends []*h2backend
	clients  []*stormClient
}

type stormClient struct {
	*client
	asked    string
	toSend   int
	left     bool
	received strings.Builder
}

// begin is what a backend does when a request's head comes.
func (s *storm) begin(q *h2request) {
	q.hold = s.r.IntN(4) == 0
	switch s.r.IntN(12) {
	case 0:
		q.wire.Reset(q.s, http2.RefusedStream)
		q.release()
	case 1:
		q.respond(413, "early")
	case 2:
		q.wire.Reset(q.s, http2.ErrCode(s.r.IntN(14)))
		q.release()
	case 3:
		q.head(103, false, "link: x")
	}
}

// answer is what it does when the request has come to its end.
func (s *storm) answer(q *h2request) {
	switch s.r.IntN(8) {
	case 0: // it thinks, perhaps for ever
	case 1:
		q.head(200, false)
		q.send(strings.Repeat("x", s.r.IntN(300000)), false) // and no end
	case 2:
		q.head(200, false)
		q.send("body", false)
		q.head(0, true, "trailer: x")
	case 3:
		q.head(200, false, "content-length: 5")
		q.send(strings.Repeat("x", 4+s.r.IntN(3)), true)
	default:
		q.respond(200, strings.Repeat("x", s.r.IntN(200000)))
	}
}

func (s *storm) step() {
	b := s.backends[s.r.IntN(2)]
	switch s.r.IntN(10) {
	case 0:
		s.w.advance(time.Duration(s.r.IntN(12000)) * time.Millisecond)
	case 1:
		s.onConn(b, func(c *h2conn) {
			switch s.r.IntN(6) {
			case 0:
				c.Close()
			case 1:
				c.deaf = true
			case 2:
				c.wire.GoAway(http2.NoError, "")
			case 3:
				c.wire.GoAway(http2.InternalError, "")
			case 4:
				c.Peer.Send([]byte("not HTTP/2 at all"))
			case 5:
				c.SetWindow(s.r.IntN(2000))
			}
		})
	case 2:
		s.onConn(b, func(c *h2conn) {
			for _, q := range append([]*h2request(nil), c.open...) {
				switch s.r.IntN(3) {
				case 0:
					q.send("more", true)
				case 1:
					q.credit(s.r.IntN(len(q.body) + 1))
				}
			}
		})
	case 3, 4:
		if len(s.clients) > 0 {
			s.onClient(s.clients[s.r.IntN(len(s.clients))])
		}
	default:
		s.ask()
	}
}

func (s *storm) onConn(b *h2backend, do func(*h2conn)) {
	if len(b.conns) == 0 {
		return
	}
	if c := b.conns[s.r.IntN(len(b.conns))]; !c.ConnClosed() && !c.deaf && c.err == nil {
		c.run(func() { do(c) })
	}
}

func (s *storm) onClient(c *stormClient) {
	switch {
	case c.left:
	case s.r.IntN(6) == 0:
		c.left = true
		c.Close()
	case c.toSend > 0 && !c.ConnClosed():
		n := min(c.toSend, 1+s.r.IntN(60000))
		c.toSend -= n
		c.Send([]byte(strings.Repeat("y", n)))
	default:
		c.received.Write(c.Received())
	}
	s.w.sim.Run()
}

func (s *storm) ask() {
	c := &stormClient{client: s.w.connect()}
	path := []string{"/", "/direct"}[s.r.IntN(2)]
	if s.r.IntN(5) == 0 {
		c.SetWindow(s.r.IntN(3000))
	}
	c.asked = "GET " + path
	if s.r.IntN(2) == 0 {
		c.toSend = s.r.IntN(150000)
		c.asked = "POST " + path
	}
	s.clients = append(s.clients, c)
	c.Send([]byte(crlf(fmt.Sprintf("%s HTTP/1.1\nHost: example.com\nContent-Length: %d\n\n", c.asked, c.toSend))))
	if s.r.IntN(3) > 0 { // else it goes on at once, in the same turn as the next
		s.w.sim.Run()
	}
}
