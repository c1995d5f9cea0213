package rewrite

import (
	"hearth/internal/conf"
	"hearth/internal/core"
)

// ifRule is an `if` block. If its condition holds, its rules run; then those after the block go on, unless it ended
// them. In a location it also becomes the configuration in force.
type ifRule struct {
	holds    condition
	inner    *settings
	location *core.Location // nil in a server
}

func setIf(c *conf.Cursor, outer *conf.Block, s *settings, args []string) error {
	holds, err := parseCondition(c, args)
	if err != nil {
		return err
	}
	kind := conf.IfLocation
	if outer.Kind == conf.Server {
		kind = conf.IfServer
	}
	b := c.NewBlock(kind, args...)
	x := &ifRule{holds: holds, inner: slot.Of(b)}
	if l := core.NewPseudoLocation(b); kind == conf.IfLocation {
		x.location = l
	}
	s.rules = append(s.rules, x)
	return c.Block(b)
}

func (x *ifRule) apply(r *core.Request, s state) state {
	if !x.holds.holds(r, s.log) {
		return s
	}
	if x.location != nil {
		r.EnterPseudo(x.location)
	}
	return apply(r, x.inner.rules, s)
}
