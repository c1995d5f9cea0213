package passing

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/upstream"
)

// Field is one line of *_set_header, or of what a module sets by itself. A value that evaluates to nothing leaves the
// field out.
type Field struct {
	Name  string
	Value *core.Value
}

// Default is a field that a module sets unless *_set_header names it: "" leaves the client's out, because it means the
// client's own connection.
type Default struct{ Name, Value string }

// SetHeader is the row of *_set_header; value is the documented default.
func (t Table[C]) SetHeader(value string) conf.Directive {
	row := t.row("set_header", value, "Sets a header field of the request; an empty value leaves it out.")
	row.Args = conf.Take2
	return conf.List(t.Slot, row, parseField, func(c *C) *[]Field { return &t.At(c).Fields })
}

func parseField(c *conf.Cursor, args []string) (Field, error) {
	value, err := core.CompileValue(c, args[1])
	return Field{args[0], value}, err
}

// Names says whether *_set_header sets a field of this name.
func (l *Location) Names(name string) bool {
	for _, f := range l.Fields {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// Compile returns the fields to send, those of *_set_header first, and which of the client's they replace. Fields that
// are always empty are not in the list.
func (l *Location) Compile(c *conf.Cursor, b *conf.Block, defaults []Default) (fields []Field, replaced upstream.HeaderSet, err error) {
	all := l.Fields[:len(l.Fields):len(l.Fields)]
	for _, d := range defaults {
		if l.Names(d.Name) {
			continue
		}
		v, err := core.VarsOf(b).Compile(d.Value)
		if err != nil {
			return nil, replaced, c.Errorf("%s", err)
		}
		all = append(all, Field{d.Name, v})
	}
	for _, f := range all {
		replaced.Add(f.Name)
		if s, ok := f.Value.Literal(); !ok || s != "" {
			fields = append(fields, f)
		}
	}
	return fields, replaced, nil
}
