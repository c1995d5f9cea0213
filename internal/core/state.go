package core

import "sync/atomic"

// State is a module's place for a T in every request. It is a package-level variable of the module.
type State[T any] struct {
	index   int
	lasting bool
}

var stateCount atomic.Int32

// NewState makes a per-request state that an internal redirect clears, as nginx clears the modules' contexts.
func NewState[T any]() *State[T] { return &State[T]{index: int(stateCount.Add(1)) - 1} }

// NewLastingState makes a per-request state that lives until the request ends.
func NewLastingState[T any]() *State[T] {
	s := NewState[T]()
	s.lasting = true
	return s
}

// stateCell keeps a *T over requests; epoch tells for which it is valid.
type stateCell struct {
	value any
	reset interface{ Reset() } // the value, if it has a Reset
	epoch uint64
}

// Of returns the T of r, created zeroed at first use. The object is reused by later requests on the same Request
// object: one with a Reset method is reset with it, any other is zeroed.
func (s *State[T]) Of(r *Request) *T {
	cell := r.cell(s.index)
	if cell.value != nil && cell.epoch == r.epochOf(s.lasting) {
		return cell.value.(*T)
	}
	cell.epoch = r.epochOf(s.lasting)
	if cell.value == nil {
		t := new(T)
		cell.value = t
		cell.reset, _ = cell.value.(interface{ Reset() })
		return t
	}
	t := cell.value.(*T)
	if cell.reset != nil {
		cell.reset.Reset()
	} else {
		*t = *new(T)
	}
	return t
}

// Get returns the T of r if Of has been called for it, or nil.
func (s *State[T]) Get(r *Request) *T {
	if s.index >= len(r.states) {
		return nil
	}
	if cell := &r.states[s.index]; cell.value != nil && cell.epoch == r.epochOf(s.lasting) {
		return cell.value.(*T)
	}
	return nil
}

func (r *Request) cell(i int) *stateCell {
	if i >= len(r.states) {
		grown := make([]stateCell, max(int(stateCount.Load()), i+1))
		copy(grown, r.states)
		r.states = grown
	}
	return &r.states[i]
}

// epochs are never reused on one object: a redirect takes a new one for cleared states, the next request for all.
func (r *Request) epochOf(lasting bool) uint64 {
	if lasting {
		return r.epoch
	}
	return r.redirectEpoch
}
