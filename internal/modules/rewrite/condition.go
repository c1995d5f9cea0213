package rewrite

import (
	"bytes"
	"errors"
	"strings"
	"syscall"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// condition is what stands between the parentheses of an `if`.
type condition interface {
	holds(r *core.Request, log bool) bool
}

// parseCondition takes the arguments of `if`. The parentheses may stand apart or be part of words.
func parseCondition(c *conf.Cursor, args []string) (condition, error) {
	first, last := args[0], args[len(args)-1]
	if !strings.HasPrefix(first, "(") {
		return nil, invalid(c, first)
	}
	words := append([]string{}, args...)
	if first == "(" {
		words = words[1:]
	} else {
		words[0] = first[1:]
	}
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	if !strings.HasSuffix(last, ")") {
		return nil, invalid(c, last)
	}
	if words[len(words)-1] = last[:len(last)-1]; last == ")" {
		words = words[:len(words)-1]
	}
	switch {
	case len(words) == 0: // nginx reads on into the parenthesis
		return nil, invalid(c, last)
	case len(words[0]) > 1 && words[0][0] == '$':
		return parseComparison(c, words)
	case len(words[0]) == 2 && words[0][0] == '-', len(words[0]) == 3 && words[0][:2] == "!-":
		return parseFileTest(c, words)
	}
	return nil, invalid(c, words[0])
}

func invalid(c *conf.Cursor, word string) error { return c.Errorf("invalid condition \"%s\"", word) }

// parseComparison reads `$variable`, or `$variable operator value`.
func parseComparison(c *conf.Cursor, words []string) (condition, error) {
	if len(words) != 1 && len(words) != 3 {
		return nil, invalid(c, words[0])
	}
	subject := core.VarsOf(c.In()).Ref(words[0][1:])
	if len(words) == 1 {
		return isTrue{subject}, nil
	}
	operator, value := words[1], words[2]
	switch operator {
	case "=", "!=":
		v, err := core.CompileValue(c, value)
		return equals{subject, v, operator == "!="}, err
	case "~", "~*", "!~", "!~*":
		re, err := core.CompileRegex(c, value, strings.HasSuffix(operator, "*"))
		return matches{subject, re, operator[0] == '!'}, err
	}
	return nil, c.Errorf("unexpected \"%s\" in condition", operator)
}

// isTrue is `$variable`: neither empty nor "0".
type isTrue struct{ subject *core.Ref }

func (x isTrue) holds(r *core.Request, _ bool) bool {
	v, _ := x.subject.Get(r)
	return len(v) > 0 && (len(v) != 1 || v[0] != '0')
}

// equals is = and !=.
type equals struct {
	subject *core.Ref
	value   *core.Value
	not     bool
}

func (x equals) holds(r *core.Request, _ bool) bool {
	v, _ := x.subject.Get(r)
	return bytes.Equal(v, x.value.Eval(r)) != x.not
}

// matches is ~, ~*, !~ and !~*.
type matches struct {
	subject *core.Ref
	regex   *core.Regex
	not     bool
}

func (x matches) holds(r *core.Request, log bool) bool {
	v, _ := x.subject.Get(r)
	return match(r, x.regex, v, log) != x.not
}

// parseFileTest reads `-f path` and the like.
func parseFileTest(c *conf.Cursor, words []string) (condition, error) {
	if len(words) != 2 {
		return nil, invalid(c, words[0])
	}
	path, err := core.CompileValue(c, words[1])
	if err != nil {
		return nil, err
	}
	operator, not := strings.CutPrefix(words[0], "!")
	switch operator[1] {
	case 'f', 'd', 'e', 'x':
		return fileTest{operator[1], path, not}, nil
	}
	return nil, invalid(c, words[0])
}

// fileTest is -f, -d, -e, -x, and each with "!".
type fileTest struct {
	kind byte
	path *core.Value
	not  bool
}

func (x fileTest) holds(r *core.Request, _ bool) bool {
	path := x.path.Eval(r)
	var st syscall.Stat_t
	if err := stat(path, &st); err != nil {
		if !errors.Is(err, syscall.ENOENT) && err != syscall.ENOTDIR && err != syscall.ENAMETOOLONG {
			r.ErrorErr(logs.Crit, err, "stat() \"%s\" failed", path)
		}
		return x.not
	}
	kind := st.Mode & syscall.S_IFMT
	found := false
	switch x.kind {
	case 'f':
		found = kind == syscall.S_IFREG
	case 'd':
		found = kind == syscall.S_IFDIR
	case 'e':
		found = kind == syscall.S_IFREG || kind == syscall.S_IFDIR
	case 'x':
		found = st.Mode&syscall.S_IXUSR != 0
	}
	return found != x.not
}

// stat is stat(2), for a path of the request. A path with a zero byte in it is cut there, as in C.
func stat(path []byte, st *syscall.Stat_t) error {
	path, _, _ = bytes.Cut(path, []byte{0})
	return syscall.Stat(text.String(path), st)
}
