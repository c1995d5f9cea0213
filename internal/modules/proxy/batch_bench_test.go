package proxy

import (
	"testing"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/http2"
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

// BenchmarkBatchOf64OverHTTP2 is BenchmarkBatchOf64 with the backend behind one HTTP/2 connection.
func BenchmarkBatchOf64OverHTTP2(b *testing.B) {
	w := newWorld(b, `upstream u { server 10.0.0.1:80; keepalive_requests 1000000000; }
		server { listen 80; keepalive_requests 1000000000; location / { proxy_pass http://u; proxy_http_version 2; } }`)
	w.net.Listen(conn.MustAddr("10.0.0.1:80"), func(p *conn.Peer) {
		s := &plainServer{}
		s.wire = http2.NewServer(&http2.Options{}, s)
		p.OnData = func(p *conn.Peer) {
			s.wire.Feed(p.Received(), int64(w.sim.Now()))
			if out := s.wire.Output(); len(out) > 0 {
				p.Send(out)
				s.wire.Sent(len(out))
			}
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
	b.ReportAllocs()
	for b.Loop() {
		batch()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(clients)), "ns/request")
}

// plainServer answers every request alike.
type plainServer struct{ wire *http2.Wire }

var (
	plainType = http1.Field{Name: []byte("content-type"), Value: []byte("text/plain"), ID: http1.ContentType}
	plainBody = []byte("hello world\n")
)

func (p *plainServer) OnHeaders(s *http2.Stream, _ *http2.Block, _ bool) {
	h := p.wire.Headers(s)
	h.Status(200)
	h.Field(plainType)
	h.End(false)
	p.wire.WriteData(s, plainBody, true)
	p.wire.Release(s)
}
func (p *plainServer) OnData(*http2.Stream, []byte, bool)                 {}
func (p *plainServer) OnReset(*http2.Stream, http2.ErrCode, bool, string) {}
func (p *plainServer) OnRoom(*http2.Stream)                               {}
func (p *plainServer) OnSettings()                                        {}
func (p *plainServer) OnGoAway(uint32, http2.ErrCode, []byte)             {}
func (p *plainServer) OnPong([8]byte)                                     {}
func (p *plainServer) OnRefused(uint32, http2.ErrCode, string)            {}
