package text

import "testing"

func TestEqualFoldIgnoresOnlyASCIICase(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"Keep-Alive", "keep-alive", true},
		{"keep-alive", "keep-alivE", true},
		{"keep-alive", "keep-aliv", false},
		{"keep\ralive", "keep-alive", false}, // 0x0d and 0x2d differ by the case bit
		{"[", "{", false},
		{"@", "`", false},
		{"K", "\u212a", false}, // the Kelvin sign is no K
		{"\xc4", "\xe4", false},
	} {
		if got := EqualFold([]byte(c.a), c.b); got != c.want {
			t.Errorf("EqualFold(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func TestHasPrefixFold(t *testing.T) {
	if !HasPrefixFold([]byte("BYTES=0-1"), "bytes=") || HasPrefixFold([]byte("byte"), "bytes") {
		t.Error("wrong")
	}
}

func TestLowerCase(t *testing.T) {
	in := "AZaz09[@\xc4"
	if got := string(AppendLower([]byte("X"), []byte(in))); got != "X"+"azaz09[@\xc4" {
		t.Errorf("%q", got)
	}
	if !HasUpper([]byte("aB")) || HasUpper([]byte("ab[@\xc4")) {
		t.Error("HasUpper is wrong")
	}
	if String([]byte("abc")) != "abc" || String(nil) != "" {
		t.Error("String is wrong")
	}
}

func FuzzEqualFold(f *testing.F) {
	f.Add([]byte("Host"), "hOST")
	f.Fuzz(func(t *testing.T, a []byte, b string) {
		want := string(AppendLower(nil, a)) == string(AppendLower(nil, []byte(b)))
		if got := EqualFold(a, b); got != want {
			t.Errorf("EqualFold(%q, %q) = %v", a, b, got)
		}
	})
}
