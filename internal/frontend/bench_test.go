package frontend

import (
	"bytes"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/core"
)

var benchBody = bytes.Repeat([]byte("x"), 100)

// fixed answers from memory and allocates nothing.
func fixed(r *core.Request) {
	r.Out.Status = 200
	r.Out.ContentLength = int64(len(benchBody))
	r.Down.SendHead(r)
	r.Down.Send(core.Chunk{Mem: benchBody, Last: true})
	r.Down.WaitFlush()
}

func benchWorld(b *testing.B) *world {
	w := newWorld(b, fixed)
	w.shard.engine.serve = func(r *core.Request, _ *core.Address) { fixed(r) }
	return w
}

// BenchmarkKeepAliveRequest is one small GET on an idle connection in memory: first byte, fiber, head, answer, idle again.
func BenchmarkKeepAliveRequest(b *testing.B) {
	w := benchWorld(b)
	c, p := conn.Pair(w.loop)
	w.sim.Run()
	Serve(nil, c)
	request := []byte("GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		p.Send(request)
		w.sim.Run()
		p.Received()
	}
}
