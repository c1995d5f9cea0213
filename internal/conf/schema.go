package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Schema is the set of directives a configuration may use.
type Schema struct {
	rows   []*Directive // in the order given
	named  map[string][]*Directive
	slots  []anySlot // in the order first named
	bySlot map[anySlot][]*Directive
}

// NewSchema joins tables of rows. Their order decides the order in which slots are finished.
// A row without effect gives way to another row of that name in the same context. It
// panics when two other rows meet so, since that is a mistake in the tables.
func NewSchema(tables ...[]Directive) *Schema {
	s := &Schema{named: map[string][]*Directive{}, bySlot: map[anySlot][]*Directive{}}
	for _, table := range tables {
		for i := range table {
			s.add(&table[i])
		}
	}
	return s
}

func (s *Schema) add(d *Directive) {
	if d.slot != nil {
		if !slices.Contains(s.slots, d.slot) {
			s.slots = append(s.slots, d.slot)
		}
		s.bySlot[d.slot] = append(s.bySlot[d.slot], d)
	}
	if d.Name == "" {
		return // a Finish row
	}
	if d.In == 0 || d.Set == nil {
		panic(fmt.Sprintf("conf: the row of %q has no context or no Set", d.Name))
	}
	rows := s.named[d.Name]
	for i, other := range rows {
		if other.In&d.In == 0 {
			continue
		}
		switch {
		case d.NoEffect:
			return
		case other.NoEffect:
			s.named[d.Name][i] = d
			s.rows[slices.Index(s.rows, other)] = d
			return
		default:
			panic(fmt.Sprintf("conf: two rows for %q in %s", d.Name, other.In&d.In))
		}
	}
	s.named[d.Name] = append(rows, d)
	s.rows = append(s.rows, d)
}

// Lookup returns the row of a name in a kind of block, or nil.
func (s *Schema) Lookup(name string, in Context) *Directive {
	for _, d := range s.named[name] {
		if d.In&in != 0 {
			return d
		}
	}
	return nil
}

// missing is the error for a directive that has no row in this context.
func (s *Schema) missing(c *Cursor, name string, in Context) error {
	printed, _, _ := strings.Cut(name, "\x00") // nginx prints a C string
	if k := knownIn(name, in); k != nil {
		return c.Errorf("directive \"%s\" (%s) is not supported by hearth yet", printed, k.module)
	}
	if len(s.named[name]) > 0 || knownAnywhere(name) {
		return c.Errorf("\"%s\" directive is not allowed here", printed)
	}
	return c.Errorf("unknown directive \"%s\"", printed)
}
