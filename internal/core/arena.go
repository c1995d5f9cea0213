package core

// arenaBlock is the size of the memory a request object keeps for its next request.
const arenaBlock = 4 << 10

// arena hands out memory that lives as long as the request. The first block is kept between requests, so that a
// request of ordinary size allocates nothing.
type arena struct {
	block []byte // current block; its length is what is in use
	first []byte
}

// alloc returns n zeroed-or-stale bytes with no spare capacity.
func (a *arena) alloc(n int) []byte {
	if cap(a.block)-len(a.block) < n && !a.grow(n) {
		return make([]byte, n)
	}
	from := len(a.block)
	a.block = a.block[:from+n]
	return a.block[from : from+n : from+n]
}

// grow begins a block for n bytes. False: they get memory of their own, since they are many, so that the block, which has
// room for smaller ones, goes on being used.
func (a *arena) grow(n int) bool {
	if n > arenaBlock/4 && a.block != nil || n > arenaBlock {
		return false
	}
	a.block = make([]byte, 0, arenaBlock)
	if a.first == nil {
		a.first = a.block
	}
	return true
}

func (a *arena) reset() { a.block = a.first[:0] }

// Alloc returns n bytes that stay valid until the request ends. Their contents are not defined.
func (r *Request) Alloc(n int) []byte { return r.Main.arena.alloc(n) }

// Copy returns a copy of p that stays valid until the request ends.
func (r *Request) Copy(p []byte) []byte {
	q := r.Alloc(len(p))
	copy(q, p)
	return q
}

// CopyString is Copy for a string.
func (r *Request) CopyString(s string) []byte {
	q := r.Alloc(len(s))
	copy(q, s)
	return q
}

// Concat returns its arguments put together, in the request's memory.
func (r *Request) Concat(parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	q := r.Alloc(n)[:0]
	for _, p := range parts {
		q = append(q, p...)
	}
	return q
}
