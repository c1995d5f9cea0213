package core

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/vars"
)

// mainConf is what belongs to the http block as a whole.
type mainConf struct {
	vars      *Vars
	servers   []*Server
	addresses []*Address
	modules   []*Module
	tempPaths []string
}

var mainSlot = conf.NewSlot[mainConf](conf.MainLevel)

// httpSlot guards against a second http block.
var httpSlot = conf.NewSlot[struct{ seen bool }](conf.RootLevel)

// httpDirectives has the http block itself, whose variables are those of core and the modules.
func httpDirectives(modules []*Module) []conf.Directive {
	return []conf.Directive{
		conf.Custom(httpSlot, conf.Directive{Name: "http", In: conf.Main, Args: conf.NoArgs | conf.WithBlock,
			Doc: "Holds everything that concerns HTTP."},
			func(c *conf.Cursor, _ *conf.Block, seen *struct{ seen bool }, _ []string) error {
				if seen.seen {
					return errDuplicate
				}
				seen.seen = true
				return readHTTP(c, modules)
			}),
	}
}

func readHTTP(c *conf.Cursor, modules []*Module) error {
	b := c.NewBlock(conf.HTTP)
	m := mainSlot.Of(b)
	m.vars, m.modules = vars.NewTable[*Request](), modules
	if err := addVariables(m.vars, modules); err != nil {
		return c.Errorf("%s", err)
	}
	c.AtEnd(func() error { return buildIndexes(b) })
	return c.Block(b)
}

// buildIndexes makes the indexes of locations, once AutoRedirect is known.
func buildIndexes(b *conf.Block) error {
	if b.Kind&(conf.Server|conf.Location) != 0 {
		l := locationSlot.Of(b)
		if name, ok := l.index.build(l.children); !ok {
			return duplicateLocation(l, name)
		}
	}
	for _, child := range b.Children {
		if err := buildIndexes(child); err != nil {
			return err
		}
	}
	return nil
}

// duplicateLocation names the second location of a name, with its place.
func duplicateLocation(l *Location, name string) error {
	for i := len(l.children) - 1; i >= 0; i-- {
		if x := l.children[i]; x.Name == name {
			return &conf.Error{Pos: x.Block.Pos, Msg: "duplicate location \"" + name + "\""}
		}
	}
	return nil
}

// VarsOf returns the table of variables of the http block around b; nil outside.
func VarsOf(b *conf.Block) *Vars {
	if b.Outer(conf.HTTP) == nil {
		return nil
	}
	return mainSlot.Of(b).vars
}

// DefineFrom reads the arguments of a block that makes a variable out of a value, `map SOURCE $NAME { ... }` and its
// like, and defines the variable. The caller gives it its Getter.
func DefineFrom(c *conf.Cursor, b *conf.Block, args []string) (source *Value, ref *vars.Ref[*Request], err error) {
	if source, err = CompileValue(c, args[0]); err != nil {
		return nil, nil, err
	}
	name, ok := strings.CutPrefix(args[1], "$")
	if !ok {
		return nil, nil, c.Errorf("invalid variable name \"%s\"", args[1])
	}
	if ref, err = VarsOf(b).Define(name); err != nil {
		return nil, nil, c.Errorf("%s", err)
	}
	return source, ref, nil
}

// CompileValue compiles a value with variables, in a directive's setter.
func CompileValue(c *conf.Cursor, s string) (*Value, error) {
	v, err := VarsOf(c.In()).Compile(s)
	if err != nil {
		return nil, c.Errorf("%s", err)
	}
	return v, nil
}

// CompileRegex compiles a pattern, in a directive's setter.
func CompileRegex(c *conf.Cursor, pattern string, fold bool) (*Regex, error) {
	re, err := VarsOf(c.In()).CompileRegex(pattern, fold)
	if err != nil {
		return nil, c.Errorf("%s", err)
	}
	return re, nil
}

// ParseValue is a parse function for conf.Field: one argument with variables.
func ParseValue(c *conf.Cursor, args []string) (*Value, error) { return CompileValue(c, args[0]) }

// addVariables enters the variables of core and of the modules.
func addVariables(t *Vars, modules []*Module) error {
	for _, v := range coreVariables() {
		if err := t.Add(v); err != nil {
			return err
		}
	}
	addPrefixes(t, corePrefixes)
	for _, m := range modules {
		for _, v := range m.Variables {
			if err := t.Add(v); err != nil {
				return err
			}
		}
		addPrefixes(t, m.Prefixes)
	}
	return nil
}

func addPrefixes(t *Vars, prefixes []VariablePrefix) {
	for _, p := range prefixes {
		if p.NoCache {
			t.AddPrefix(p.Prefix, p.Get, vars.NoCache)
		} else {
			t.AddPrefix(p.Prefix, p.Get)
		}
	}
}
