package loop

import "sync/atomic"

// Seat is a place on every loop for a *T of another package's, such as what its requests share. It is a package-level
// variable there, and quicker than Value: a request may ask for it.
type Seat[T any] struct{ index int }

var seats atomic.Int32

// NewSeat makes one.
func NewSeat[T any]() Seat[T] { return Seat[T]{int(seats.Add(1)) - 1} }

// Of is the loop's T, made zero at first use. On the loop's goroutine.
func (s Seat[T]) Of(l *Loop) *T {
	if s.index < len(l.seats) {
		if t, ok := l.seats[s.index].(*T); ok {
			return t
		}
	} else {
		l.seats = append(l.seats, make([]any, s.index+1-len(l.seats))...)
	}
	t := new(T)
	l.seats[s.index] = t
	return t
}
