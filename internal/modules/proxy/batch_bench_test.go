package proxy

import (
	"testing"

	"hearth/internal/conn"
)

// BenchmarkBatchOf64 is what hearth's own code costs a small proxied request, without the kernel: 64 connections send one
// each, and all are answered, before the first sends its next. So each finds its own data gone from the first-level
// cache, as on a busy loop. The fakes are part of the figure: it is for comparing two versions, by the least of many runs.
func BenchmarkBatchOf64(b *testing.B) {
	w := newWorld(b, `upstream u { server 10.0.0.1:80; keepalive 100; keepalive_requests 1000000000; }
		server { listen 80; keepalive_requests 1000000000; location / { proxy_pass http://u; } }`)
	answer := []byte("HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Fri, 20 Nov 2026 20:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n")
	w.net.Listen(conn.MustAddr("10.0.0.1:80"), func(p *conn.Peer) {
		p.OnData = func(p *conn.Peer) {
			p.Received()
			p.Send(answer)
		}
	})
	clients := make([]*client, 64)
	for i := range clients {
		clients[i] = w.connect()
	}
	request := []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
	batch := func() {
		for _, c := range clients {
			c.Send(request)
		}
		w.sim.Run()
		for _, c := range clients {
			if len(c.Received()) == 0 {
				b.Fatal("no answer")
			}
		}
	}
	batch()
	for b.Loop() {
		batch()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(clients)), "ns/request")
}
