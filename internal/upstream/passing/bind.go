package passing

import (
	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/upstream"
)

// bind is *_bind.
type bind struct {
	address     *core.Value // nil = off
	transparent bool
}

// parseBind reads `ADDRESS[:PORT] [transparent] | off`. What has variables is judged when it is used.
func parseBind(c *conf.Cursor, args []string) (bind, error) {
	if len(args) == 1 && args[0] == "off" {
		return bind{}, nil
	}
	value, err := core.CompileValue(c, args[0])
	if err != nil {
		return bind{}, err
	}
	if s, ok := value.Literal(); ok {
		if _, ok := upstream.ParseLocal(s); !ok {
			return bind{}, c.Errorf("invalid address \"%s\"", args[0])
		}
	}
	b := bind{address: value}
	if len(args) == 2 {
		if args[1] != "transparent" {
			return b, c.Errorf("invalid parameter \"%s\"", args[1])
		}
		b.transparent = true
	}
	return b, nil
}
