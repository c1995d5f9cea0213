// Package mapping is ngx_http_map_module: variables whose value is looked up by another value.
package mapping

import (
	"errors"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module is the map module. Its hash directives are accepted and have no effect (conf.InternalTuning).
var Module = core.Module{
	Name: "ngx_http_map_module",
	Directives: []conf.Directive{
		{Name: "map", In: conf.HTTP, Args: conf.Take2 | conf.WithBlock, Set: setMap,
			Doc: "Make a variable whose value is found by that of others."},
	},
}

// lookup is one map block.
type lookup struct {
	source    *core.Value
	table     table
	patterns  []pattern // in the order of the file, tried after the table
	other     *core.Value
	hostnames bool
}

// pattern is an entry whose key is a regular expression.
type pattern struct {
	regex *core.Regex
	value *core.Value
}

// setMap reads `map string $variable { ... }`.
func setMap(c *conf.Cursor, b *conf.Block, args []string) error {
	source, ref, err := core.DefineFrom(c, b, args)
	if err != nil {
		return err
	}
	m := &lookup{source: source}
	ref.Getter(m.get)
	return c.Free(func(name string, rest []string) error {
		switch {
		case len(rest) == 0 && name == "hostnames":
			m.hostnames = true
			return nil
		case len(rest) == 0 && name == "volatile":
			ref.Volatile()
			return nil
		case len(rest) != 1:
			return errors.New("invalid number of the map parameters")
		}
		v, err := core.CompileValue(c, rest[0])
		if err != nil {
			return err
		}
		return m.add(c, name, v)
	})
}

// add adds an entry.
func (m *lookup) add(c *conf.Cursor, key string, v *core.Value) error {
	if key == "default" {
		if m.other != nil {
			return errors.New("duplicate default map parameter")
		}
		m.other = v
		return nil
	}
	if expr, ok := strings.CutPrefix(key, "~"); ok {
		expr, fold := strings.CutPrefix(expr, "*")
		re, err := core.CompileRegex(c, expr, fold)
		m.patterns = append(m.patterns, pattern{re, v})
		return err
	}
	key = strings.TrimPrefix(key, `\`)
	if m.hostnames {
		return m.table.addHost(key, v)
	}
	return m.table.add(key, v)
}

// get is the getter of the variable.
func (m *lookup) get(r *core.Request) ([]byte, bool) {
	key := m.source.Eval(r)
	if n := len(key); m.hostnames && n > 0 && key[n-1] == '.' {
		key = key[:n-1]
	}
	v := m.find(r, key)
	if v == nil {
		return nil, true
	}
	return v.Eval(r), true
}

func (m *lookup) find(r *core.Request, key []byte) *core.Value {
	if v := m.table.find(key); v != nil {
		return v
	}
	if len(key) == 0 { // as in nginx no pattern is tried on it
		return m.other
	}
	for i := range m.patterns {
		if m.patterns[i].regex.Match(r, key) {
			return m.patterns[i].value
		}
	}
	return m.other
}
