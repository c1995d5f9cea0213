package core

import (
	"time"

	"hearth/internal/loop"
)

// freeList holds the requests that a loop is not using, and what they share. It belongs to the loop.
//
// A connection of HTTP/2 alone may have over a hundred requests at a time, and each keeps memory for its next use. So the
// list grows as it has to, and what was not needed for some time is let go of.
type freeList struct {
	free  []*Request
	low   int // the fewest there have been since the last trim
	trim  loop.Timer
	loop  *loop.Loop
	clock clockCache
}

// How many unused requests a loop keeps whatever happens, and how often it looks for more than that.
const (
	spareRequests = 256
	trimEvery     = 10 * time.Second
)

var freeLists = loop.NewSeat[freeList]()

// Acquire returns a request object from the loop's free list. On the loop's goroutine.
func Acquire(l *loop.Loop) *Request {
	list := freeLists.Of(l)
	n := len(list.free)
	if n == 0 {
		list.loop = l
		r := &Request{list: list}
		r.prepare(l)
		return r
	}
	r := list.free[n-1]
	list.free[n-1] = nil
	list.free = list.free[:n-1]
	list.low = min(list.low, n-1)
	r.prepare(l)
	return r
}

func (f *freeList) put(r *Request) {
	f.free = append(f.free, r)
	if len(f.free) > spareRequests && !f.trim.Pending() {
		f.low = len(f.free)
		f.trim.Reset(f.loop, f.loop.Now().Add(trimEvery), f)
	}
}

// OnTimer lets go of those that have lain unused since the last time, the coldest first.
func (f *freeList) OnTimer(*loop.Timer) {
	if drop := min(f.low, len(f.free)-spareRequests); drop > 0 {
		kept := copy(f.free, f.free[drop:])
		clear(f.free[kept:])
		f.free = f.free[:kept]
	}
	if f.low = len(f.free); f.low > spareRequests {
		f.trim.Reset(f.loop, f.loop.Now().Add(trimEvery), f)
	}
}
