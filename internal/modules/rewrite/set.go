package rewrite

import (
	"bytes"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
	"hearth/internal/vars"
)

// setRule is `set $variable value`.
type setRule struct {
	to    *core.Ref
	value *core.Value
	takes bool // captures
}

func setSet(c *conf.Cursor, b *conf.Block, s *settings, args []string) error {
	if args[0] == "" || args[0][0] != '$' {
		return c.Errorf("invalid variable name \"%s\"", args[0])
	}
	ref, err := core.VarsOf(b).DefineSet(args[0][1:])
	if err != nil {
		return c.Errorf("%s", err)
	}
	v, err := core.CompileValue(c, args[1])
	if err != nil {
		return err
	}
	s.rules = append(s.rules, &setRule{to: ref, value: v, takes: takesCaptures(args[1])})
	return nil
}

func (x *setRule) apply(r *core.Request, s state) state {
	if x.takes && s.escape && escapedURI(r) {
		x.to.Set(r, build(r, addEscaped, x.value))
	} else {
		x.to.Set(r, x.value.Eval(r))
	}
	return s
}

// takesCaptures tells whether a value has $1..$9 in it.
func takesCaptures(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '$' && s[i+1] >= '1' && s[i+1] <= '9' {
			return true
		}
	}
	return false
}

// escapedURI tells whether the path was sent with %XX or "+" in it: only then captures need to be escaped again.
func escapedURI(r *core.Request) bool { return bytes.ContainsAny(r.Head.Path, "%+") }

// adder is what pieces of a value are put together by.
type adder func(dst, piece []byte, kind vars.Kind) []byte

func addPlain(dst, piece []byte, _ vars.Kind) []byte { return append(dst, piece...) }

func addEscaped(dst, piece []byte, kind vars.Kind) []byte {
	if kind == vars.Captured {
		return text.AppendEscapeArgs(dst, piece)
	}
	return append(dst, piece...)
}

// scratch is memory for values whose length is not known before, kept for the next request.
type scratch struct{ buf []byte }

// Reset keeps the memory.
func (s *scratch) Reset() {}

var scratches = core.NewLastingState[scratch]()

// build is a value put together by add, in the request's memory.
func build(r *core.Request, add adder, v *core.Value) []byte {
	b := scratches.Of(r)
	b.buf = v.AppendFunc(b.buf[:0], r, add)
	return r.Copy(b.buf)
}
