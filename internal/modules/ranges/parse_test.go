package ranges

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		value  string
		length int64
		limit  int
		want   string
	}{
		{"0-0", 10, 9, "0-1"},
		{"2-5", 10, 9, "2-6"},
		{" 2 - 5 ", 10, 9, "2-6"},
		{"2-", 10, 9, "2-10"},
		{"-3", 10, 9, "7-10"},
		{"-30", 10, 9, "0-10"},
		{"5-99", 10, 9, "5-10"},
		{"0-1,4-5, -1", 10, 9, "0-2 4-6 9-10"},
		{"8-9,0-1", 10, 9, "8-10 0-2"},
		{"20-30,1-2", 10, 9, "1-3"},

		{"10-", 10, 9, "416"},
		{"10-20", 10, 9, "416"},
		{"5-4", 10, 9, "416"},
		{"-0", 10, 9, "416"},
		{"", 10, 9, "416"},
		{"x", 10, 9, "416"},
		{"1-x", 10, 9, "416"},
		{"1-2;3", 10, 9, "416"},
		{"1-2,", 10, 9, "416"},
		{"--1", 10, 9, "416"},
		{"-", 10, 9, "416"},
		{"\t1-2", 10, 9, "416"},
		{"99999999999999999999-", 10, 9, "416"},
		{"1-99999999999999999999", 10, 9, "416"},

		{"0-5,2-9", 10, 9, "all"}, // more than there is
		{"0-1,2-3,4-5", 10, 2, "all"},
		{"0-1,4-5", 10, 2, "0-2 4-6"},
		{"0-", 0, 9, "all"},
		{"-0", 0, 9, "all"},
		{"-5", 0, 9, "all"},
		{"1-", 0, 9, "416"},
	} {
		if got := describe(parse(nil, []byte(tt.value), tt.length, tt.limit)); got != tt.want {
			t.Errorf("%q of %d: %s, want %s", tt.value, tt.length, got, tt.want)
		}
	}
}

func describe(spans []span, result result) string {
	switch result {
	case unsatisfiable:
		return "416"
	case ignored:
		return "all"
	}
	var parts []string
	for _, s := range spans {
		parts = append(parts, fmt.Sprintf("%d-%d", s.start, s.end))
	}
	return strings.Join(parts, " ")
}

func FuzzParse(f *testing.F) {
	f.Add("0-1,4-5, -1", int64(10))
	f.Add("9223372036854775807-", int64(9223372036854775807))
	f.Fuzz(func(t *testing.T, value string, length int64) {
		if length < 0 {
			return
		}
		spans, result := parse(nil, []byte(value), length, 100)
		if (result == satisfiable) != (len(spans) > 0) {
			t.Fatalf("%d spans with result %d", len(spans), result)
		}
		var total int64
		for _, s := range spans {
			if s.start < 0 || s.start >= s.end || s.end > length {
				t.Fatalf("%v of %d", s, length)
			}
			total += s.end - s.start
		}
		if total > length {
			t.Fatalf("%d bytes of %d", total, length)
		}
	})
}
