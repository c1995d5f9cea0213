package core_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/logs"
)

// subs is a module whose directive `include_uri URI...` answers "<" + the subrequests' output + ">".
var subs = &core.Module{
	Name: "test_subs",
	Directives: []conf.Directive{
		{Name: "include_uri", In: conf.Location, Args: conf.OneMore, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			core.SetContent(b, func(r *core.Request) core.Verdict {
				r.Out.Status = 200
				if r.SendHead() != nil || r.Write([]byte("<")) != nil {
					return core.Done
				}
				for _, uri := range args {
					res, ok := r.Subrequest([]byte(uri), nil, core.SubOptions{})
					if !ok {
						return 500
					}
					res.Release()
				}
				r.Write([]byte(">"))
				return core.OK
			})
			return nil
		}},
		{Name: "capture_uri", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			core.SetContent(b, func(r *core.Request) core.Verdict {
				res, _ := r.Subrequest([]byte(args[0]), nil, core.SubOptions{Capture: true})
				defer res.Release()
				return r.Reply(res.Status(), textPlain, r.Copy(append([]byte("captured "), res.Body()...)))
			})
			return nil
		}},
		{Name: "mirror_uri", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			core.SetContent(b, func(r *core.Request) core.Verdict {
				r.Subrequest([]byte(args[0]), nil, core.SubOptions{Background: true})
				return r.Reply(200, textPlain, []byte("answered"))
			})
			return nil
		}},
		{Name: "slow", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			d, err := conf.Msec(c, args)
			core.SetContent(b, func(r *core.Request) core.Verdict {
				r.Loop.Wait(r.Loop.Now().Add(d))
				r.Error(logs.Warn, "slow is done")
				return r.Reply(200, textPlain, []byte("slow"))
			})
			return err
		}},
	},
}

// upper and brackets are body filters: one of each request, one of the merged output.
var upper = &core.Module{Name: "test_upper",
	Directives: []conf.Directive{flagDirective("upper", upperSlot)},
	Bodies: []core.BodyFilter{{On: upperSlot.on, Run: func(r *core.Request, c core.Chunk, out core.Next) error {
		c.Mem = bytes.ToUpper(c.Mem)
		return out.Send(c)
	}}},
	Headers: []core.HeaderFilter{{On: upperSlot.on, Run: func(r *core.Request) error {
		r.Out.AddHeader("Upper", []byte("yes"))
		return nil
	}}},
}

var brackets = &core.Module{Name: "test_brackets",
	Directives: []conf.Directive{flagDirective("brackets", bracketSlot)},
	Bodies: []core.BodyFilter{{On: bracketSlot.on, Merged: true, Run: func(r *core.Request, c core.Chunk, out core.Next) error {
		if len(c.Mem) > 0 {
			c.Mem = []byte("[" + string(c.Mem) + "]")
		}
		return out.Send(c)
	}}},
}

type flag struct{ On bool }

type flagSlot struct{ *conf.Slot[flag] }

func (s flagSlot) on(b *conf.Block) bool { return s.Of(b).On }

var (
	upperSlot   = flagSlot{conf.NewSlot[flag](conf.LocationLevel)}
	bracketSlot = flagSlot{conf.NewSlot[flag](conf.LocationLevel)}
)

func flagDirective(name string, s flagSlot) conf.Directive {
	return conf.Field(s.Slot, conf.Directive{Name: name, In: conf.ToLocation, Default: "off"}, conf.Flag, func(f *flag) *bool { return &f.On })
}

func TestSubrequestOutputStandsWhereItWasAskedFor(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, subs, brackets, upper}, `
		location / { include_uri /a /b /nested /missing; }
		location /a { echo "a $uri $request_method"; }
		location /b { upper on; echo "b"; }
		location /nested { include_uri /a; }
		location /missing { answer 404; server_tokens off; }
		location /in { internal; echo "internal"; }
		location /see { include_uri /in; }
		location /merged { brackets on; include_uri /b; }
		location /loop { include_uri /loop; }
		location /cap { capture_uri /b; }
		location /capmerged { capture_uri /bm; } location /bm { brackets on; echo bm; }
		location /capmissing { capture_uri /missing; }
	`)
	missing := "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>hearth</center>\r\n</body>\r\n</html>\r\n"
	for _, tt := range []struct{ path, body string }{
		{"/", "<a /a GETB<a /a GET>" + missing + ">"},
		{"/see", "<internal>"},
		{"/merged", "[<][B][>]"},
		{"/cap", "captured B"},
		{"/capmerged", "captured bm"},
		{"/capmissing", "captured " + missing},
	} {
		if res := s.Get(tt.path); res.Body != tt.body || !res.Complete || res.Header.Has("Upper") {
			t.Errorf("%s: %+v", tt.path, res)
		}
	}
	if res := s.Get("/loop"); !strings.Contains(strings.Join(res.Log, ""), `subrequests cycle while processing "/loop"`) {
		t.Errorf("%q", res.Log)
	}
}

func TestBackgroundSubrequestDoesNotDelayTheAnswer(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, subs}, `location / { mirror_uri /slow; } location /slow { slow 3s; }`)
	c := s.Start(coretest.Get("/"))
	if res := c.Response(); res.Body != "answered" || !res.Complete || c.Done() {
		t.Errorf("%+v", res)
	}
	s.Sim.Advance(3 * time.Second)
	if res := c.Response(); !c.Done() || res.Body != "answered" || len(res.Log) != 1 || !strings.Contains(res.Log[0], `subrequest: "/slow"`) {
		t.Errorf("%+v", res)
	}
}

func TestFiltersRunWhereTheyAreOn(t *testing.T) {
	s := coretest.New(t, []*core.Module{echo, upper}, `location / { echo x; } location /up { upper on; echo x; }`)
	if res := s.Get("/"); res.Body != "x" || res.Header.Has("Upper") {
		t.Errorf("%+v", res)
	}
	if res := s.Get("/up"); res.Body != "X" || res.Header.Get("Upper") != "yes" {
		t.Errorf("%+v", res)
	}
}

func TestSlowClientIsWaitedFor(t *testing.T) {
	block := &core.Module{Name: "test_block", Directives: []conf.Directive{{Name: "block", In: conf.Location, Args: conf.NoArgs,
		Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
			core.SetContent(b, func(r *core.Request) core.Verdict {
				r.Out.Status = 200
				r.SendHead()
				for range 3 {
					if r.Write([]byte("x")) != nil {
						return core.Done
					}
				}
				return core.OK
			})
			return nil
		}}}}
	s := coretest.New(t, []*core.Module{block}, `location / { block; } send_timeout 10s;`)
	c := s.StartBlocked(coretest.Get("/"))
	s.Sim.Advance(9 * time.Second)
	if c.Done() || c.Response().Body != "x" {
		t.Errorf("%+v", c.Response())
	}
	c.Unblock()
	if res := c.Response(); !c.Done() || res.Body != "xxx" || res.Aborted {
		t.Errorf("%+v", res)
	}
	c = s.StartBlocked(coretest.Get("/"))
	s.Sim.Advance(11 * time.Second)
	if res := c.Response(); !c.Done() || !res.Aborted || res.LogStatus != 200 || !strings.HasPrefix(res.Log[0], "[info] client timed out (110: Connection timed out), client:") {
		t.Errorf("%+v", res)
	}
	c = s.StartBlocked(coretest.Get("/"))
	c.Leave()
	if res := c.Response(); !c.Done() || !res.Aborted {
		t.Errorf("%+v", res)
	}
}
