package text

import (
	"math"
	"strconv"
	"testing"
)

func TestParseIntTakesDigitsOnly(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "007": 7, "9223372036854775807": math.MaxInt64} {
		if got, ok := ParseInt([]byte(s)); !ok || got != want {
			t.Errorf("%q: %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "+1", "-1", " 1", "1 ", "0x1", "1e3", "1_000", "9223372036854775808", "99999999999999999999", "\xd9\xa1"} {
		if got, ok := ParseInt([]byte(s)); ok {
			t.Errorf("%q was read as %d", s, got)
		}
	}
}

func TestAppendPadded(t *testing.T) {
	for _, c := range []struct {
		n, width int
		want     string
	}{{0, 2, "00"}, {7, 2, "07"}, {42, 2, "42"}, {123, 2, "123"}, {99, 3, "099"}, {5, 1, "5"}, {1994, 4, "1994"}, {194, 4, "0194"}} {
		if got := string(AppendPadded(nil, c.n, c.width)); got != c.want {
			t.Errorf("%d to %d digits: %q", c.n, c.width, got)
		}
	}
}

func TestHex(t *testing.T) {
	if got := string(AppendHex(nil, 0xbeef)); got != "beef" {
		t.Error(got)
	}
	for c := range 256 {
		want, err := strconv.ParseInt(string(rune(c)), 16, 8)
		if err != nil || c >= 0x80 {
			want = -1
		}
		if got := HexDigit(byte(c)); got != int(want) {
			t.Errorf("%q: %d", rune(c), got)
		}
	}
}

func FuzzParseInt(f *testing.F) {
	f.Add([]byte("123"))
	f.Add([]byte("9223372036854775808"))
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := strconv.ParseInt(string(b), 10, 64)
		valid := err == nil && b[0] != '+' && b[0] != '-'
		if got, ok := ParseInt(b); ok != valid || ok && got != want {
			t.Errorf("%q: %d %v, want %d %v", b, got, ok, want, valid)
		}
	})
}
