package text

import (
	"math"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1": 1, "512": 512, "4k": 4096, "4K": 4096, "1m": 1 << 20, "2M": 2 << 20, "08": 8,
		"": -1, "k": -1, "1g": -1, "-1": -1, "+1": -1, "1 k": -1, "1kk": -1, "1.5m": -1, "0x10": -1,
		"9223372036854775807": math.MaxInt64, "9223372036854775808": -1, "9223372036854775807k": -1,
	} {
		got, ok := ParseSize(s)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("ParseSize(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestParseOffsetKnowsGigabytes(t *testing.T) {
	if n, ok := ParseOffset("3g"); !ok || n != 3<<30 {
		t.Errorf(`ParseOffset("3g") = %d, %v`, n, ok)
	}
	if _, ok := ParseOffset("9223372036854775807g"); ok {
		t.Error("an overflowing offset was accepted")
	}
}

func TestParseTime(t *testing.T) {
	const bad = -1
	for _, tt := range []struct {
		in         string
		milli, sec time.Duration
	}{
		{"0", 0, 0},
		{"60", time.Minute, time.Minute},
		{"60s", time.Minute, time.Minute},
		{"500ms", 500 * time.Millisecond, bad},
		{"1s500ms", 1500 * time.Millisecond, bad},
		{"1h 30m", 90 * time.Minute, 90 * time.Minute},
		{"1h30m", 90 * time.Minute, 90 * time.Minute},
		{"1m 30", 90 * time.Second, 90 * time.Second},
		{"1 2", 3 * time.Second, 3 * time.Second},
		{"1w 1d", 8 * 24 * time.Hour, 8 * 24 * time.Hour},
		{"1y", bad, 365 * 24 * time.Hour},
		{"1M", bad, 30 * 24 * time.Hour},
		{"1y 6M", bad, 545 * 24 * time.Hour},
		{"1 2s", bad, bad},
		{"1s 2", 3 * time.Second, 3 * time.Second},
		{"30m 1h", bad, bad},
		{"1s1s", bad, bad},
		{"", bad, bad},
		{"s", bad, bad},
		{"-1", bad, bad},
		{"1.5s", bad, bad},
		{"1x", bad, bad},
		{"10000y", bad, math.MaxInt64},
		{"9223372036854775807", bad, math.MaxInt64},
		{"9223372036854775808", bad, bad},
	} {
		check := func(name string, got time.Duration, ok bool, want time.Duration) {
			if !ok {
				got = bad
			}
			if got != want {
				t.Errorf("%s(%q) = %v, want %v", name, tt.in, got, want)
			}
		}
		got, ok := ParseTime(tt.in)
		check("ParseTime", got, ok, tt.milli)
		got, ok = ParseSeconds(tt.in)
		check("ParseSeconds", got, ok, tt.sec)
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("1h 30m")
	f.Add("500ms")
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := ParseTime(s); ok && d < 0 {
			t.Errorf("ParseTime(%q) = %v", s, d)
		}
		if d, ok := ParseSeconds(s); ok && d < 0 {
			t.Errorf("ParseSeconds(%q) = %v", s, d)
		}
		if n, ok := ParseOffset(s); ok && n < 0 {
			t.Errorf("ParseOffset(%q) = %v", s, n)
		}
	})
}
