package vars

import (
	"regexp"
	"slices"
	"testing"
)

// raceEnabled: under the race detector a sync.Pool drops things at random.
var raceEnabled bool

// FuzzFinder: a finder finds what package regexp finds.
func FuzzFinder(f *testing.F) {
	for _, p := range []string{`^/(\w+)/(\w+)$`, `(a|ab)(c|bcd)`, `(.*?)(\d+)\b`, `(|a)*(b?)`, `(?i)(k|s)+`, `(a*)*`, `(?m)^(.)$`, `x*`, `(é|.)(\xff?)`, `((a)|b)*`} {
		for _, s := range []string{"", "/one/two", "abcd", "x12 3", "aaab", "\u212aS", "a\nb\n", "\xff\xc3\xa9", "abab"} {
			f.Add(p, s)
		}
	}
	f.Fuzz(func(t *testing.T, expr, subject string) {
		re, err := regexp.Compile(expr)
		if err != nil {
			return
		}
		prog := compileProg(re.String())
		if !fits(prog, len(subject)) {
			return
		}
		var got []int
		var fd finder
		if fd.find(prog, []byte(subject)) {
			got = fd.offsets
		}
		if want := re.FindSubmatchIndex([]byte(subject)); !slices.Equal(got, want) {
			t.Fatalf("%q on %q: %v, package regexp %v", expr, subject, got, want)
		}
	})
}

func TestCapturesAreNotAllocated(t *testing.T) {
	tb := table(t)
	x := pattern(t, tb, `^/(\w+)/(?<n>\w+)$`, false)
	compile(t, tb, "$1$n")
	r := start(t, tb)
	subject := []byte("/one/two")
	if n := testing.AllocsPerRun(100, func() { x.Match(r, subject) }); n > 0 && !raceEnabled {
		t.Errorf("%v allocations a match", n)
	}
}
