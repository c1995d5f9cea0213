package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Audit compares the rows with nginx's documentation and returns what differs in
// contexts, block and default, one line each, sorted. A test of the whole schema keeps the list of
// differences that are meant; anything else is a slip in a table.
func (s *Schema) Audit() []string {
	var slips []string
	for _, k := range knownDirectives() {
		d := s.rowFor(k)
		if d == nil || k.name == "include" {
			continue
		}
		slip := func(what string, ours, nginx any) {
			slips = append(slips, fmt.Sprintf("%s %s: %s %q, nginx %q", k.module, k.name, what, ours, nginx))
		}
		if ours := s.contextsServing(k); ours != k.in {
			slip("contexts", ours, k.in)
		}
		if block := strings.HasSuffix(k.syntax, "{ ... }"); block != (d.Args&WithBlock != 0) {
			slip("syntax", d.Args&WithBlock != 0, k.syntax)
		}
		if plainDefault(k.deflt) && d.Default != k.deflt {
			slip("default", d.Default, k.deflt)
		}
	}
	slices.Sort(slips)
	return slips
}

// contextsServing joins the contexts of all rows that serve a directive of the list. Contexts
// that other entries of the list have for the name are left out.
func (s *Schema) contextsServing(k known) Context {
	var ours, others Context
	for _, d := range s.named[k.name] {
		ours |= d.In
	}
	for _, o := range knownByName()[k.name] {
		if o.module != k.module {
			others |= o.in
		}
	}
	return ours &^ (others &^ k.in)
}

// plainDefault tells whether the list's default is a value and not an explanation.
func plainDefault(s string) bool { return s != "" && s != "-" && !strings.ContainsAny(s, "|{;") }
