// Package stubstatus is ngx_http_stub_status_module: the page of basic counters, and $connections_*. The counting
// itself is package frontend's.
package stubstatus

import (
	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/http1"
	"hearth/internal/text"
)

// Module is the stub_status module.
var Module = core.Module{
	Name: "ngx_http_stub_status_module",
	Directives: []conf.Directive{
		{Name: "stub_status", In: conf.Server | conf.Location, Args: conf.NoArgs | conf.Take1,
			Doc: "Answer with the page of basic counters.",
			Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
				core.SetContent(b, page)
				return nil
			}},
	},
	Variables: []core.Variable{
		counter("connections_active", func(s *frontend.Status) int64 { return s.Active }),
		counter("connections_reading", func(s *frontend.Status) int64 { return s.Reading }),
		counter("connections_writing", func(s *frontend.Status) int64 { return s.Writing }),
		counter("connections_waiting", func(s *frontend.Status) int64 { return s.Waiting }),
	},
}

// readStatus is where the numbers come from; tests have their own.
var readStatus = frontend.ReadStatusOn

func counter(name string, of func(*frontend.Status) int64) core.Variable {
	return core.Variable{Name: name, NoCache: true, Get: func(r *core.Request) ([]byte, bool) {
		s := readStatus(r.Loop)
		return text.AppendInt(r.Alloc(20)[:0], of(&s)), true
	}}
}

var contentType = []byte("text/plain")

// pageSize is more than the page needs: its words and seven numbers.
const pageSize = 256

func page(r *core.Request) core.Verdict {
	if m := http1.MethodOf(r.Method); m != http1.MethodGet && m != http1.MethodHead {
		return 405
	}
	s := readStatus(r.Loop)
	b := append(r.Alloc(pageSize)[:0], "Active connections: "...)
	b = text.AppendInt(b, s.Active)
	b = append(b, " \nserver accepts handled requests\n"...)
	for _, n := range [...]int64{s.Accepted, s.Handled, s.Requests} {
		b = text.AppendInt(append(b, ' '), n)
	}
	b = append(b, " \nReading: "...)
	b = text.AppendInt(b, s.Reading)
	b = append(b, " Writing: "...)
	b = text.AppendInt(b, s.Writing)
	b = append(b, " Waiting: "...)
	b = text.AppendInt(b, s.Waiting)
	return r.Reply(200, contentType, append(b, " \n"...))
}
