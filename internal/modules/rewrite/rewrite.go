// Package rewrite is ngx_http_rewrite_module: if, set, return, rewrite and break. A block's directives are a list of
// rules that run in the order of the file, in the ServerRewrite phase for a server and in the Rewrite phase for a
// location; an `if` is a rule that holds the rules of its block.
package rewrite

import (
	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
)

const anywhere = conf.Server | conf.Location | conf.If

// Module is the rewrite module.
var Module = core.Module{
	Name: "ngx_http_rewrite_module",
	Directives: []conf.Directive{
		conf.Custom(slot, conf.Directive{Name: "return", In: anywhere, Args: conf.Take12,
			Doc: "Answer with a status, and a text or a redirect."}, setReturn),
		conf.Custom(slot, conf.Directive{Name: "rewrite", In: anywhere, Args: conf.Take23,
			Doc: "Change a URI that matches a pattern, or redirect."}, setRewrite),
		conf.Custom(slot, conf.Directive{Name: "set", In: anywhere, Args: conf.Take2,
			Doc: "Assign to a variable."}, setSet),
		conf.Custom(slot, conf.Directive{Name: "break", In: anywhere, Args: conf.NoArgs,
			Doc: "End the processing of this module's directives."},
			func(_ *conf.Cursor, _ *conf.Block, s *settings, _ []string) error {
				s.rules = append(s.rules, breakRule{})
				return nil
			}),
		conf.Custom(slot, conf.Directive{Name: "if", In: conf.Server | conf.Location, Args: conf.OneMore | conf.WithBlock,
			Doc: "Directives for requests of which a condition holds."}, setIf),
		conf.Field(slot, conf.Directive{Name: "rewrite_log", In: conf.ToLocation | conf.If, Default: "off",
			Doc: "Log what rewrite and if do, with level notice."},
			conf.Flag, func(s *settings) *bool { return &s.log }),
		conf.Field(slot, conf.Directive{Name: "uninitialized_variable_warn", In: conf.ToLocation | conf.If, Default: "on",
			Doc: "Warn of variables that are read before they were set."},
			conf.Flag, func(s *settings) *bool { return &s.warn }),
	},
	Phases: []core.Phase{
		{At: core.ServerRewrite, Run: run, On: func(b *conf.Block) bool { return b.Kind == conf.Server && len(slot.Of(b).rules) > 0 }},
		{At: core.Rewrite, Run: run, On: func(b *conf.Block) bool { return b.Kind == conf.Location && len(slot.Of(b).rules) > 0 }},
	},
	Init: func(g *core.Generation) error {
		g.Vars.Uninitialized = warnUninitialized
		return nil
	},
}

// settings are those of one block. The rules are not inherited.
type settings struct {
	rules []rule
	log   bool
	warn  bool
}

var slot = conf.NewSlot[settings](conf.LocationLevel)

// rule is one directive. It takes the state of the run and returns the one after it; by value, so that a run
// allocates nothing.
type rule interface {
	apply(r *core.Request, s state) state
}

// state is where a run over the rules stands.
type state struct {
	verdict core.Verdict
	stop    bool // no more rules
	log     bool // rewrite_log
	// escape: captures that `set` takes are escaped if the URI was. nginx does so until a rewrite has been carried out.
	escape bool
}

// ended is the state of a run that ends with v.
func (s state) ended(v core.Verdict) state {
	s.verdict, s.stop = v, true
	return s
}

// run is the handler of both phases.
func run(r *core.Request) core.Verdict {
	c := slot.Of(r.Location.Block)
	return apply(r, c.rules, state{verdict: core.Declined, log: c.log, escape: true}).verdict
}

func apply(r *core.Request, rules []rule, s state) state {
	for _, x := range rules {
		if s = x.apply(r, s); s.stop {
			break
		}
	}
	return s
}

// breakRule is `break`: the rules end here, and a changed URI does not lead to another location.
type breakRule struct{}

func (breakRule) apply(r *core.Request, s state) state {
	r.URIChanged = false
	return s.ended(core.Declined)
}

func warnUninitialized(r *core.Request, name string) {
	if slot.Of(r.Location.Block).warn {
		r.Error(logs.Warn, "using uninitialized \"%s\" variable", name)
	}
}
