package mapping

import (
	"strings"
	"testing"

	"hearth/internal/core"
)

// A table of one name finds what the name stands for, and nothing else.
func FuzzHostNames(f *testing.F) {
	for _, s := range []string{"example.com", "*.example.com", ".example.com", "www.example.*", "*", "a..b", "", "."} {
		f.Add(s, "www.example.com")
		f.Add(s, "example.com")
	}
	f.Fuzz(func(t *testing.T, name, host string) {
		var hosts table
		v := new(core.Value)
		if hosts.addHost(name, v) != nil {
			return
		}
		name, lower := strings.ToLower(name), strings.ToLower(host)
		want := lower == name
		switch {
		case len(name) > 1 && name[0] == '.':
			want = lower == name[1:] || strings.HasSuffix(lower, name)
		case len(name) > 2 && strings.HasPrefix(name, "*."):
			want = strings.HasSuffix(lower, name[1:])
		case len(name) > 2 && strings.HasSuffix(name, ".*"):
			want = strings.HasPrefix(lower, name[:len(name)-1])
		}
		if len(lower) != len(host) {
			return // folding beyond ASCII
		}
		if got := hosts.find([]byte(host)) == v; got != want {
			t.Errorf("name %q, host %q: found %v, want %v", name, host, got, want)
		}
	})
}
