package frontend

import (
	"testing"

	"golang.org/x/sys/unix"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/http2"
)

// BenchmarkH2Requests is 32 small GETs at a time on one connection in memory, client included: per request.
func BenchmarkH2Requests(b *testing.B) {
	w := benchWorld(b)
	w.server.HTTP2.On = true
	quiet := &quietClient{}
	conn, p := conn.Pair(w.loop)
	w.sim.Run()
	Serve(nil, conn)
	quiet.wire = http2.NewClient(&http2.Options{}, quiet)
	method, scheme, authority, path := []byte("GET"), []byte("http"), []byte("example.com"), []byte("/index.html")
	b.ReportAllocs()
	for n := 0; n < b.N; n += 32 {
		for range 32 {
			s, err := quiet.wire.Open(nil, false)
			if err != nil {
				b.Fatal(err)
			}
			hw := quiet.wire.Headers(s)
			hw.Request(method, scheme, authority, path)
			hw.End(true)
		}
		out := quiet.wire.Output()
		p.Send(out)
		quiet.wire.Sent(len(out))
		w.sim.Run()
		if err := quiet.wire.Feed(p.Received(), 0); err != nil {
			b.Fatal(err)
		}
	}
}

// quietClient is a client that releases each stream at its end.
type quietClient struct{ wire *http2.Wire }

func (c *quietClient) OnHeaders(*http2.Stream, *http2.Block, bool) {}
func (c *quietClient) OnData(s *http2.Stream, p []byte, end bool) {
	c.wire.Consumed(s, len(p))
	if end {
		c.wire.Release(s)
	}
}
func (c *quietClient) OnReset(*http2.Stream, http2.ErrCode, bool, string) {}
func (c *quietClient) OnRoom(*http2.Stream)                               {}
func (c *quietClient) OnSettings()                                        {}
func (c *quietClient) OnGoAway(uint32, http2.ErrCode, []byte)             {}
func (c *quietClient) OnPong([8]byte)                                     {}
func (c *quietClient) OnRefused(uint32, http2.ErrCode, string)            {}

// BenchmarkIdleH2Connections measures what each of 2000 connections of HTTP/2 costs that has been asked once and is idle.
func BenchmarkIdleH2Connections(b *testing.B) {
	const n = 2000
	w := benchWorld(b)
	w.server.HTTP2.On = true
	_, addr, stop := realServer(b, w.shard.engine, nil)
	defer stop()
	ask := func() int {
		fd := dialRaw(b, addr)
		c := http2.NewClient(&http2.Options{}, &quietClient{})
		s, _ := c.Open(nil, false)
		hw := c.Headers(s)
		hw.Request([]byte("GET"), []byte("http"), []byte("example.com"), []byte("/index.html"))
		hw.Field(field("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"))
		hw.Field(field("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"))
		hw.End(true)
		unix.Write(fd, c.Output())
		answer := make([]byte, 4096)
		for got := 0; got < 150; {
			m, err := unix.Read(fd, answer)
			if m <= 0 || err != nil {
				b.Fatal(m, err)
			}
			got += m
		}
		return fd
	}
	var fds []int
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for range 100 {
		fds = append(fds, ask())
	}
	before := residentBytes(b)
	for range n {
		fds = append(fds, ask())
	}
	b.ReportMetric(float64(residentBytes(b)-before)/n, "B/conn")
	b.ReportMetric(0, "ns/op")
}

func field(name, value string) http1.Field {
	return http1.Field{Name: []byte(name), Value: []byte(value), ID: http1.Lookup([]byte(name))}
}
