package conf

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Block is one `{ ... }` of the configuration, or the file itself (Kind Main). It holds
// the typed values of every module in slots. After Load it is read-only and may be
// shared by all loops.
type Block struct {
	Kind     Context
	Args     []string // what stood between the name and the brace
	Pos      Pos      // of the opening brace
	Parent   *Block   // nil for Main
	Children []*Block // in the order of the file

	tree  *tree
	slots []*instance // by slot number
	seen  []*Directive
}

// tree is what the blocks of one configuration share.
type tree struct {
	slots  []anySlot // in the order of the schema, then of first use
	frozen bool      // set when Load has ended
}

// Outer returns the innermost block of one of the given kinds, b itself included, or nil.
func (b *Block) Outer(kinds Context) *Block {
	for ; b != nil; b = b.Parent {
		if b.Kind&kinds != 0 {
			return b
		}
	}
	return nil
}

// Find returns the children of the given kinds.
func (b *Block) Find(kinds Context) []*Block {
	var found []*Block
	for _, child := range b.Children {
		if child.Kind&kinds != 0 {
			found = append(found, child)
		}
	}
	return found
}

// instance is the value of one slot in one block.
type instance struct {
	value any   // *T
	set   []any // pointers into value: the fields that a directive of this very block has set
}

func (in *instance) isSet(field any) bool { return slices.Contains(in.set, field) }

func (in *instance) mark(field any) {
	if !in.isSet(field) {
		in.set = append(in.set, field)
	}
}

// The usual levels of slots: which kinds of block have a value of their own.
// Other blocks use that of the nearest block around them which has one. Main and HTTP do not
// belong in one level: the http block is finished before the rest of the file is read.
const (
	RootLevel     = Main
	EventsLevel   = Events
	MainLevel     = HTTP // one for the http block
	ServerLevel   = HTTP | Server
	LocationLevel = HTTP | Server | Location | IfServer | IfLocation | LimitExcept
	UpstreamLevel = Upstream
)

// Slot is a module's place for its T in every block of a level. It is a package-level
// variable of the module; the values are in the blocks.
type Slot[T any] struct {
	number int
	level  Context
}

var slotCount atomic.Int32

// NewSlot makes a slot of a level, which is a set of block kinds (see LocationLevel).
func NewSlot[T any](level Context) *Slot[T] {
	return &Slot[T]{number: int(slotCount.Add(1)) - 1, level: level}
}

// anySlot is a Slot without its type.
type anySlot interface {
	at(b *Block) *instance // of a block in the slot's level
	in(b *Block) bool
	outer(b *Block) *instance
}

// Of returns the T of b, or that of the nearest block around b which has one. While the
// configuration is read it holds what has been set so far in that block; inheritance and
// defaults are added when the http block (or the file) has been read.
func (s *Slot[T]) Of(b *Block) *T { return s.instance(b).value.(*T) }

// Parent returns the T that the one of b inherits from, or nil at the top of the level.
func (s *Slot[T]) Parent(b *Block) *T {
	if in := s.outer(b); in != nil {
		return in.value.(*T)
	}
	return nil
}

// IsSet tells whether a directive in this very block has set a field of the slot's value,
// given by its address: IsSet(b, &c.Root). It is meant for Finish hooks.
func (s *Slot[T]) IsSet(b *Block, field any) bool { return s.instance(b).isSet(field) }

// Mark declares a field, given by its address, as set in this block, as Field and List
// do by themselves: it is not overwritten by inheritance or a default.
func (s *Slot[T]) Mark(b *Block, field any) { s.instance(b).mark(field) }

func (s *Slot[T]) instance(b *Block) *instance {
	own := b.Outer(s.level)
	if own == nil {
		panic(fmt.Sprintf("conf: slot %T of level %q used in a block of kind %q", s, s.level, b.Kind))
	}
	return s.at(own)
}

func (s *Slot[T]) in(b *Block) bool { return b.Kind&s.level != 0 }

func (s *Slot[T]) outer(b *Block) *instance {
	if own := b.Outer(s.level); own != nil && own.Parent != nil {
		if up := own.Parent.Outer(s.level); up != nil {
			return s.at(up)
		}
	}
	return nil
}

func (s *Slot[T]) at(b *Block) *instance {
	if s.number < len(b.slots) && b.slots[s.number] != nil {
		return b.slots[s.number]
	}
	in := &instance{value: new(T)}
	if b.tree.frozen {
		return in // a slot that no row of the schema names: nothing may be written any more
	}
	if s.number >= len(b.slots) {
		b.slots = append(b.slots, make([]*instance, s.number+1-len(b.slots))...)
	}
	b.slots[s.number] = in
	if !slices.Contains(b.tree.slots, anySlot(s)) {
		b.tree.slots = append(b.tree.slots, s)
	}
	return in
}
