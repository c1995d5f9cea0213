package conf

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteReference writes docs/CONFIGURATION.md: what becomes here of every directive that
// nginx documents, and the directives that only hearth has.
func WriteReference(w io.Writer, s *Schema) error {
	out := bufio.NewWriter(w)
	modules, absent := documented(s)
	total, supported, idle := 0, 0, 0
	for _, m := range append(slices.Clone(modules), absent...) {
		for _, e := range m.entries {
			total++
			switch {
			case e.row == nil:
			case e.row.NoEffect:
				idle++
			default:
				supported++
			}
		}
	}
	fmt.Fprintf(out, "# Configuration reference\n\n"+
		"Made from the directive tables in the source; do not edit by hand.\n\n"+
		"hearth follows the configuration language of nginx 1.31. Of the %d directives below, %d are supported\n"+
		"and %d are accepted and checked but have no effect, since they tune what is inside nginx only.\n"+
		"Any other directive of nginx is an error that names it; none is ignored silently. Those that are `off` unless set,\n"+
		"such as `gzip`, `auth_basic` or `proxy_cache`, may be set to `off`.\n", total, supported, idle)
	for _, m := range modules {
		writeModule(out, m)
	}
	if len(absent) > 0 {
		fmt.Fprintf(out, "\n## Modules without any directive here yet\n\n")
		for _, m := range absent {
			fmt.Fprintf(out, "- %s: ", m.name)
			for i, e := range m.entries {
				if i > 0 {
					out.WriteString(", ")
				}
				fmt.Fprintf(out, "`%s`", e.name)
			}
			out.WriteString("\n")
		}
	}
	return out.Flush()
}

type moduleDoc struct {
	name    string
	entries []entryDoc
}

type entryDoc struct {
	known
	row *Directive // nil when not supported
}

// documented groups the reference list by module, with the rows of s, and adds the rows that
// the list does not have. Modules of which nothing is supported come apart.
func documented(s *Schema) (present, absent []moduleDoc) {
	var modules []moduleDoc
	used := map[*Directive]bool{}
	for _, k := range knownDirectives() {
		i := slices.IndexFunc(modules, func(m moduleDoc) bool { return m.name == k.module })
		if i < 0 {
			i = len(modules)
			modules = append(modules, moduleDoc{name: k.module})
		}
		row := s.rowFor(k)
		used[row] = true
		modules[i].entries = append(modules[i].entries, entryDoc{k, row})
	}
	slices.SortStableFunc(modules, func(a, b moduleDoc) int { return strings.Compare(a.name, b.name) }) // the core first
	own := moduleDoc{name: "hearth's own"}
	for _, d := range s.rows {
		if !used[d] && knownIn(d.Name, d.In) == nil {
			own.entries = append(own.entries, entryDoc{known{name: d.Name, syntax: d.Syntax}, d})
		}
	}
	if len(own.entries) > 0 {
		present = append(present, own)
	}
	for _, m := range modules {
		if slices.ContainsFunc(m.entries, func(e entryDoc) bool { return e.row != nil }) {
			present = append(present, m)
		} else {
			absent = append(absent, m)
		}
	}
	return present, absent
}

// rowFor returns the row that serves a directive of the list.
func (s *Schema) rowFor(k known) *Directive {
	if k.name == "include" {
		return &includeRow
	}
	for _, d := range s.named[k.name] {
		if d.In&k.in != 0 {
			return d
		}
	}
	return nil
}

func writeModule(out io.Writer, m moduleDoc) {
	fmt.Fprintf(out, "\n## %s\n\n| directive | state | syntax | default | contexts | what it does |\n|---|---|---|---|---|---|\n", m.name)
	for _, e := range m.entries {
		state, dflt, contexts, doc := "not yet", e.deflt, strings.ReplaceAll(e.contexts, ",", ", "), ""
		switch {
		case e.commercial:
			state = "not yet (commercial in nginx)"
		case e.offByDefault():
			state = "only `off` yet"
		}
		if d := e.row; d != nil {
			state, doc = "supported", d.Doc
			if d.NoEffect {
				state = "no effect"
			}
			if d.Default != "" {
				dflt = d.Default
			}
			if d.In != 0 {
				contexts = d.In.String()
			}
		}
		if contexts == "" {
			contexts = "any"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %s | %s |\n", e.name, state, code(e.syntax), code(dflt), contexts, cell(doc))
	}
}

// code puts a cell in code marks; the list writes "-" for nothing.
func code(s string) string {
	if s == "" || s == "-" {
		return ""
	}
	if s == "(no arguments)" {
		return "no arguments"
	}
	return "`" + cell(s) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
