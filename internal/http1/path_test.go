package http1

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNormalizePath(t *testing.T) {
	for _, c := range []struct {
		in, merged, kept string // "" = refused
	}{
		{"/", "/", "/"},
		{"/a/b.c/..d/e..", "/a/b.c/..d/e..", "/a/b.c/..d/e.."},
		{"/a/./b", "/a/b", "/a/b"},
		{"/a/../b", "/b", "/b"},
		{"/a/b/..", "/a/", "/a/"},
		{"/a/b/.", "/a/b/", "/a/b/"},
		{"/..", "", ""},
		{"/../a", "", ""},
		{"/a/../../b", "", ""},
		{"/%2e%2E/a", "", ""},
		{"/a%2f..%2fb", "/b", "/b"},
		{"//a///b", "/a/b", "//a///b"},
		{"/a//../b", "/b", "/a/b"},
		{"//..", "", "/"},
		{"/%41%20%c3%a4", "/A \xc3\xa4", "/A \xc3\xa4"},
		{"/%2541", "/%41", "/%41"},
		{"/%3fa?b", "/?a", "/?a"},
		{"/a/..#b", "/", "/"},
		{"/a%0a", "/a\n", "/a\n"},
		{"/a%00", "", ""},
		{"/a\x00", "", ""},
		{"/a%", "", ""},
		{"/a%4", "", ""},
		{"/a%4x", "", ""},
		{"/a%?b", "", ""},
	} {
		for merge, want := range map[bool]string{true: c.merged, false: c.kept} {
			got, changed, err := NormalizePath([]byte("kept"), []byte(c.in), merge)
			if (err != nil) != (want == "") || string(got) != want {
				t.Errorf("%q, merging %v: %q, %v; want %q", c.in, merge, got, err, want)
			}
			if err == nil && !changed && want != c.in {
				t.Errorf("%q, merging %v: not changed", c.in, merge)
			}
		}
	}
}

// TestPathsAsDebiansNginx compares paths put together at random, always the same ones, from
// what paths can go wrong on.
func TestPathsAsDebiansNginx(t *testing.T) {
	n := startNginx(t)
	parts := []string{"/", "/", "//", ".", "..", "/.", "/..", "/../", "a", "b%20", "%2e", "%2F", "%2f%2e.", "%25", "%23", "%3f", "%4", "#"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		var path strings.Builder
		path.WriteByte('/')
		for range 1 + random.IntN(7) {
			path.WriteString(parts[random.IntN(len(parts))])
		}
		for server, merge := range map[string]bool{"http": true, "slashes": false} {
			status, body, _ := n.ask(t, server, "GET "+path.String()+" HTTP/1.0\r\nHost: h\r\n\r\n")
			got, _, err := NormalizePath(nil, []byte(path.String()), merge)
			if (err != nil) != (status == 400) {
				t.Errorf("%s, merging %v: %v, nginx answers %d", &path, merge, err, status)
			} else if want := strings.Split(body, "|"); err == nil && string(got) != want[2] {
				t.Errorf("%s, merging %v: %q, nginx makes it %q", &path, merge, got, want[2])
			}
		}
	}
}
