package vars

import (
	"errors"
	"fmt"
)

// Value is a configuration value with variables in it, compiled.
type Value[R Env] struct {
	source  string
	literal []byte    // the whole value, when parts is empty
	parts   []part[R] // at least one of them dynamic
}

// part is one piece of a value: a literal, a variable, or a capture.
type part[R Env] struct {
	literal []byte
	ref     *Ref[R]
	capture int // $capture when ref is nil and this is not 0
}

func (p *part[R]) get(r R) ([]byte, bool) {
	switch {
	case p.ref != nil:
		return p.ref.Get(r)
	case p.capture != 0:
		return r.Captures().Get(p.capture)
	}
	return p.literal, true
}

func (p *part[R]) dynamic() bool { return p.ref != nil || p.capture != 0 }

// errName is nginx's complaint about "$" that no name follows.
var errName = errors.New("invalid variable name")

// Compile compiles s: literals, $name, ${name} and $1 to $9. There is no escape
// for "$". The source is kept, the variables are resolved by Finish.
func (t *Table[R]) Compile(s string) (*Value[R], error) {
	return t.compile(s, true)
}

// CompileFormat compiles s as log_format does: $1 is not a capture but the name
// of a variable, which nobody has.
func (t *Table[R]) CompileFormat(s string) (*Value[R], error) {
	v, err := t.compile(s, false)
	if errors.Is(err, errName) {
		err = fmt.Errorf(`invalid parameter "%s"`, s[badName(s):])
	}
	return v, err
}

// badName is where the "$" stands that no name follows.
func badName(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] != '$' {
			continue
		}
		_, n, err := scanName(s[i+1:])
		if errors.Is(err, errName) {
			return i
		}
		i += n
	}
	return 0
}

func (t *Table[R]) compile(s string, captures bool) (*Value[R], error) {
	v := &Value[R]{source: s}
	for i := 0; i < len(s); {
		if s[i] != '$' {
			j := i
			for j < len(s) && s[j] != '$' {
				j++
			}
			v.parts = append(v.parts, part[R]{literal: []byte(s[i:j])})
			i = j
			continue
		}
		i++
		if captures && i < len(s) && s[i] >= '1' && s[i] <= '9' {
			v.parts = append(v.parts, part[R]{capture: int(s[i] - '0')})
			t.numbered = true
			i++
			continue
		}
		name, n, err := scanName(s[i:])
		if err != nil {
			return nil, err
		}
		v.parts = append(v.parts, part[R]{ref: t.Ref(name)})
		i += n
	}
	switch {
	case len(v.parts) == 0:
		v.literal = []byte{}
	case len(v.parts) == 1 && !v.parts[0].dynamic():
		v.literal, v.parts = v.parts[0].literal, nil
	}
	return v, nil
}

// scanName reads a variable's name after its "$" and says how far it reached.
func scanName(s string) (name string, n int, err error) {
	bracket := len(s) > 0 && s[0] == '{'
	from := 0
	if bracket {
		from = 1
	}
	to := from
	for to < len(s) && nameByte(s[to]) {
		to++
	}
	name, n = s[from:to], to
	if bracket {
		if len(s) == 1 {
			return "", 0, errName
		}
		if to == len(s) || s[to] != '}' {
			return "", 0, fmt.Errorf(`the closing bracket in "%s" variable is missing`, name)
		}
		n++
	}
	if name == "" {
		return "", 0, errName
	}
	return name, n, nil
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// Literal returns the value when it holds no variable.
func (v *Value[R]) Literal() (string, bool) {
	if len(v.parts) > 0 {
		return "", false
	}
	return v.source, true
}

// Empty reports whether the value is the empty literal.
func (v *Value[R]) Empty() bool { return v.source == "" }

// String returns the value as it was written.
func (v *Value[R]) String() string { return v.source }

// Uses reports whether the value reads the named variable.
func (v *Value[R]) Uses(name string) bool {
	for i := range v.parts {
		if f := v.parts[i].ref; f != nil && f.name == name {
			return true
		}
	}
	return false
}

// Eval returns the value in r. What is not found counts as empty. A literal and a
// single variable are returned as they are, without a copy; anything else is put
// together in the request's arena. The bytes must not be changed.
func (v *Value[R]) Eval(r R) []byte {
	switch len(v.parts) {
	case 0:
		return v.literal
	case 1:
		b, _ := v.parts[0].get(r)
		return b
	}
	var few [12][]byte // on the stack; longer values than this are rare
	pieces := few[:0]
	if len(v.parts) > len(few) {
		pieces = make([][]byte, 0, len(v.parts))
	}
	n := 0
	for i := range v.parts {
		b, _ := v.parts[i].get(r)
		pieces = append(pieces, b)
		n += len(b)
	}
	if n == 0 {
		return nil
	}
	dst := r.Alloc(n)[:0:n]
	for _, b := range pieces {
		dst = append(dst, b...)
	}
	return dst
}

// Append appends the value in r to dst.
func (v *Value[R]) Append(dst []byte, r R) []byte {
	if len(v.parts) == 0 {
		return append(dst, v.literal...)
	}
	for i := range v.parts {
		b, _ := v.parts[i].get(r)
		dst = append(dst, b...)
	}
	return dst
}

// Kind says where a piece of a value came from.
type Kind uint8

const (
	Literal  Kind = iota // written in the configuration
	Variable             // of a $name
	Missing              // of a $name that is not found
	Captured             // of $1..$9
)

// AppendFunc appends the value in r to dst, each piece through add: log escapes
// apply to variables and not to literals, rewrite's URI escapes only to captures.
// add should be a plain function, so that nothing is allocated.
func (v *Value[R]) AppendFunc(dst []byte, r R, add func(dst, piece []byte, kind Kind) []byte) []byte {
	if len(v.parts) == 0 {
		return add(dst, v.literal, Literal)
	}
	for i := range v.parts {
		p := &v.parts[i]
		b, ok := p.get(r)
		kind := Literal
		switch {
		case p.ref != nil && !ok:
			kind = Missing
		case p.ref != nil:
			kind = Variable
		case p.capture != 0:
			kind = Captured
		}
		dst = add(dst, b, kind)
	}
	return dst
}

// True reports whether the value is neither empty nor "0": what nginx asks of
// `if=` parameters.
func (v *Value[R]) True(r R) bool {
	b := v.Eval(r)
	return len(b) > 0 && (len(b) != 1 || b[0] != '0')
}
