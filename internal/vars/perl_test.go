package vars

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// judge is a Perl program that says for each line "pattern,fold,subject" in
// hexadecimal whether it matches, and what $1 is.
const judge = `while (<STDIN>) { chomp; my ($p, $f, $s) = split /,/; $p = pack "H*", $p; $s = pack "H*", $s;
my $m = $f ? $s =~ /$p/i : $s =~ /$p/; print $m ? "1," . unpack("H*", $1 // "") : "0", "\n" }`

// TestPatternsMatchAsInPerl lets Perl, on bytes, judge what the engines do: PCRE is
// Perl's language, and nginx hands it bytes.
func TestPatternsMatchAsInPerl(t *testing.T) {
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Skip("perl is not installed")
	}
	patterns := []string{`\.php$`, `\.(gif|jpe?g|png)$`, `^/api/`, `^/app/(.*)$`, `^/a/(.*)\.html$`, `^/a/(.*?)\.html`, `(a|ab)(c|bcd)`,
		`^(?!/a)`, `(?<=/a)/(\w+)`, `^/(\w+)/\1`, `^(?>/a+)(.)`, `/a*+(b)`, `^[^/]*/([^/]+)`, `(?i)API/(x)?`, `^(.*)\n`, `(.*)$`, `^/(.+\.php)(/.*)$`,
		`[\x80-\xff]+`, `^/[[:digit:]]+(?=/)`, `a{2}`, `a{2,}`, `^\/a\/`, `\bfoo\b`, `[\w.-]+@`, `^$`, `^[\x41-\x7a]+$`, `^[a-\x7a-]+$`, `[\w-c]+`, `[\d-\.]+`, `(^/a|b$)`, `\d{1,3}\.(\d+)`,
		`^(?:/x|)(/a)`, `(?s)a.b`, `(?m)^b`, `\Aab|\z`, `[]]`, `[^]]+`, `(?'n'a)\k<n>`, `(?P<n>a)(?P=n)`, `(/)(?:a|b)+?`, `(?#c)a`}
	subjects := []string{"", "\n", "/", "/a", "/a/", "/a/b.html", "/a/b.html.html", "/api/x", "/API/x", "/app/x/y\n", "/x.php", "/x.PHP", "/x.php\n", "/x.php\n\n",
		"/x.php/info", "/pic.jpeg", "/pic.jpegg", "abcd", "/aa/aa", "/aaab", "/12/3", "10.0.0.1", "foo bar", "a\nb", "\xff\x80", "\xc3\xa9", "me.x@y", "a{,2}", "aa", "b]", "a.b", "axb"}
	var in strings.Builder
	each := func(do func(p string, fold int)) {
		for _, p := range patterns {
			do(p, 0)
			do(p, 1)
		}
	}
	each(func(p string, fold int) {
		for _, s := range subjects {
			fmt.Fprintf(&in, "%x,%d,%x\n", p, fold, s)
		}
	})
	cmd := exec.Command(perl, "-e", judge)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(out), "\n")
	each(func(p string, fold int) {
		tb := table(t)
		x := pattern(t, tb, p, fold == 1)
		v := compile(t, tb, "$1")
		if err := tb.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, s := range subjects {
			got := "0"
			if r := (&request{slots: make([]Slot, tb.Slots())}); x.Match(r, []byte(s)) {
				got = fmt.Sprintf("1,%x", v.Eval(r))
			}
			if got != want[0] {
				t.Errorf("%s on %q (fold %d): %s, Perl says %s", p, s, fold, got, want[0])
			}
			want = want[1:]
		}
	})
}
