package http1

import (
	"bytes"
	"testing"
)

// What nginx does with most of these is compared in oracle_test.go; here are
// the ends of the input.
func TestLookups(t *testing.T) {
	for _, c := range []struct {
		in, name, want string
		cookie, arg    bool
	}{
		{"", "a", "", false, false},
		{"a", "a", "", false, false},
		{"a=", "a", "", true, true},
		{"a=1", "a", "1", true, true},
		{"A=1", "a", "1", true, true},
		{"ab=1", "a", "", false, false},
		{"a=1=2", "a", "1=2", true, true},
		{"&a=1", "a", "1", false, true},
		{"b=0&a=1", "a", "1", false, true},
		{"b=0; a=1", "a", "1", true, false},
		{";;a=1", "a", "1", true, false},
		{"b; a=1", "a", "1", true, false},
		{"a ", "a", "", false, false},
	} {
		if got, ok := CookieValue([]byte(c.in), c.name); ok != c.cookie || ok && string(got) != c.want {
			t.Errorf("cookie %q: %q, %v", c.in, got, ok)
		}
		if got, ok := ArgValue([]byte(c.in), c.name); ok != c.arg || ok && string(got) != c.want {
			t.Errorf("argument %q: %q, %v", c.in, got, ok)
		}
	}
}

func FuzzLookups(f *testing.F) {
	f.Add([]byte("a=1; b=2"), "b")
	f.Add([]byte("a=1&b=2"), "b")
	f.Fuzz(func(t *testing.T, in []byte, name string) {
		if v, ok := CookieValue(in, name); ok && (!bytes.Contains(in, v) || bytes.IndexByte(v, ';') >= 0) {
			t.Errorf("cookie %q of %q: %q", name, in, v)
		}
		if v, ok := ArgValue(in, name); ok && (!bytes.Contains(in, v) || bytes.IndexByte(v, '&') >= 0) {
			t.Errorf("argument %q of %q: %q", name, in, v)
		}
	})
}

func FuzzKeepAlive(f *testing.F) {
	f.Add([]byte("timeout=5, max=100"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if hint := ParseKeepAlive(in); hint.Timeout < -1 || hint.Max < -1 {
			t.Errorf("%q: %+v", in, hint)
		}
	})
}
