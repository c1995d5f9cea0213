package docs

import (
	"testing"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

// What CONTRIBUTING.md shows of a module: two directives and a header filter.

var greeting = core.Module{
	Name: "greeting",
	Directives: []conf.Directive{
		conf.Field(greetings, conf.Directive{Name: "greeting", In: conf.ToLocation, Syntax: "text",
			Doc: "Add the field X-Greeting to responses."},
			core.ParseValue, func(g *greetingConf) **core.Value { return &g.text }),
		conf.Field(greetings, conf.Directive{Name: "greeting_errors", In: conf.ToLocation, Default: "off", Syntax: "on | off",
			Doc: "Greet with errors too."},
			conf.Flag, func(g *greetingConf) *bool { return &g.errors }),
	},
	Headers: []core.HeaderFilter{{Run: greet, On: func(b *conf.Block) bool { return greetings.Of(b).text != nil }}},
}

type greetingConf struct {
	text   *core.Value // nil = none
	errors bool
}

var greetings = conf.NewSlot[greetingConf](conf.LocationLevel)

// greet is the header filter.
func greet(r *core.Request) error {
	g := greetings.Of(r.Location.Block)
	if r.Out.Status < 400 || g.errors {
		r.Out.AddHeader("X-Greeting", g.text.Eval(r))
	}
	return nil
}

func TestGreetings(t *testing.T) {
	s := coretest.New(t, []*core.Module{&greeting}, `
		greeting "hello $arg_name";
		location / { }
		location /all { greeting_errors on; }
		location /other { greeting bye; greeting_errors on; }`)
	for path, want := range map[string]string{
		"/?name=you":    "", // 404: nothing answers there
		"/all?name=you": "hello you",
		"/other":        "bye",
	} {
		if got := s.Get(path).Header.Get("X-Greeting"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestMistakesInGreetings(t *testing.T) {
	for config, want := range map[string]string{
		"greeting a; greeting b;": `"greeting" directive is duplicate in nginx.conf:1`,
		"greeting_errors maybe;":  `invalid value "maybe" in "greeting_errors" directive, it must be "on" or "off" in nginx.conf:1`,
		"greeting;":               `invalid number of arguments in "greeting" directive in nginx.conf:1`,
		"greeting $nothing;":      `unknown "nothing" variable`,
	} {
		if got := coretest.LoadError(t, []*core.Module{&greeting}, config); got != want {
			t.Errorf("%s\n got %s\nwant %s", config, got, want)
		}
	}
}
