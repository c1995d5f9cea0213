package vars

import (
	"bytes"
	"regexp/syntax"
)

// plain is a pattern that needs no regular expression engine: compares of the
// subject's start and end with fixed words, as most nginx patterns are.
//
//	^/api/        prefix          \.(gif|jpe?g)$   suffixes
//	^/a$          the whole       ^/app/(.*)$      prefix, and a capture of the rest
//
// It is exact only for subjects without a line feed, which "." and "$" treat
// in their own way: the caller gives those to the engine.
type plain struct {
	begin, end bool     // anchored there
	words      [][]byte // one of these; in lower case if fold
	fold       bool     // compare ASCII letters in either case
	rest       bool     // after words[0] comes (.*), then tail, then the end
	tail       []byte
}

const maxWords = 64

// plainOf returns the compares that re comes to, or nil.
func plainOf(re *syntax.Regexp) *plain {
	items := flatten(nil, re)
	p := &plain{}
	if len(items) > 0 && items[0].Op == syntax.OpBeginText {
		p.begin, items = true, items[1:]
	}
	if n := len(items); n > 0 && items[n-1].Op == syntax.OpEndText {
		p.end, items = true, items[:n-1]
	}
	for n := len(items); n > 0 && dotStar(items[n-1]); n = len(items) {
		p.end, items = false, items[:n-1] // "x.*" and "x.*$" say no more than "x"
	}
	if n := len(items); p.begin && (p.end || n > 0 && groupOfAll(items[n-1])) {
		if q := restOf(items); q != nil {
			return q
		}
	}
	set := []string{""}
	var f folding
	for _, it := range items {
		if set = product(set, expand(it, &f)); set == nil {
			return nil
		}
	}
	if f.mixed() {
		return nil
	}
	p.fold = f.folded
	for _, w := range set {
		p.words = append(p.words, lowered(w, p.fold))
	}
	return p
}

// restOf recognises A(.*)B between the two anchors.
func restOf(items []*syntax.Regexp) *plain {
	at := -1
	for i, it := range items {
		if groupOfAll(it) {
			if at >= 0 {
				return nil
			}
			at = i
		}
	}
	if at < 0 {
		return nil
	}
	var f folding
	head, tail := []string{""}, []string{""}
	for _, it := range items[:at] {
		head = product(head, expandBare(it, &f))
	}
	for _, it := range items[at+1:] {
		tail = product(tail, expandBare(it, &f))
	}
	if len(head) != 1 || len(tail) != 1 || f.mixed() {
		return nil
	}
	return &plain{begin: true, end: true, rest: true, fold: f.folded,
		words: [][]byte{lowered(head[0], f.folded)}, tail: lowered(tail[0], f.folded)}
}

func flatten(items []*syntax.Regexp, re *syntax.Regexp) []*syntax.Regexp {
	if re.Op != syntax.OpConcat {
		return append(items, re)
	}
	for _, sub := range re.Sub {
		items = flatten(items, sub)
	}
	return items
}

// groupOfAll reports whether re is (.*).
func groupOfAll(re *syntax.Regexp) bool {
	return re.Op == syntax.OpCapture && dotStar(re.Sub[0])
}

func dotStar(re *syntax.Regexp) bool {
	return re.Op == syntax.OpStar && re.Flags&syntax.NonGreedy == 0 &&
		(re.Sub[0].Op == syntax.OpAnyCharNotNL || re.Sub[0].Op == syntax.OpAnyChar)
}

// folding collects whether the letters of a pattern are compared in either case.
type folding struct{ folded, exact bool }

func (f *folding) mixed() bool { return f.folded && f.exact }

func product(a, b []string) []string {
	if a == nil || b == nil || len(a)*len(b) > maxWords {
		return nil
	}
	var all []string
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// expandBare is expand for a part in which a group would be a second capture.
func expandBare(re *syntax.Regexp, f *folding) []string {
	if re.MaxCap() > 0 {
		return nil
	}
	return expand(re, f)
}

// expand lists the strings that re matches, nil if they are too many to list.
func expand(re *syntax.Regexp, f *folding) []string {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}
	case syntax.OpLiteral:
		return expandLiteral(re, f)
	case syntax.OpCharClass:
		return expandClass(re, f)
	case syntax.OpCapture:
		return expand(re.Sub[0], f)
	case syntax.OpQuest:
		if w := expand(re.Sub[0], f); w != nil {
			return append(w, "")
		}
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			all = product(all, expand(sub, f))
		}
		return all
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			w := expand(sub, f)
			if w == nil || len(all)+len(w) > maxWords {
				return nil
			}
			all = append(all, w...)
		}
		return all
	}
	return nil
}

func expandLiteral(re *syntax.Regexp, f *folding) []string {
	fold := re.Flags&syntax.FoldCase != 0
	for _, c := range re.Rune {
		if c >= 0x80 && fold {
			return nil
		}
		if letter(c) {
			f.folded = f.folded || fold
			f.exact = f.exact || !fold
		}
	}
	return []string{string(re.Rune)}
}

// expandClass lists a small class. Where letters stand in both cases, as folding
// leaves them, they count as folded.
func expandClass(re *syntax.Regexp, f *folding) []string {
	var all []string
	has := map[rune]bool{}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		lo, hi := re.Rune[i], re.Rune[i+1]
		if hi-lo >= maxWords {
			return nil
		}
		for c := lo; c <= hi; c++ {
			has[c] = true
		}
	}
	delete(has, '\u017f') // the long s and the Kelvin sign, which fold to s and k
	delete(has, '\u212a')
	if len(has) > maxWords {
		return nil
	}
	for c := range has {
		if c >= 0x80 {
			return nil
		}
		if letter(c) && !has[c^0x20] {
			f.exact = true
		} else if letter(c) {
			f.folded = true
		}
		all = append(all, string(c))
	}
	return all
}

func letter(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func lowered(w string, fold bool) []byte {
	b := []byte(w)
	for i, c := range b {
		if fold && letter(rune(c)) {
			b[i] = c | 0x20
		}
	}
	return b
}

// match reports whether s, which has no line feed, matches.
func (p *plain) match(s []byte) bool {
	if p.rest {
		w := p.words[0]
		return len(s) >= len(w)+len(p.tail) && equal(s[:len(w)], w, p.fold) && equal(s[len(s)-len(p.tail):], p.tail, p.fold)
	}
	for _, w := range p.words {
		if p.matchWord(s, w) {
			return true
		}
	}
	return false
}

func (p *plain) matchWord(s, w []byte) bool {
	switch {
	case len(s) < len(w):
		return false
	case p.begin && p.end:
		return len(s) == len(w) && equal(s, w, p.fold)
	case p.begin:
		return equal(s[:len(w)], w, p.fold)
	case p.end:
		return equal(s[len(s)-len(w):], w, p.fold)
	case !p.fold:
		return bytes.Contains(s, w)
	}
	for i := 0; i+len(w) <= len(s); i++ {
		if equal(s[i:i+len(w)], w, true) {
			return true
		}
	}
	return false
}

// equal compares two strings of one length; w is in lower case if fold.
func equal(s, w []byte, fold bool) bool {
	if !fold {
		return bytes.Equal(s, w)
	}
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != w[i] {
			return false
		}
	}
	return true
}
