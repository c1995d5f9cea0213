package ranges

import (
	"math"

	"hearth/internal/text"
)

// span is a part of the body: its bytes from start up to, but without, end.
type span struct{ start, end int64 }

// result is what a Range field says of a body.
type result uint8

const (
	satisfiable   result = iota // send these parts
	unsatisfiable               // 416
	ignored                     // send all of the body
)

// parse reads the value of a Range field behind "bytes=" for a body of that length, appending to spans (RFC 9110,
// 14.1.2). As in nginx a malformed one is unsatisfiable; more than limit ranges, ranges that add up to more than the
// body, and an empty one at its beginning are ignored.
func parse(spans []span, value []byte, length int64, limit int) ([]span, result) {
	s := scanner{rest: value}
	var total int64
	for {
		p, ok := s.span(length)
		switch {
		case !ok:
			return nil, unsatisfiable
		case p.start < p.end:
			if total > math.MaxInt64-(p.end-p.start) {
				return nil, unsatisfiable
			}
			total += p.end - p.start
			if limit--; limit < 0 {
				return nil, ignored
			}
			spans = append(spans, p)
		case p.start == 0:
			return nil, ignored
		}
		if !s.take(',') {
			break
		}
	}
	switch {
	case len(spans) == 0:
		return nil, unsatisfiable
	case total > length:
		return nil, ignored
	}
	return spans, satisfiable
}

// scanner reads the list from the front.
type scanner struct{ rest []byte }

// span reads "first-last", "first-" or "-last n", up to the next comma or the end, and cuts it to the length.
func (s *scanner) span(length int64) (p span, ok bool) {
	s.spaces()
	suffix := s.take('-')
	if !suffix {
		if p.start, ok = s.number(); !ok {
			return p, false
		}
		s.spaces()
		if !s.take('-') {
			return p, false
		}
		s.spaces()
		if s.atEnd() {
			p.end = length
			return p, true
		}
	}
	if p.end, ok = s.number(); !ok {
		return p, false
	}
	s.spaces()
	if suffix {
		p.start, p.end = max(length-p.end, 0), length-1
	}
	p.end = min(p.end, length-1) + 1
	return p, s.atEnd()
}

func (s *scanner) atEnd() bool { return len(s.rest) == 0 || s.rest[0] == ',' }

func (s *scanner) take(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) spaces() {
	for s.take(' ') {
	}
}

func (s *scanner) number() (int64, bool) {
	n := 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	v, ok := text.ParseInt(s.rest[:n])
	s.rest = s.rest[n:]
	return v, ok
}
