package http1

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"hearth/internal/text"
)

func TestEveryKnownNameHasItsSlot(t *testing.T) {
	for id := Other + 1; id < numIDs; id++ {
		if id.String() == "" {
			t.Errorf("ID %d has no name", uint8(id))
			continue
		}
		for _, spelt := range []string{names[id], strings.ToLower(names[id]), strings.ToUpper(names[id])} {
			if got := Lookup([]byte(spelt)); got != id {
				t.Errorf("Lookup(%q) = %v (%d), want %d", spelt, got, got, id)
			}
		}
	}
}

// Known names are taken for tokens without a look at each byte: one that differs in any bit but a letter's case is unknown.
func TestAKnownNameWithAnyOtherByteIsOther(t *testing.T) {
	for id := Other + 1; id < numIDs; id++ {
		name := []byte(names[id])
		if _, kind := endOfName(name); kind != plainByte {
			t.Errorf("%s is not of plain bytes", name)
		}
		for i := range name {
			was := name[i]
			for c := range 256 {
				name[i] = byte(c)
				want := ID(max(0, slices.IndexFunc(names[:], func(known string) bool { return text.EqualFold(name, known) })))
				if got := Lookup(name); got != want {
					t.Errorf("Lookup(%q) = %v, want %v", name, got, want)
				}
			}
			name[i] = was
		}
	}
}

func TestUnknownNamesAreOther(t *testing.T) {
	for _, name := range []string{"", "x", "Hos", "Hostt", "H\x0fst", "X-Forwarded", strings.Repeat("a", 300)} {
		if got := Lookup([]byte(name)); got != Other {
			t.Errorf("Lookup(%q) = %v, want none", name, got)
		}
	}
}

func TestMatchVariable(t *testing.T) {
	for _, c := range []struct {
		name, variable string
		want           bool
	}{
		{"X-Forwarded-For", "x_forwarded_for", true},
		{"x_forwarded-FOR", "x_forwarded_for", true},
		{"X-Forwarded", "x_forwarded_for", false},
		{"X-Forwarded-Far", "x_forwarded_for", false},
	} {
		if got := MatchVariable([]byte(c.name), c.variable); got != c.want {
			t.Errorf("MatchVariable(%q, %q) = %v", c.name, c.variable, got)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte("Host"))
	f.Add([]byte("x-PAD"))
	f.Fuzz(func(t *testing.T, name []byte) {
		want := Other
		for id := Other + 1; id < numIDs; id++ {
			if bytes.EqualFold(name, []byte(names[id])) && isASCII(name) {
				want = id
			}
		}
		if got := Lookup(name); got != want {
			t.Errorf("Lookup(%q) = %v, want %v", name, got, want)
		}
	})
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
