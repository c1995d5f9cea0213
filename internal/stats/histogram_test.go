package stats

import (
	"testing"
	"time"
)

func TestEveryValueFallsIntoTheBucketThatBoundsIt(t *testing.T) {
	for i := range nBuckets {
		if got := bucketOf(upperOf(i)); got != i {
			t.Fatalf("the upper bound %d of bucket %d falls into bucket %d", upperOf(i), i, got)
		}
		if i+1 < nBuckets && bucketOf(upperOf(i)+1) != i+1 {
			t.Fatalf("%d is not in bucket %d", upperOf(i)+1, i+1)
		}
	}
	if upperOf(nBuckets-1) != 1<<maxBits-1 {
		t.Errorf("the last bucket ends at %d", upperOf(nBuckets-1))
	}
	for _, v := range []int64{-1, 0, 1 << 62} {
		if i := bucketOf(v); i < 0 || i >= nBuckets {
			t.Errorf("%d falls outside the buckets: %d", v, i)
		}
	}
}

func TestQuantilesAreWithinAQuarter(t *testing.T) {
	var h Histogram
	for ms := 1; ms <= 1000; ms++ {
		h.RecordDuration(time.Duration(ms) * time.Millisecond)
	}
	d := h.Read()
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		exact := q * 1e6
		if got := float64(d.Quantile(q)); got < exact || got > exact*1.25 {
			t.Errorf("quantile %v = %v µs, want %v to %v", q, got, exact, exact*1.25)
		}
	}
	if d.Mean() != 500500 || d.Max != 1e6 || d.Count != 1000 {
		t.Errorf("mean %v, max %v, count %v", d.Mean(), d.Max, d.Count)
	}
}

func TestDistributionsMerge(t *testing.T) {
	var a, b Histogram
	a.Record(10)
	b.Record(1000)
	d, other := a.Read(), b.Read()
	d.Merge(&other)
	if d.Count != 2 || d.Sum != 1010 || d.Max != 1000 || d.Quantile(0.5) > 12 {
		t.Errorf("merged: count %d sum %d max %d median %d", d.Count, d.Sum, d.Max, d.Quantile(0.5))
	}
	var uppers []int64
	d.Buckets(func(upper, count int64) { uppers = append(uppers, upper) })
	if len(uppers) != 2 || uppers[0] < 10 || uppers[1] < 1000 {
		t.Errorf("buckets end at %v", uppers)
	}
}

func TestAnEmptyDistributionIsAllZero(t *testing.T) {
	var d Distribution
	if d.Mean() != 0 || d.Quantile(0.99) != 0 {
		t.Errorf("mean %v, p99 %v", d.Mean(), d.Quantile(0.99))
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	for i := range b.N {
		h.Record(int64(i & 0xffff))
	}
}
