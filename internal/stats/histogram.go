package stats

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram has four buckets for each power of two, so a value is known to within a quarter,
// from 0 to 2^34 exclusive: in microseconds that is five hours. Larger values count as the largest.
const (
	subBits  = 2
	maxBits  = 34
	nBuckets = (maxBits-subBits)<<subBits + 1<<subBits
)

// Histogram counts values in fixed logarithmic buckets. Any goroutine may record and read: buckets
// are single atomic adds. Where several loops record often, give each its own and merge the
// snapshots. The zero value is ready.
type Histogram struct {
	buckets [nBuckets]atomic.Int64
	sum     atomic.Int64
	max     atomic.Int64
}

// bucketOf finds the bucket: values below 4 have one each, then the position of the highest bit
// chooses the power of two and the two bits after it the quarter.
func bucketOf(v int64) int {
	if v < 0 {
		v = 0
	}
	u := min(uint64(v), 1<<maxBits-1)
	if u < 1<<subBits {
		return int(u)
	}
	exp := bits.Len64(u) - 1 - subBits
	return exp<<subBits + int(u>>exp)
}

// upperOf is the largest value that falls into bucket i.
func upperOf(i int) int64 {
	if i < 1<<subBits {
		return int64(i)
	}
	exp := i>>subBits - 1
	return (int64(i&(1<<subBits-1))+1<<subBits+1)<<exp - 1
}

// Record counts one value; negative ones count as 0.
func (h *Histogram) Record(v int64) {
	v = max(v, 0)
	h.buckets[bucketOf(v)].Add(1)
	h.sum.Add(v)
	for {
		m := h.max.Load()
		if v <= m || h.max.CompareAndSwap(m, v) {
			return
		}
	}
}

// RecordDuration counts a duration in microseconds.
func (h *Histogram) RecordDuration(d time.Duration) { h.Record(d.Microseconds()) }

// Distribution is what a histogram held when it was read. The zero value is empty.
type Distribution struct {
	Count, Sum, Max int64
	buckets         [nBuckets]int64
}

// AddTo merges what the histogram holds into d.
func (h *Histogram) AddTo(d *Distribution) {
	for i := range h.buckets {
		n := h.buckets[i].Load()
		d.buckets[i] += n
		d.Count += n
	}
	d.Sum += h.sum.Load()
	d.Max = max(d.Max, h.max.Load())
}

// Read returns what the histogram holds.
func (h *Histogram) Read() Distribution {
	var d Distribution
	h.AddTo(&d)
	return d
}

// Merge adds another distribution.
func (d *Distribution) Merge(o *Distribution) {
	for i, n := range o.buckets {
		d.buckets[i] += n
	}
	d.Count += o.Count
	d.Sum += o.Sum
	d.Max = max(d.Max, o.Max)
}

// Mean of the recorded values, exact; 0 when there are none.
func (d *Distribution) Mean() float64 {
	if d.Count == 0 {
		return 0
	}
	return float64(d.Sum) / float64(d.Count)
}

// Quantile returns a value that at least the share q (0 to 1) of the recorded ones do not exceed,
// to the resolution of the buckets; 0 when there are none.
func (d *Distribution) Quantile(q float64) int64 {
	want := int64(math.Ceil(q * float64(d.Count)))
	want = min(max(want, 1), d.Count)
	var seen int64
	for i, n := range d.buckets {
		if seen += n; seen >= want && n > 0 {
			return min(upperOf(i), d.Max)
		}
	}
	return 0
}

// Buckets calls fn for each bucket that is not empty, from the smallest: the largest value it
// holds and how many were counted.
func (d *Distribution) Buckets(fn func(upper, count int64)) {
	for i, n := range d.buckets {
		if n > 0 {
			fn(upperOf(i), n)
		}
	}
}
