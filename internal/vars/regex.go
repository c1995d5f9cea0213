package vars

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds a match of a pattern that may take exponential time.
const matchTimeout = 100 * time.Millisecond

// Regex is a PCRE pattern of the configuration. It matches with the cheapest
// means that can: byte compares, package regexp (linear time), and only for what that
// refuses (look-around, back-references, possessive quantifiers) regexp2, with a
// time limit.
//
// Differences from PCRE in nginx: under package regexp "." and a class take a
// whole UTF-8 character where nginx takes a byte, and (?i) folds letters beyond ASCII.
type Regex[R Env] struct {
	source string
	table  *Table[R]
	plain  *plain          // nil: needs an engine
	std    *regexp.Regexp  // nil: back is used
	prog   *syntax.Prog    // std's program, to take captures without allocating
	back   *regexp2.Regexp // nil: std is used
	groups int
	named  []namedGroup[R]
	only   bool // no capture is used by anybody: matching is enough
}

type namedGroup[R Env] struct {
	group int
	ref   *Ref[R]
}

// CompileRegex compiles a PCRE pattern; fold is for "~*". Named groups become
// variables. The errors are nginx's: `pcre2_compile() failed: ... in "pattern"`.
func (t *Table[R]) CompileRegex(pattern string, fold bool) (*Regex[R], error) {
	s, fault := scan(pattern)
	if fault != nil {
		return nil, fault.text(pattern)
	}
	x := &Regex[R]{source: pattern, table: t}
	var names []string
	if !x.compileStd(s, fold, &names) {
		if err := x.compileBack(s, fold, &names); err != nil {
			return nil, fmt.Errorf(`pcre2_compile() failed: %w in "%s"`, err, pattern)
		}
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		ref, err := t.Define(name)
		if err != nil {
			return nil, err
		}
		x.named = append(x.named, namedGroup[R]{group: i, ref: ref})
	}
	t.regexes = append(t.regexes, x)
	return x, nil
}

func (x *Regex[R]) compileStd(s *scanner, fold bool, names *[]string) bool {
	if s.bytes || s.loose || !utf8.ValidString(s.src) {
		return false
	}
	flags := syntax.Perl
	if fold {
		flags |= syntax.FoldCase
	}
	tree, err := syntax.Parse(s.std.String(), flags)
	if err != nil {
		return false
	}
	x.plain = plainOf(tree)
	*names = tree.CapNames()
	x.groups = tree.MaxCap()
	x.std, err = regexp.Compile(dollar(tree).String())
	if err != nil {
		return false
	}
	if x.groups > 0 {
		x.prog = compileProg(x.std.String())
	}
	return true
}

// dollar gives "$" PCRE's meaning: the end, or before a line feed at the end. The
// difference decides whether "/x.php%0a" is the business of location ~ \.php$.
func dollar(re *syntax.Regexp) *syntax.Regexp {
	if re.Op == syntax.OpEndText && re.Flags&syntax.WasDollar != 0 {
		feed := &syntax.Regexp{Op: syntax.OpLiteral, Rune: []rune{'\n'}}
		return &syntax.Regexp{Op: syntax.OpConcat, Sub: []*syntax.Regexp{
			{Op: syntax.OpQuest, Sub: []*syntax.Regexp{feed}}, {Op: syntax.OpEndText},
		}}
	}
	for i, sub := range re.Sub {
		re.Sub[i] = dollar(sub)
	}
	return re
}

func (x *Regex[R]) compileBack(s *scanner, fold bool, names *[]string) error {
	if s.stdOnly {
		return errors.New("a negated POSIX class beside look-around is not supported by hearth")
	}
	opts := []regexp2.CompileOption{regexp2.OptionMaintainCaptureOrder()}
	if fold {
		opts = append(opts, regexp2.IgnoreCase)
	}
	re, err := regexp2.Compile(s.net.String(), opts...)
	if err != nil {
		return err
	}
	re.MatchTimeout = matchTimeout
	numbers := re.GetGroupNumbers()
	for _, n := range numbers {
		name := re.GroupNameFromNumber(n)
		if name == fmt.Sprint(n) {
			name = ""
		}
		*names = append(*names, name)
	}
	x.back, x.groups = re, len(numbers)-1
	return nil
}

// finish decides whether captures are ever looked at.
func (x *Regex[R]) finish(numbered bool) {
	used := numbered && x.groups > 0
	for _, g := range x.named {
		used = used || g.ref.used
	}
	x.only = !used
}

// String returns the pattern as it was written.
func (x *Regex[R]) String() string { return x.source }

// Groups returns how many capture groups the pattern has.
func (x *Regex[R]) Groups() int { return x.groups }

// Named reports whether the pattern has named groups.
func (x *Regex[R]) Named() bool { return len(x.named) > 0 }

// Match reports whether subject matches. If it does, $1..$9 and the named groups
// are those of this match, as views of subject, which must live as long as r. If it
// does not, they stay as they were.
func (x *Regex[R]) Match(r R, subject []byte) bool {
	if x.only || x.groups == 0 {
		ok := x.match(r, subject)
		if ok {
			r.Captures().Reset()
		}
		return ok
	}
	if x.plain != nil && bytes.IndexByte(subject, '\n') < 0 {
		if !x.plain.match(subject) {
			return false
		}
		if x.plain.rest {
			from, to := len(x.plain.words[0]), len(subject)-len(x.plain.tail)
			at := [...]int{0, len(subject), from, to}
			x.capture(r, subject, at[:])
			return true
		}
	}
	if x.back != nil {
		return x.matchBack(r, subject)
	}
	return x.matchStd(r, subject)
}

// MatchOnly reports whether subject matches, and sets nothing.
func (x *Regex[R]) MatchOnly(subject []byte) bool {
	var none R
	return x.match(none, subject)
}

func (x *Regex[R]) match(r R, subject []byte) bool {
	if x.plain != nil && bytes.IndexByte(subject, '\n') < 0 {
		return x.plain.match(subject)
	}
	if x.std != nil {
		return x.std.Match(subject)
	}
	a := newAttempt(subject)
	ok, err := x.back.MatchRunes(a.runes)
	attempts.Put(a)
	if err != nil {
		x.failed(r, err)
	}
	return ok
}

func (x *Regex[R]) matchStd(r R, subject []byte) bool {
	if fits(x.prog, len(subject)) {
		f := finders.Get().(*finder)
		ok := f.find(x.prog, subject)
		if ok {
			x.capture(r, subject, f.offsets)
		}
		f.input = nil
		finders.Put(f)
		return ok
	}
	at := x.std.FindSubmatchIndex(subject)
	if at == nil {
		return false
	}
	x.capture(r, subject, at)
	return true
}

func (x *Regex[R]) matchBack(r R, subject []byte) bool {
	a := newAttempt(subject)
	defer attempts.Put(a)
	a.groups = x.groups
	if err := x.back.FindRunesMatches(a.runes, 0, a.found); err != nil {
		x.failed(r, err)
		return false
	}
	if len(a.at) == 0 {
		return false
	}
	x.capture(r, subject, a.at)
	return true
}

func (x *Regex[R]) failed(r R, err error) {
	if x.table.MatchFailed != nil {
		x.table.MatchFailed(r, x.source, err)
	}
}

// capture stores the groups, which are given as pairs of offsets in subject.
func (x *Regex[R]) capture(r R, subject []byte, at []int) {
	c := r.Captures()
	c.subject = subject
	c.n = min(len(at)/2, maxCaptures)
	for i := range 2 * c.n {
		c.at[i] = int32(at[i])
	}
	for _, g := range x.named {
		from, to := at[2*g.group], at[2*g.group+1]
		if from < 0 {
			from, to = 0, 0
		}
		g.ref.Set(r, subject[from:to:to])
	}
}

// attempt is one match by regexp2: the subject as it wants it, a rune for each
// byte, so that any byte can be matched and offsets are those of the subject.
type attempt struct {
	runes  []rune
	groups int
	at     []int                        // offsets of the groups; empty when nothing matched
	found  func(regexp2.MatchView) bool // a.view, made once
}

var attempts = sync.Pool{New: func() any {
	a := &attempt{}
	a.found = a.view
	return a
}}

func newAttempt(subject []byte) *attempt {
	a := attempts.Get().(*attempt)
	a.runes, a.at = a.runes[:0], a.at[:0]
	for _, c := range subject {
		a.runes = append(a.runes, rune(c))
	}
	return a
}

// view takes the offsets of the first match and asks for no more.
func (a *attempt) view(m regexp2.MatchView) bool {
	for i := 0; i <= a.groups; i++ {
		from, n, ok := m.GroupRange(i)
		if !ok {
			from, n = -1, 0
		}
		a.at = append(a.at, from, from+n)
	}
	return false
}
