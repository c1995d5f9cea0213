package text

import (
	"math"
	"strconv"
)

// AppendInt appends n in decimal.
func AppendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// AppendHex appends n in lower-case hexadecimal.
func AppendHex(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 16) }

// AppendPadded appends n in decimal, with leading zeros up to width digits.
// Negative n is not allowed.
func AppendPadded(dst []byte, n, width int) []byte {
	for limit := 10; width > 1; width-- {
		if n < limit {
			dst = append(dst, "0000000000"[:width-1]...)
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

// ParseInt reads b, which must consist of decimal digits only and fit an
// int64: no sign, no space, no empty string.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		if n > math.MaxInt64/10 {
			return 0, false
		}
		if n = n*10 + int64(d); n < 0 {
			return 0, false
		}
	}
	return n, true
}

// HexDigit returns the value of the hexadecimal digit c, or -1.
func HexDigit(c byte) int { return int(hexDigit[c]) }

var hexDigit = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range 10 {
		t['0'+i] = int8(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = int8(10+i), int8(10+i)
	}
	return t
}()
