package core_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// echo is a module whose directive `echo TEXT` answers with a text, `error N` with a status, and so on: what tests
// of core need of modules.
var echo = &core.Module{
	Name: "test_echo",
	Directives: []conf.Directive{
		{Name: "echo", In: conf.Location | conf.IfLocation | conf.LimitExcept, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			v, err := core.CompileValue(c, args[0])
			if err != nil {
				return err
			}
			core.SetContent(b, func(r *core.Request) core.Verdict {
				r.Out.Status = 200
				return r.Reply(200, textPlain, v.Eval(r))
			})
			return nil
		}},
		{Name: "answer", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			n, err := conf.Num(c, args)
			core.SetContent(b, func(r *core.Request) core.Verdict { return core.Verdict(n) })
			return err
		}},
		{Name: "slash", In: conf.Location, Args: conf.NoArgs, Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
			core.LocationOf(b).AutoRedirect = true
			return nil
		}},
		{Name: "goto", In: conf.Location, Set: func(c *conf.Cursor, b *conf.Block, args []string) error {
			v, err := core.CompileValue(c, args[0])
			core.SetContent(b, func(r *core.Request) core.Verdict {
				uri := v.Eval(r)
				if strings.HasPrefix(string(uri), "@") {
					return r.NamedLocation(uri)
				}
				return r.InternalRedirect(core.SplitArgs(uri))
			})
			return err
		}},
	},
}

var modules = []*core.Module{echo}

func TestEcho(t *testing.T) {
	res := coretest.Run(t, modules, `location / { echo "hello $uri"; }`, coretest.Get("/there"))
	if res.Status != 200 || res.Body != "hello /there" {
		t.Fatalf("%+v", res)
	}
}

func addr(s string) conn.Addr { return conn.MustAddr(s) }

func equalLines(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

var textPlain = []byte("text/plain")
