package vars

import (
	"regexp/syntax"
	"sync"
	"unicode/utf8"
)

// finder runs a program of regexp/syntax and keeps the groups' offsets in memory that
// is used again. Package regexp allocates them for each match, and that is all this
// is for: it gives the same answer, by the same method (backtracking that never tries
// an instruction at a position twice, so its time is bounded by their product).
type finder struct {
	prog    *syntax.Prog
	input   []byte
	tried   []uint64 // bit set of instruction × position
	jobs    []job
	offsets []int // of the groups, -1 where one took no part
}

// job is what to go back to: try pc at pos, or, where pc is negative, give group
// offset ^pc back its value pos.
type job struct{ pc, pos int }

// maxTried bounds the bit set; larger matches are package regexp's.
const maxTried = 1 << 18

var finders = sync.Pool{New: func() any { return new(finder) }}

// compileProg compiles an expression that package regexp has accepted.
func compileProg(expr string) *syntax.Prog {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil
	}
	return prog
}

// fits reports whether a finder can match prog against n bytes.
func fits(prog *syntax.Prog, n int) bool {
	return prog != nil && len(prog.Inst)*(n+1) <= maxTried
}

// find looks for the leftmost match. offsets are valid until f is used again.
func (f *finder) find(prog *syntax.Prog, input []byte) bool {
	f.prog, f.input = prog, input
	words := (len(prog.Inst)*(len(input)+1) + 63) / 64
	if cap(f.tried) < words {
		f.tried = make([]uint64, words)
	}
	f.tried = f.tried[:words]
	clear(f.tried)
	f.offsets = f.offsets[:0]
	for range prog.NumCap {
		f.offsets = append(f.offsets, -1)
	}
	anchored := prog.StartCond()&syntax.EmptyBeginText != 0
	for at := 0; at <= len(input); {
		if f.try(at) {
			f.offsets[0] = at
			return true
		}
		if anchored || at == len(input) {
			return false
		}
		_, n := utf8.DecodeRune(input[at:])
		at += n
	}
	return false
}

// try looks for a match that begins at start.
func (f *finder) try(start int) bool {
	f.jobs = append(f.jobs[:0], job{f.prog.Start, start})
	for len(f.jobs) > 0 {
		j := f.jobs[len(f.jobs)-1]
		f.jobs = f.jobs[:len(f.jobs)-1]
		if j.pc < 0 {
			f.offsets[^j.pc] = j.pos
		} else if f.follow(j.pc, j.pos) {
			return true
		}
	}
	return false
}

// follow runs from pc until it matches or fails, and leaves the alternatives as jobs.
func (f *finder) follow(pc, pos int) bool {
	for {
		bit := pc*(len(f.input)+1) + pos
		if f.tried[bit/64]&(1<<(bit%64)) != 0 {
			return false
		}
		f.tried[bit/64] |= 1 << (bit % 64)
		inst := &f.prog.Inst[pc]
		pc = int(inst.Out)
		switch inst.Op {
		case syntax.InstMatch:
			f.offsets[1] = pos
			return true
		case syntax.InstFail:
			return false
		case syntax.InstAlt, syntax.InstAltMatch:
			f.jobs = append(f.jobs, job{int(inst.Arg), pos})
		case syntax.InstCapture:
			f.jobs = append(f.jobs, job{^int(inst.Arg), f.offsets[inst.Arg]})
			f.offsets[inst.Arg] = pos
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^f.context(pos) != 0 {
				return false
			}
		case syntax.InstNop:
		default: // one of the InstRune kinds
			if pos == len(f.input) {
				return false
			}
			r, n := utf8.DecodeRune(f.input[pos:])
			if !inst.MatchRune(r) {
				return false
			}
			pos += n
		}
	}
}

// context tells which assertions hold at pos.
func (f *finder) context(pos int) syntax.EmptyOp {
	before, after := rune(-1), rune(-1)
	if pos > 0 {
		before, _ = utf8.DecodeLastRune(f.input[:pos])
	}
	if pos < len(f.input) {
		after, _ = utf8.DecodeRune(f.input[pos:])
	}
	return syntax.EmptyOpContext(before, after)
}
