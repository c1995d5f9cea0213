package accesslog

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/vars"
)

// combined is the predefined format.
const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// format is a log_format, compiled: its strings one after the other.
type format struct {
	values []*core.Value
	add    func(dst, piece []byte, kind vars.Kind) []byte
}

func (f *format) append(dst []byte, r *core.Request) []byte {
	for _, v := range f.values {
		dst = v.AppendFunc(dst, r, f.add)
	}
	return dst
}

// The ways to write the value of a variable, by escape=. What is not there is "-" only in the default one; an empty
// value is empty.
var escapes = map[string]func(dst, piece []byte, kind vars.Kind) []byte{
	"default": func(dst, piece []byte, kind vars.Kind) []byte { return add(dst, piece, kind, logs.EscapeDefault) },
	"json":    func(dst, piece []byte, kind vars.Kind) []byte { return add(dst, piece, kind, logs.EscapeJSON) },
	"none":    func(dst, piece []byte, kind vars.Kind) []byte { return add(dst, piece, kind, logs.EscapeNone) },
}

func add(dst, piece []byte, kind vars.Kind, mode logs.Escape) []byte {
	switch kind {
	case vars.Literal:
		return append(dst, piece...)
	case vars.Missing:
		return logs.AppendMissing(dst, mode)
	}
	return logs.AppendEscape(dst, piece, mode)
}

// setFormat reads `log_format name [escape=mode] string ...`.
func setFormat(c *conf.Cursor, _ *conf.Block, m *mainSettings, args []string) error {
	name, strs := args[0], args[1:]
	if m.formats[name] != nil || name == "combined" {
		return c.Errorf("duplicate \"log_format\" name \"%s\"", name)
	}
	mode := "default"
	if given, ok := strings.CutPrefix(strs[0], "escape="); ok {
		if escapes[given] == nil {
			return c.Errorf("unknown log format escaping \"%s\"", given)
		}
		mode, strs = given, strs[1:]
	}
	f, err := compile(c, mode, strs)
	if err != nil {
		return err
	}
	m.define(name, f)
	return nil
}

func (m *mainSettings) define(name string, f *format) {
	if m.formats == nil {
		m.formats = map[string]*format{}
	}
	m.formats[name] = f
}

func compile(c *conf.Cursor, mode string, strs []string) (*format, error) {
	f := &format{add: escapes[mode]}
	for _, s := range strs {
		v, err := core.VarsOf(c.In()).CompileFormat(s)
		if err != nil {
			return nil, c.Errorf("%s", err)
		}
		f.values = append(f.values, v)
	}
	return f, nil
}

// lookup returns the format of a name, or nil. `combined` is compiled when first asked for, as its variables need
// room in every request.
func (m *mainSettings) lookup(c *conf.Cursor, name string) (*format, error) {
	if name == "combined" && m.formats[name] == nil {
		f, err := compile(c, "default", []string{combined})
		if err != nil {
			return nil, err
		}
		m.define(name, f)
	}
	return m.formats[name], nil
}
