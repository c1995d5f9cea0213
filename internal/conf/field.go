package conf

import "errors"

// Directive is one row of a module's table.
type Directive struct {
	Name string
	In   Context
	Args Arity // zero: exactly one argument

	// Set applies the directive to the block it stands in. args does not hold the name.
	// An error made by Cursor.Errorf is reported as it is; any other is reported as
	// `"name" directive ERROR`, as in errors.New("is duplicate").
	Set func(c *Cursor, b *Block, args []string) error

	Default string // as it would be written in the file; "" means the zero value. Custom rows only document it
	Doc     string // one line
	Syntax  string // arguments, for directives nginx does not have; otherwise the reference list's

	Once       bool   // a second one in the same block is a duplicate (Field rows are so by themselves)
	Again      bool   // for Field: a second one in the same block replaces the first
	NoInherit  bool   // for Field and List: an inner block starts from the default
	NoEffect   bool   // accepted and checked, but changes nothing in hearth
	Deprecated string // the directive to use instead; a warning says so

	slot    anySlot
	inherit func(in, outer *instance)           // takes over the value of the block around, unless set
	preset  func(c *Cursor, in *instance) error // applies Default, unless set
	finish  func(c *Cursor, b *Block, in *instance) error
}

var errDuplicate = errors.New("is duplicate")

// Field is a directive with one value: parse makes it from the arguments, field says
// where it is kept. A second one in the same block is refused; a block without one has the
// value of the block around it, or the default. Rows may share a field: it is set once by any.
func Field[C, T any](s *Slot[C], d Directive, parse func(c *Cursor, args []string) (T, error), field func(*C) *T) Directive {
	at := func(in *instance) *T { return field(in.value.(*C)) }
	return stored(s, d, at,
		func(c *Cursor, in *instance, args []string) error {
			p := at(in)
			if in.isSet(p) && !d.Again {
				return errDuplicate
			}
			v, err := parse(c, args)
			if err == nil {
				*p = v
			}
			return err
		})
}

// List is a directive that may be repeated: each adds one value to a slice. A block
// inherits the slice of the block around it only if it has no value of its own.
func List[C, T any](s *Slot[C], d Directive, parse func(c *Cursor, args []string) (T, error), field func(*C) *[]T) Directive {
	return ListAll(s, d, func(c *Cursor, args []string) ([]T, error) {
		v, err := parse(c, args)
		return []T{v}, err
	}, field)
}

// ListAll is List for a directive that adds several values at once.
func ListAll[C, T any](s *Slot[C], d Directive, parse func(c *Cursor, args []string) ([]T, error), field func(*C) *[]T) Directive {
	at := func(in *instance) *[]T { return field(in.value.(*C)) }
	return stored(s, d, at,
		func(c *Cursor, in *instance, args []string) error {
			vs, err := parse(c, args)
			if err == nil {
				p := at(in)
				*p = append(*p, vs...)
			}
			return err
		})
}

// Adding is a directive whose arguments are added to one value. It may be repeated.
func Adding[C, T any](s *Slot[C], d Directive, add func(c *Cursor, to *T, args []string) error, field func(*C) *T) Directive {
	at := func(in *instance) *T { return field(in.value.(*C)) }
	return stored(s, d, at, func(c *Cursor, in *instance, args []string) error { return add(c, at(in), args) })
}

// BitSet is a directive whose arguments are words that each stand for a bit (proxy_next_upstream).
// Repeated in one block it adds to the set.
func BitSet[C any, T bitSet](s *Slot[C], d Directive, words map[string]T, field func(*C) *T) Directive {
	at := func(in *instance) *T { return field(in.value.(*C)) }
	return stored(s, d, at,
		func(c *Cursor, in *instance, args []string) error { return addBits(c, at(in), words, args) })
}

// stored completes a row whose value is kept at `at` and put there by store.
func stored[C, T any](s *Slot[C], d Directive, at func(*instance) *T, store func(c *Cursor, in *instance, args []string) error) Directive {
	d.slot = s
	d.Set = func(c *Cursor, b *Block, args []string) error {
		in := s.instance(b)
		if err := store(c, in, args); err != nil {
			return err
		}
		in.mark(at(in))
		return nil
	}
	if !d.NoInherit {
		d.inherit = func(in, outer *instance) {
			if p := at(in); !in.isSet(p) {
				*p = *at(outer)
			}
		}
	}
	if d.Default != "" {
		d.preset = func(c *Cursor, in *instance) error {
			if in.isSet(at(in)) {
				return nil
			}
			args, err := splitWords(d.Default)
			if err != nil {
				return err
			}
			return store(c, in, args)
		}
	}
	return d
}

// Custom is a directive whose set does all: parsing, storing, reading its block. conf is the
// value that the slot has for the block b.
func Custom[C any](s *Slot[C], d Directive, set func(c *Cursor, b *Block, conf *C, args []string) error) Directive {
	d.slot = s
	d.Set = func(c *Cursor, b *Block, args []string) error { return set(c, b, s.Of(b), args) }
	return d
}

// Finish is a row without a directive: fn is called for every block of the slot's level,
// outer blocks first, when fields have been inherited. It is the place for checks across fields.
// Slots are finished in the order in which the schema first names them. An error that has no
// place of its own gets that of the closing brace.
// fn may also take the Cursor first, to warn or to parse.
func Finish[C any, F func(*Block, *C) error | func(*Cursor, *Block, *C) error](s *Slot[C], fn F) Directive {
	d := Directive{slot: s}
	switch fn := any(fn).(type) {
	case func(*Block, *C) error:
		d.finish = func(_ *Cursor, b *Block, in *instance) error { return fn(b, in.value.(*C)) }
	case func(*Cursor, *Block, *C) error:
		d.finish = func(c *Cursor, b *Block, in *instance) error { return fn(c, b, in.value.(*C)) }
	}
	return d
}
