package core

import (
	"strings"
	"testing"
)

func TestTypeSet(t *testing.T) {
	set := TypeSet{Types: []string{"text/html", "text/plain"}}
	for _, tt := range []struct {
		contentType, name, charset string
		in                         bool
	}{
		{"", "", "", false},
		{"text/html", "text/html", "", true},
		{"Text/HTML", "Text/HTML", "", true},
		{"text/css", "text/css", "", false},
		{"text/html; charset=utf-8", "text/html", "utf-8", true},
		{`text/html;  Charset="utf-8"`, "text/html", "utf-8", true},
		{"text/html; a=b", "text/html; a=b", "", false},
		{"text/html; a=b;charset=x", "text/html; a=b", "x", false},
		{"text/html; charset=", "text/html", "", true},
		{"text/html;", "text/html;", "", false},
	} {
		name, charset := SplitCharset([]byte(tt.contentType))
		if string(name) != tt.name || string(charset) != tt.charset {
			t.Errorf("%q: %q, %q", tt.contentType, name, charset)
		}
		if in := set.Has([]byte(tt.contentType)); in != tt.in {
			t.Errorf("%q: %v", tt.contentType, in)
		}
	}
	if any := (TypeSet{Any: true}); !any.Has([]byte("x/y")) || any.Has(nil) {
		t.Error("any type means any")
	}
}

func FuzzSplitCharset(f *testing.F) {
	f.Add(`text/html; a=b; charset="utf-8"`)
	f.Add("; charset=;")
	f.Fuzz(func(t *testing.T, contentType string) {
		name, charset := SplitCharset([]byte(contentType))
		if !strings.HasPrefix(contentType, string(name)) || !strings.Contains(contentType, string(charset)) {
			t.Errorf("%q: %q, %q", contentType, name, charset)
		}
		if charset == nil && string(name) != contentType {
			t.Errorf("%q: no charset, but %q is cut off", contentType, name)
		}
	})
}
