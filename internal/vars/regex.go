package vars

import (
	"regexp"
)

// Regex is a compiled pattern of the configuration.
type Regex[R Env] struct {
	source string
	std    *regexp.Regexp
	fold   bool
	groups int
}

// CompileRegex compiles a PCRE pattern (fold: "~*").
func (t *Table[R]) CompileRegex(pattern string, fold bool) (*Regex[R], error) {
	p := pattern
	if fold {
		p = "(?i)" + p
	}
	re, err := regexp.Compile(p)
	if err != nil {
		return nil, err
	}
	x := &Regex[R]{source: pattern, std: re, fold: fold, groups: re.NumSubexp()}
	t.regexes = append(t.regexes, x)
	return x, nil
}

func (x *Regex[R]) finish(numbered bool) {}

// String returns the pattern as it was written.
func (x *Regex[R]) String() string { return x.source }

// Groups returns how many capture groups the pattern has.
func (x *Regex[R]) Groups() int { return x.groups }

// Match reports whether subject matches and, if so, sets the captures in r.
func (x *Regex[R]) Match(r R, subject []byte) bool { return x.std.Match(subject) }

// MatchOnly reports whether subject matches, and sets nothing.
func (x *Regex[R]) MatchOnly(subject []byte) bool { return x.std.Match(subject) }
