package vars

import (
	"errors"
	"fmt"
	"strings"
)

// Table is the set of variables of one configuration generation.
type Table[R Env] struct {
	// Uninitialized, if set, is called when a variable that only `set` defines
	// is read before it was assigned; its value is then empty.
	Uninitialized func(r R, name string)
	// Cycle, if set, is called when a variable is read while it is being
	// evaluated; it then has no value.
	Cycle func(r R, name string)

	// MatchFailed, if set, is told of a match that was given up, as after the time
	// limit; it counts as no match.
	MatchFailed func(r R, pattern string, err error)

	known    map[string]*known[R]
	prefixes []prefix[R]
	refs     map[string]*Ref[R]
	order    []*Ref[R] // refs in the order of first use: index order
	regexes  []*Regex[R]
	numbered bool // some value refers to $1..$9
	finished bool
}

// known is a variable that was added or defined.
type known[R Env] struct {
	Var[R]
	weak bool // defined by `set` alone: a prefix family's getter goes first
}

type prefix[R Env] struct {
	prefix  string
	get     func(r R, rest string) ([]byte, bool)
	noCache bool
}

// NewTable returns an empty table.
func NewTable[R Env]() *Table[R] {
	return &Table[R]{known: map[string]*known[R]{}, refs: map[string]*Ref[R]{}}
}

// Add makes a variable known. A name may be taken again only if it is changeable;
// the later getter then wins.
func (t *Table[R]) Add(v Var[R]) error {
	if v.Name == "" {
		return errors.New(`invalid variable name "$"`)
	}
	if old := t.known[v.Name]; old != nil {
		if !old.Changeable {
			return duplicate(v.Name)
		}
		old.weak = false
		old.Get, old.Set, old.NoCache = v.Get, v.Set, v.NoCache
		return nil
	}
	t.known[v.Name] = &known[R]{Var: v}
	return nil
}

func duplicate(name string) error { return fmt.Errorf(`the duplicate "%s" variable`, name) }

// PrefixOption changes a family of variables.
type PrefixOption uint8

// NoCache makes every variable of the family evaluate at each use.
const NoCache PrefixOption = 1

// AddPrefix makes a family known, as $http_NAME or $arg_NAME. get is handed the
// rest of the name as it is written in the configuration: what '_' stands for
// in it is the family's affair. The longest prefix wins, and a variable added
// under its whole name goes before.
func (t *Table[R]) AddPrefix(name string, get func(r R, rest string) ([]byte, bool), opts ...PrefixOption) {
	p := prefix[R]{prefix: name, get: get}
	for _, o := range opts {
		p.noCache = p.noCache || o == NoCache
	}
	t.prefixes = append(t.prefixes, p)
}

// Define makes a changeable variable, or takes over one that is changeable: what
// `map` and named captures do. Getter gives it its meaning; without one it is
// not found until it is assigned.
func (t *Table[R]) Define(name string) (*Ref[R], error) {
	k, err := t.define(name)
	if err != nil {
		return nil, err
	}
	k.weak = false
	return t.ref(name), nil
}

// DefineSet makes a variable as `set` does: an existing changeable one keeps its
// getter, and where a prefix family covers the name ($arg_x) the family answers
// until the variable is assigned.
func (t *Table[R]) DefineSet(name string) (*Ref[R], error) {
	if old := t.known[name]; old != nil && old.Changeable {
		return t.ref(name), nil
	}
	k, err := t.define(name)
	if err != nil {
		return nil, err
	}
	k.weak = true
	k.Get = func(r R) ([]byte, bool) {
		if t.Uninitialized != nil {
			t.Uninitialized(r, name)
		}
		return nil, true
	}
	return t.ref(name), nil
}

func (t *Table[R]) define(name string) (*known[R], error) {
	if name == "" {
		return nil, errors.New(`invalid variable name "$"`)
	}
	k := t.known[name]
	if k == nil {
		k = &known[R]{Var: Var[R]{Name: name, Changeable: true}}
		t.known[name] = k
	} else if !k.Changeable {
		return nil, duplicate(name)
	}
	return k, nil
}

// Getter gives a defined variable its meaning. Of several, the last wins, as
// with two `map` blocks of one name.
func (f *Ref[R]) Getter(get func(r R) ([]byte, bool)) { f.table.known[f.name].Get = get }

// Volatile makes a defined variable evaluate at each use (`map ... volatile`).
func (f *Ref[R]) Volatile() { f.table.known[f.name].NoCache = true }

// Ref returns a use of the named variable. Whether it exists is known at Finish.
func (t *Table[R]) Ref(name string) *Ref[R] {
	f := t.ref(name)
	f.used = true
	return f
}

func (t *Table[R]) ref(name string) *Ref[R] {
	f := t.refs[name]
	if f == nil {
		if t.finished {
			panic("vars: variable " + name + " used after Finish")
		}
		f = &Ref[R]{name: name, index: len(t.order), table: t}
		t.refs[name] = f
		t.order = append(t.order, f)
	}
	return f
}

// Slots returns how many slots a request of this table needs.
func (t *Table[R]) Slots() int { return len(t.order) }

// Names returns the names of the variables added or defined, in no order.
func (t *Table[R]) Names() []string {
	names := make([]string, 0, len(t.known))
	for n := range t.known {
		names = append(names, n)
	}
	return names
}

// UseCaptures says that $1..$9 are read by other means than a compiled value.
func (t *Table[R]) UseCaptures() { t.numbered = true }

// Unknown is the error of a variable that nothing defines.
type Unknown struct{ Name string }

func (e *Unknown) Error() string { return fmt.Sprintf(`unknown "%s" variable`, e.Name) }

// Finish resolves every use. The error is *Unknown, for the first variable that nothing
// defines; nginx gives no file and line with it.
func (t *Table[R]) Finish() error {
	for _, f := range t.order {
		if err := t.resolve(f); err != nil {
			return err
		}
	}
	for _, x := range t.regexes {
		x.finish(t.numbered)
	}
	t.finished = true
	return nil
}

func (t *Table[R]) resolve(f *Ref[R]) error {
	k := t.known[f.name]
	if k != nil {
		f.get, f.set, f.noCache = k.Get, k.Set, k.NoCache
		if k.Get != nil && !k.weak {
			return nil
		}
	}
	if p := t.family(f.name); p != nil {
		rest, get := f.name[len(p.prefix):], p.get
		f.get = func(r R) ([]byte, bool) { return get(r, rest) }
		f.noCache = p.noCache
		return nil
	}
	if k == nil {
		return &Unknown{f.name}
	}
	if f.get == nil { // defined, but nothing gave it a getter: found once assigned
		f.get = func(R) ([]byte, bool) { return nil, false }
	}
	return nil
}

func (t *Table[R]) family(name string) *prefix[R] {
	var best *prefix[R]
	for i := range t.prefixes {
		p := &t.prefixes[i]
		if strings.HasPrefix(name, p.prefix) && (best == nil || len(p.prefix) > len(best.prefix)) {
			best = p
		}
	}
	return best
}

// ParseName takes the "$name" argument of a directive that defines a variable.
func ParseName(arg string) (string, error) {
	if len(arg) < 2 || arg[0] != '$' {
		return "", fmt.Errorf(`invalid variable name "%s"`, arg)
	}
	return arg[1:], nil
}
