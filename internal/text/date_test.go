package text

import (
	"net/http"
	"testing"
	"time"
)

func TestTheThreeDateFormats(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, s := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"Mon, 06 Nov 1994 08:49:37 GMT", // the weekday is not checked
	} {
		if got, ok := ParseHTTPDate([]byte(s)); !ok || !got.Equal(want) {
			t.Errorf("%q: %v, %v", s, got, ok)
		}
	}
	if got, ok := ParseHTTPDate([]byte("Wednesday, 29-Feb-12 00:00:00 GMT")); !ok || got.Year() != 2012 {
		t.Errorf("%v, %v", got, ok)
	}
	if got, ok := ParseHTTPDate([]byte("Sat, 31 Dec 2016 23:59:60 GMT")); !ok || got != time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC) {
		t.Errorf("leap second: %v, %v", got, ok)
	}
}

func TestWhatIsNoDate(t *testing.T) {
	for _, s := range []string{
		"", "Sun", "0", "1994-11-06T08:49:37Z",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Xyz, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Tue, 29 Feb 2011 00:00:00 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov 06 08:49:37 94",
	} {
		if got, ok := ParseHTTPDate([]byte(s)); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func FuzzHTTPDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := ParseHTTPDate(b)
		if !ok {
			return
		}
		written := AppendHTTPDate(nil, got)
		if want := got.Format(http.TimeFormat); string(written) != want {
			t.Fatalf("%v written as %q, want %q", got, written, want)
		}
		if again, ok := ParseHTTPDate(written); !ok || !again.Equal(got) {
			t.Fatalf("%q reads back as %v, %v", written, again, ok)
		}
	})
}

func BenchmarkAppendHTTPDate(b *testing.B) {
	dst := make([]byte, 0, 64)
	now := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendHTTPDate(dst[:0], now)
	}
}

func BenchmarkParseHTTPDate(b *testing.B) {
	date := []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ParseHTTPDate(date); !ok {
			b.Fatal()
		}
	}
}
