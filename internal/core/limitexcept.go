package core

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/http1"
)

// limitExcept is a limit_except block: the configuration for all methods but those named.
type limitExcept struct {
	methods  map[http1.Method]bool
	location *Location
}

// excepts reports whether the limits do not apply to a method. They do to methods that nginx does not know.
func (x *limitExcept) excepts(method []byte) bool { return x.methods[http1.MethodOf(method)] }

// setLimitExcept reads `limit_except method ... { }`.
func setLimitExcept(c *conf.Cursor, outer *conf.Block, _ *LocationConf, args []string) error {
	l := locationSlot.Of(outer)
	if l.limitExcept != nil {
		return errDuplicate
	}
	x := &limitExcept{methods: map[http1.Method]bool{}}
	for _, arg := range args {
		m := http1.MethodOf([]byte(strings.ToUpper(arg)))
		if m == http1.MethodOther || m == http1.MethodConnect || m == http1.MethodTrace {
			return c.Errorf("invalid method \"%s\"", arg)
		}
		x.methods[m] = true
		if m == http1.MethodGet {
			x.methods[http1.MethodHead] = true
		}
	}
	b := c.NewBlock(conf.LimitExcept, args...)
	x.location = NewPseudoLocation(b)
	l.limitExcept = x
	return c.Block(b)
}
