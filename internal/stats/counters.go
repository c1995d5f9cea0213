// Package stats holds figures that event loops count and others read: counters in one block per
// loop, and histograms with fixed logarithmic buckets.
//
// It knows numbers only. What they mean, their names and how they are shown belong to the package
// that counts them. Nothing here allocates, locks or reads a clock once it has been made.
package stats

import "sync/atomic"

// cacheLine is 128 and not 64 because processors fetch lines in pairs.
const cacheLine = 128

const cellsPerLine = cacheLine / 8

// Counters is a family of counters, each counted by every loop in a block of its own, so that no
// two loops ever write to the same cache line. A block is written by one loop; readers on any
// goroutine sum the blocks and may see a request half counted, never a torn number.
type Counters struct {
	cells  []atomic.Int64
	stride int
	n      int
}

// NewCounters makes n counters (numbered from 0) for loops numbered from 0.
func NewCounters(loops, n int) *Counters {
	// A whole empty line lies between two blocks: wherever the allocator puts the first cell, two
	// blocks share none.
	stride := (n+cellsPerLine-1)/cellsPerLine*cellsPerLine + cellsPerLine
	return &Counters{cells: make([]atomic.Int64, loops*stride), stride: stride, n: n}
}

// Block is one loop's part of the counters; index it with the counter's number.
type Block []atomic.Int64

// Block returns the block of a loop. Keep it: the hot path then indexes a slice and nothing else.
func (c *Counters) Block(loop int) Block {
	at := loop * c.stride
	return Block(c.cells[at : at+c.n : at+c.n])
}

// Len is the number of counters.
func (c *Counters) Len() int { return c.n }

// Sum adds one counter up over all loops.
func (c *Counters) Sum(i int) int64 {
	var sum int64
	for at := i; at < len(c.cells); at += c.stride {
		sum += c.cells[at].Load()
	}
	return sum
}

// AddTo adds every counter's sum to dst, which holds at least Len numbers.
func (c *Counters) AddTo(dst []int64) {
	for i := range c.n {
		dst[i] += c.Sum(i)
	}
}
