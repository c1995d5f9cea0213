package http1

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// lines finds the lines of a head in a buffer that grows, and may move,
// between calls.
type lines struct {
	start   int // where the head begins, after empty lines
	pos     int // where the line being read begins
	scanned int // up to where there is no line end in it
	cap     int // capacity of the buffer the views point into
}

// lineLimit says how long a line and the whole head may be, line ends included; 0 = no limit.
type lineLimit struct{ line, total int }

type lineState uint8

const (
	lineComplete lineState = iota
	lineIncomplete
	lineTooLong
	headTooLong
)

// next returns the next line without its line end: LF, or CR LF.
//
// A line that exceeds a limit is found too long as soon as the bytes up to
// the limit are there, whether or not its end is there too, so that the
// verdict does not depend on how the bytes arrived.
func (l *lines) next(buf []byte, limit lineLimit) ([]byte, lineState) {
	end := bytes.IndexByte(buf[l.scanned:], '\n')
	if end < 0 {
		return nil, l.unended(len(buf), len(buf), limit)
	}
	end += l.scanned
	if limit.line > 0 && end >= l.pos+limit.line || limit.total > 0 && end >= l.start+limit.total {
		return nil, l.unended(len(buf), end, limit)
	}
	line := buf[l.pos:end]
	l.pos, l.scanned = end+1, end+1
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, lineComplete
}

// unended says what is wrong with a line that has no end before end, of the first so many bytes of a head.
func (l *lines) unended(have, end int, limit lineLimit) lineState {
	l.scanned = have
	over, most := lineIncomplete, end
	if limit.line > 0 && l.pos+limit.line <= most {
		most, over = l.pos+limit.line, lineTooLong
	}
	if limit.total > 0 && l.start+limit.total <= most {
		over = headTooLong
	}
	return over
}

// rebase moves the view v from the buffer whose capacity was cap to buf,
// which begins with the same bytes. A view made by slicing to the left only
// tells its offset by its capacity.
func (l *lines) rebase(v, buf []byte) []byte {
	if v == nil {
		return nil
	}
	offset := l.cap - cap(v)
	return buf[offset : offset+len(v)]
}

func (l *lines) rebaseFields(fields []Field, buf []byte) {
	for i := range fields {
		f := &fields[i]
		f.Name, f.Value = l.rebase(f.Name, buf), l.rebase(f.Value, buf)
	}
}

// maxFields bounds the fields of any head: their places are kept in 16 bits.
const maxFields = 10000

// Kinds of bytes in a field name.
const (
	plainByte      = 0         // letters, digits, "-"
	underscoreByte = 1 << iota // "_"
	tokenByte                  // the rest of RFC 9110's tchar
	oddByte                    // visible, but not allowed in a name
	colonByte
	fatalByte // controls, space
)

var nameByte = func() (t [256]uint8) {
	for i := range t {
		switch c := byte(i); {
		case c <= ' ' || c == 0x7f:
			t[i] = fatalByte
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
			t[i] = plainByte
		case c == '_':
			t[i] = underscoreByte
		case c == ':':
			t[i] = colonByte
		case bytes.IndexByte([]byte("!#$%&'*+.^`|~"), c) >= 0:
			t[i] = tokenByte
		default:
			t[i] = oddByte
		}
	}
	return t
}()

// splitField cuts a field line into name and value. kind tells what bytes the
// name has; a known name has plain ones. bad is the index of the byte that makes
// the line invalid, which may be len(line) when the colon is missing, or -1.
func splitField(line []byte) (name, value []byte, id ID, kind uint8, bad int) {
	colon := bytes.IndexByte(line, ':')
	if colon > 0 {
		id = Lookup(line[:colon])
	}
	if id == Other {
		if colon, kind = endOfName(line); colon == 0 || colon == len(line) || line[colon] != ':' {
			return line, nil, Other, kind, colon
		}
	}
	value = line[colon+1:]
	if c := indexControl(value); c >= 0 {
		return nil, nil, id, kind, colon + 1 + c
	}
	if n := len(value); n > 0 {
		if value[0] == ' ' { // nearly always one space
			value = value[1:]
		}
		value = TrimSpace(value)
	}
	return line[:colon], value, id, kind, -1
}

// endOfName returns where the colon is, or what cannot be in a name, and what the bytes before it are.
func endOfName(line []byte) (end int, kind uint8) {
	for i, b := range line {
		c := nameByte[b]
		if c >= colonByte {
			return i, kind
		}
		kind |= c
	}
	return len(line), kind
}

// invalidField is nginx's message about a field line with a wrong byte: the
// line up to that byte, and the byte in hexadecimal.
func invalidField(what string, line []byte, bad int) string {
	if bad == len(line) {
		return fmt.Sprintf("%s: \"%s\"", what, line)
	}
	return fmt.Sprintf("%s: \"%s\\x%02x...\"", what, line[:bad], line[bad])
}

// indexControl returns the index of the first control character in b other
// than the tab, or -1. It looks at eight bytes at a time, the last eight last,
// and only where something is below 0x20 or 0x7f at each.
func indexControl(b []byte) int {
	if len(b) < 8 {
		return indexControlSlow(b)
	}
	found := mayBeControl(b[len(b)-8:])
	for rest := b; len(rest) > 8; rest = rest[8:] {
		found |= mayBeControl(rest)
	}
	if found != 0 {
		return indexControlSlow(b)
	}
	return -1
}

// mayBeControl is not 0 if one of the first eight bytes is below 0x20 or 0x7f, or follows one that is.
func mayBeControl(b []byte) uint64 {
	const ones = 0x0101010101010101
	x := binary.LittleEndian.Uint64(b)
	del := x ^ 0x7f*ones
	// A byte below 0x20, or zero in del, borrows into its top bit, which it does not itself have.
	return ((x-0x20*ones)&^x | (del-ones)&^del) & (0x80 * ones)
}

func indexControlSlow(b []byte) int {
	for i, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
}
