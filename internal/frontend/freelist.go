package frontend

// freeList keeps things for reuse, last in, first out. After a burst it would hold the burst's memory for ever, so
// trim drops what was not needed since the last trim.
type freeList[T any] struct {
	items []T
	low   int // the fewest there have been since the last trim
}

func (f *freeList[T]) take() (item T, ok bool) {
	n := len(f.items)
	if n == 0 {
		return item, false
	}
	item = f.items[n-1]
	var none T
	f.items[n-1] = none
	f.items = f.items[:n-1]
	f.low = min(f.low, n-1)
	return item, true
}

func (f *freeList[T]) put(item T) { f.items = append(f.items, item) }

// trim drops what has lain unused since the last trim but for spare, coldest first. It reports whether there may be more to drop
// next time.
func (f *freeList[T]) trim(spare int) bool {
	if drop := min(f.low, len(f.items)-spare); drop > 0 {
		kept := copy(f.items, f.items[drop:])
		clear(f.items[kept:])
		f.items = f.items[:kept]
		if cap(f.items) > 4*max(kept, spare) {
			f.items = append(make([]T, 0, kept), f.items...)
		}
	}
	f.low = len(f.items)
	return len(f.items) > spare
}
