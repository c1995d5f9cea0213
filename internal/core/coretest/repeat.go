package coretest

import (
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// Repeat returns a function that serves one and the same request and throws the response away, for benchmarks: it
// does not allocate itself, nor run a loop, so the request must not wait for anything.
func (s *Server) Repeat(request string) func() {
	s.t.Helper()
	var parser http1.RequestParser
	a := s.address()
	parser.Reset(&a.Default.Conf.Requests)
	if _, err := parser.Parse([]byte(request)); err != nil {
		s.t.Fatal(err)
	}
	client := s.connection()
	d := &discard{}
	d.Downstream = newDownstream(s)
	return func() {
		r := core.Acquire(s.Loop)
		d.request, r.Down, r.Head, r.Client = r, d, &parser.Head, client
		r.Started, r.StartedWall = s.Loop.Now(), s.Loop.Wall()
		core.Serve(r, a)
		core.Release(r)
	}
}

// discard is a client's side that counts and keeps nothing.
type discard struct{ *Downstream }

func (d *discard) SendHead(*core.Request) error { return nil }
func (d *discard) Send(c core.Chunk) error      { d.request.BodySent += c.Size(); return nil }
func (d *discard) Writable() *loop.Event        { return &d.writable }
