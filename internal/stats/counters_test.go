package stats

import (
	"sync"
	"testing"
	"unsafe"
)

func TestCountersAreSummedOverLoops(t *testing.T) {
	const requests, errors = 0, 1
	c := NewCounters(3, 2)
	var wg sync.WaitGroup
	for loop := range 3 {
		wg.Go(func() {
			b := c.Block(loop)
			for range 1000 {
				b[requests].Add(1)
			}
			b[errors].Add(int64(loop))
		})
	}
	wg.Wait()
	if got := c.Sum(requests); got != 3000 {
		t.Errorf("requests = %d, want 3000", got)
	}
	sums := make([]int64, c.Len())
	c.AddTo(sums)
	if sums[errors] != 3 {
		t.Errorf("errors = %d, want 3", sums[errors])
	}
}

func TestBlocksShareNoCacheLine(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 40} {
		c := NewCounters(2, n)
		lastOfFirst := uintptr(unsafe.Pointer(&c.Block(0)[n-1]))
		firstOfSecond := uintptr(unsafe.Pointer(&c.Block(1)[0]))
		if gap := firstOfSecond - lastOfFirst; gap < cacheLine {
			t.Errorf("%d counters: blocks %d bytes apart, want at least %d", n, gap, cacheLine)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	block := NewCounters(2, 4).Block(1)
	b.ReportAllocs()
	for range b.N {
		block[2].Add(1)
	}
}
