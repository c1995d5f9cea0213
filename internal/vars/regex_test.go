package vars

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestPatternsMatch(t *testing.T) {
	tests := []struct {
		pattern string
		fold    bool
		yes, no []string
	}{
		{`\.php$`, false, []string{"/a.php", ".php", "/a.php\n"}, []string{"/a.phpx", "/a.PHP", "/aphp", "/a.php\n\n"}},
		{`\.(gif|jpe?g|png)$`, false, []string{"/a.gif", "/a.jpg", "/a.jpeg"}, []string{"/a.gi", "/a.jpeeg", "/a.png/"}},
		{`\.(gif|jpe?g|png)$`, true, []string{"/a.GIF", "/a.Jpeg", "/a.png"}, []string{"/a.gi", "gif"}},
		{`^/api/`, false, []string{"/api/", "/api/x"}, []string{"/Api/x", "/x/api/", "/api"}},
		{`^/api/`, true, []string{"/API/", "/Api/x\n"}, []string{"/x/api/"}},
		{`^/(a|b)/x`, false, []string{"/a/x", "/b/xy"}, []string{"/c/x"}},
		{`^/exact$`, false, []string{"/exact", "/exact\n"}, []string{"/exact/", "x/exact"}},
		{`admin`, false, []string{"/admin", "an admin here"}, []string{"/Admin"}},
		{`ADMIN`, true, []string{"/admin", "/AdMiN/x"}, []string{"/adm"}},
		{`\/\.git`, false, []string{"/.git", "/x/.git/config"}, []string{"/xgit"}},
		{`^.*$`, false, []string{"", "abc"}, nil},
		{`^$`, false, []string{"", "\n"}, []string{"a"}},
		{`^/a.*b$`, false, []string{"/ab", "/axxb"}, []string{"/a\nb", "/ax"}},
		{`^/a.b$`, false, []string{"/a\xffb", "/a/b"}, []string{"/ab"}},
		{`^/\d+\.(html?|txt)$`, false, []string{"/12.htm", "/1.html"}, []string{"/a.html"}},
		{`(?i)^/x[a-c]$`, false, []string{"/XA", "/xb"}, []string{"/xd"}},
		{`[K]el`, true, []string{"kel", "KEL"}, []string{"el"}},
		{`^/(?!admin)`, false, []string{"/x", "/"}, []string{"/admin", "/administrator"}},
		{`(?<=/a)/b`, false, []string{"/a/b"}, []string{"/c/b"}},
		{`^(.)\1$`, false, []string{"aa", "\xff\xff"}, []string{"ab"}},
		{`^(?<q>["'])x(?P=q)$`, false, []string{`"x"`}, []string{`"x'`}},
		{`^a++b`, false, []string{"aab"}, []string{"b"}},
		{`^(?>a+)ab`, false, nil, []string{"aaab"}},
		{`^\xff+$`, false, []string{"\xff\xff"}, []string{"\u00ff"}},
		{`^[\x80-\xff]$`, false, []string{"\x80", "\xc3"}, []string{"\u00e9", "a"}},
		{"^\xe9$", false, []string{"\xe9"}, []string{"\u00e9"}},
		{`^(?!x)[[:alpha:]_]\w+$`, false, []string{"ab1", "_z"}, []string{"xa", "1a", "a\xe9"}},
		{`^(?=.)[]a]+$`, false, []string{"]a]"}, []string{"b"}},
		{`^[]a]+$`, false, []string{"]a]"}, []string{"b"}},
		{`^[^]]$`, false, []string{"a"}, []string{"]"}},
		{`^[a[]$`, false, []string{"a", "["}, []string{"]"}},
		{`^\Qa.b\E$`, false, []string{"a.b"}, []string{"axb"}},
		{`^a(?#why)b$`, false, []string{"ab"}, []string{"a"}},
		{`^a\hb$`, false, []string{"a b", "a\tb"}, []string{"ab"}},
		{`(?x) ^ a b $ # two letters`, false, []string{"ab"}, []string{"a b"}},
		{`(*UTF8)^\Na$`, false, []string{"xa", "\u00e9a"}, []string{"\na"}},
		{`^[\w-.]+$`, false, []string{"a-.b"}, []string{"a/"}},
		{`^(?=.)[\w-[]+$`, false, []string{"a-[b"}, []string{"]"}},
		{`^[a-c-e]+$`, false, []string{"b-e"}, []string{"d"}},
		{`^a{2,3}$`, false, []string{"aa", "aaa"}, []string{"a", "aaaa"}},
		{`^a{,2}$`, false, []string{"a{,2}"}, []string{"a"}},
		{`^a{$`, false, []string{"a{"}, []string{"a"}},
		{`^.{1500}$`, false, []string{strings.Repeat("x", 1500)}, []string{"x"}},
		{`^(?:www\.)?example\.com$`, false, []string{"example.com", "www.example.com"}, []string{"wwwexample.com"}},
	}
	for _, tt := range tests {
		tb := table(t)
		x := pattern(t, tb, tt.pattern, tt.fold)
		r := start(t, tb)
		for _, s := range tt.yes {
			if !x.Match(r, []byte(s)) || !x.MatchOnly([]byte(s)) {
				t.Errorf("%s does not match %q", tt.pattern, s)
			}
		}
		for _, s := range tt.no {
			if x.Match(r, []byte(s)) || x.MatchOnly([]byte(s)) {
				t.Errorf("%s matches %q", tt.pattern, s)
			}
		}
	}
}

func TestWhichPatternsNeedNoEngine(t *testing.T) {
	tests := []struct {
		pattern string
		plain   bool
	}{
		{`\.php$`, true},
		{`\.(gif|jpe?g|png)$`, true},
		{`^/api/`, true},
		{`^/(a|b|c)/`, true},
		{`^/app/(.*)$`, true},
		{`^/app/(.*)`, true},
		{`^/a/(.*)\.html$`, true},
		{`^(?:www\.)?example\.com$`, true},
		{`/\.ht`, true},
		{`^/v[0-9]/`, true},
		{`^/v\d+/`, false},
		{`^/(.+)$`, false},
		{`^/a/(.*)/(.*)$`, false},
		{`^(\w+)$`, false},
		{`a|^b`, false},
	}
	for _, tt := range tests {
		for _, fold := range []bool{false, true} {
			x := pattern(t, table(t), tt.pattern, fold)
			if got := x.plain != nil; got != tt.plain {
				t.Errorf("%s (fold %v): plain %v, want %v", tt.pattern, fold, got, tt.plain)
			}
		}
	}
}

func TestCaptures(t *testing.T) {
	tests := []struct {
		pattern, subject string
		want             string // $1|$2|$n
	}{
		{`^/app/(.*)$`, "/app/x/y", "x/y||"},
		{`^/app/(.*)`, "/app/", "||"},
		{`^/app/(.*)$`, "/app/x\n", "x||"},
		{`^/a/(.*)\.html$`, "/a/b.html", "b||"},
		{`^/(\w+)/(\w+)`, "/one/two/three", "one|two|"},
		{`^/(?<n>\w+)/(\w+)`, "/one/two", "one|two|one"},
		{`^/(?P<n>\w+)\.(gif|png)$`, "/pic.png", "pic|png|pic"},
		{`^/(x)?(y)`, "/y", "|y|"},
		{`^/(?!z)(?<n>\w+)-(\w+)`, "/one-two", "one|two|one"},
		{`^/(\w+)-(?<n>x)?(?=y)`, "/a-y", "a||"},
		{`\.(gif|jpg)$`, "/x.jpg", "jpg||"},
		{`(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(?<n>k)`, "abcdefghijk", "a|b|k"},
	}
	for _, tt := range tests {
		tb := table(t)
		x := pattern(t, tb, tt.pattern, false)
		if _, err := tb.Define("n"); err != nil {
			t.Fatal(err)
		}
		v := compile(t, tb, "$1|$2|$n")
		r := start(t, tb)
		if !x.Match(r, []byte(tt.subject)) {
			t.Errorf("%s does not match %q", tt.pattern, tt.subject)
		}
		if got := string(v.Eval(r)); got != tt.want {
			t.Errorf("%s on %q captures %q, want %q", tt.pattern, tt.subject, got, tt.want)
		}
	}
}

func TestALaterMatchReplacesTheCaptures(t *testing.T) {
	tb := table(t)
	groups, bare := pattern(t, tb, `^/(\w+)`, false), pattern(t, tb, `^/`, false)
	v := compile(t, tb, "$1")
	r := start(t, tb)
	groups.Match(r, []byte("/one"))
	if groups.Match(r, []byte("two")) || string(v.Eval(r)) != "one" {
		t.Errorf("a failed match left %q, want one", v.Eval(r))
	}
	if !bare.Match(r, []byte("/x")) || string(v.Eval(r)) != "" {
		t.Errorf("a match without groups left %q, want nothing", v.Eval(r))
	}
}

func TestNoCaptureIsTakenThatNobodyReads(t *testing.T) {
	tb := table(t)
	x := pattern(t, tb, `^/(\w+)/(?<n>\w+)`, false)
	r := start(t, tb)
	if !x.only || !x.Match(r, []byte("/a/b")) || r.captures.n != 0 {
		t.Error("captures were taken")
	}

	tb = table(t)
	x = pattern(t, tb, `^/(\w+)/(?<n>\w+)`, false)
	compile(t, tb, "$n")
	start(t, tb)
	if x.only {
		t.Error("the named capture is read and not taken")
	}
}

func TestAMatchThatTakesTooLongIsGivenUp(t *testing.T) {
	tb := table(t)
	x := pattern(t, tb, `^(?!x)(a+)+$`, false)
	var failed string
	tb.MatchFailed = func(_ *request, pattern string, err error) { failed = pattern }
	if x.Match(start(t, tb), []byte(strings.Repeat("a", 64)+"b")) {
		t.Error("it matches")
	}
	if failed != x.String() {
		t.Errorf("reported %q", failed)
	}
}

// patternErrors are what nginx says, linked with PCRE2 10.42.
var patternErrors = []struct{ pattern, want string }{
	{`(`, `missing closing parenthesis in "("`},
	{`^(x$`, `missing closing parenthesis in "^(x$"`},
	{`(?<n>x`, `missing closing parenthesis in "(?<n>x"`},
	{`a)`, `unmatched closing parenthesis in "a)" at ")"`},
	{`a[`, `missing terminating ] for character class in "a["`},
	{`[]a`, `missing terminating ] for character class in "[]a"`},
	{`[z-a]`, `range out of order in character class in "[z-a]" at "a]"`},
	{`[[:foo:]]`, `unknown POSIX class name in "[[:foo:]]" at "foo:]]"`},
	{`*`, `quantifier does not follow a repeatable item in "*" at "*"`},
	{`(+a)`, `quantifier does not follow a repeatable item in "(+a)" at "+a)"`},
	{`a|?`, `quantifier does not follow a repeatable item in "a|?" at "?"`},
	{`a**`, `quantifier does not follow a repeatable item in "a**" at "*"`},
	{`x{2,1}`, `numbers out of order in {} quantifier in "x{2,1}" at "}"`},
	{`\2(a)`, `reference to non-existent subpattern in "\2(a)" at "2(a)"`},
	{`(?Zb)`, `unrecognized character after (? or (?- in "(?Zb)" at "Zb)"`},
	{`(?<1a>x)`, `subpattern name must start with a non-digit in "(?<1a>x)" at "1a>x)"`},
	{`(?<a-b>x)`, `syntax error in subpattern name (missing terminator?) in "(?<a-b>x)" at "-b>x)"`},
	{`(?<>x)`, `subpattern name expected in "(?<>x)" at ">x)"`},
	{`(?<n>b)(?<n>c)`, `two named subpatterns have the same name (PCRE2_DUPNAMES not set) in "(?<n>b)(?<n>c)" at "c)"`},
	{`a(?#b`, `missing ) after (?# comment in "a(?#b"`},
	{`a(?i`, `missing closing parenthesis in "a(?i"`},
}

func TestWhatIsNotSupportedSaysSo(t *testing.T) {
	for _, p := range []string{`a\Kb`, `(?|(a)|(b))`, `(?R)`, `(a)(?1)`, `a\Xb`, `(?<n>a)(?P>n)`, `\g1(a)`, `(*ACCEPT)a`, `[[:^alpha:]](?=x)`} {
		if _, err := table(t).CompileRegex(p, false); err == nil || !strings.Contains(err.Error(), "is not supported by hearth in \""+p) {
			t.Errorf("%s: error %v", p, err)
		}
	}
}

func TestErrorsOfPatterns(t *testing.T) {
	for _, tt := range patternErrors {
		want := "pcre2_compile() failed: " + tt.want
		if _, err := table(t).CompileRegex(tt.pattern, false); err == nil || err.Error() != want {
			t.Errorf("%s: error %v\nwant %s", tt.pattern, err, want)
		}
	}
	_, err := table(t).CompileRegex(`a\`, false)
	if want := `pcre2_compile() failed: \ at end of pattern in "a\"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestErrorsAreNginx has nginx itself say what the tables above claim.
func TestErrorsAreNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	check := func(server, want string) {
		dir := t.TempDir()
		file := filepath.Join(dir, "c.conf")
		conf := fmt.Sprintf("events{}\nhttp {\nmap $uri $n { default 1; }\nserver { %s }\n}\n", server)
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(nginx, "-t", "-q", "-p", dir, "-e", "stderr", "-c", file).CombinedOutput()
		if got := string(out); !strings.Contains(got, ": "+want+" in "+file) && !strings.Contains(got, ": "+want+"\n") {
			t.Errorf("%s: nginx says %s\nwant %s", server, got, want)
		}
	}
	for _, tt := range valueErrors {
		check(`return 200 "`+strings.ReplaceAll(tt.source, "$host", "$uri")+`";`, tt.want)
	}
	for _, tt := range patternErrors {
		check(`location ~ "`+strings.ReplaceAll(tt.pattern, `\`, `\\`)+`" {}`, "pcre2_compile() failed: "+tt.want)
	}
}

// FuzzRegex: the compares of a plain pattern and its engine agree, and nothing panics.
func FuzzRegex(f *testing.F) {
	f.Add(`^/a/(.*)\.x$`, "/a/b.x", true)
	f.Add(`\.(gif|jpe?g)$`, "/x.JPG", true)
	f.Add(`^/[kK]$`, "/k", false)
	for _, tt := range patternErrors {
		f.Add(tt.pattern, "x", false)
	}
	f.Fuzz(func(t *testing.T, pattern, subject string, fold bool) {
		tb := table(t)
		x, err := tb.CompileRegex(pattern, fold)
		if err != nil {
			return
		}
		v := compile(t, tb, "$1")
		r := start(t, tb)
		got := x.Match(r, []byte(subject))
		first := string(v.Eval(r))
		if x.plain == nil || strings.Contains(subject, "\n") || !ascii(subject) {
			return
		}
		x.plain = nil
		r = &request{slots: make([]Slot, tb.Slots())}
		if want := x.Match(r, []byte(subject)); got != want || string(v.Eval(r)) != first {
			t.Fatalf("%q on %q (fold %v): compares say %v %q, the engine %v %q", pattern, subject, fold, got, first, want, v.Eval(r))
		}
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func BenchmarkMatch(b *testing.B) {
	for _, p := range []string{`\.(gif|jpe?g|png)$`, `^/api/(.*)$`, `^/(\w+)/(\w+)$`, `^/(?!x)(\w+)`} {
		b.Run(p, func(b *testing.B) {
			tb := table(b)
			x := pattern(b, tb, p, false)
			compile(b, tb, "$1")
			r := start(b, tb)
			subject := []byte("/api/something")
			b.ReportAllocs()
			for b.Loop() {
				x.Match(r, subject)
			}
		})
	}
}
