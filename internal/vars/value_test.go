package vars

import (
	"strings"
	"testing"
)

func TestValuesArePutTogether(t *testing.T) {
	tests := []struct{ source, want string }{
		{"", ""},
		{"plain text", "plain text"},
		{"$host", "example.com"},
		{"${host}", "example.com"},
		{"http://$host$uri", "http://example.com/a/b"},
		{"${host}x", "example.comx"},
		{"a-$host-b", "a-example.com-b"},
		{"[$missing]", "[]"},
		{"$missing", ""},
		{"$http_x_y", "h:x_y"},
		{"$arg_q", "a:q"},
		{"$1.$2.$3", "one.two."},
		{"$10", "one0"},
		{"$uri?$host&$uri&$host&$uri&$host&$uri&$host", "/a/b?example.com&/a/b&example.com&/a/b&example.com&/a/b&example.com"},
	}
	for _, tt := range tests {
		tb := table(t)
		v := compile(t, tb, tt.source)
		x := pattern(t, tb, "(o.*e)-(.*)", false)
		r := start(t, tb)
		r.uri = "/a/b"
		if !x.Match(r, []byte("one-two")) {
			t.Fatal("no match")
		}
		if got := string(v.Eval(r)); got != tt.want {
			t.Errorf("%q evaluates to %q, want %q", tt.source, got, tt.want)
		}
		if got := string(v.Append([]byte("> "), r)); got != "> "+tt.want {
			t.Errorf("%q appended gives %q, want %q", tt.source, got, "> "+tt.want)
		}
		if v.String() != tt.source {
			t.Errorf("String is %q, want %q", v.String(), tt.source)
		}
	}
}

func TestASingleVariableIsNotCopied(t *testing.T) {
	tb := table(t)
	v := compile(t, tb, "$host")
	r := start(t, tb)
	if got := v.Eval(r); &got[0] != &hostValue[0] {
		t.Error("the value is a copy")
	}
}

func TestLiteralAndEmpty(t *testing.T) {
	tb := table(t)
	if s, ok := compile(t, tb, "a b").Literal(); s != "a b" || !ok {
		t.Errorf("Literal = %q, %v", s, ok)
	}
	if _, ok := compile(t, tb, "a$host").Literal(); ok {
		t.Error("a value with a variable is no literal")
	}
	if !compile(t, tb, "").Empty() || compile(t, tb, "$host").Empty() {
		t.Error("Empty is wrong")
	}
	if v := compile(t, tb, "a$host"); !v.Uses("host") || v.Uses("uri") {
		t.Error("Uses is wrong")
	}
}

func TestTruth(t *testing.T) {
	for source, want := range map[string]bool{"": false, "0": false, "1": true, "00": true, "$missing": false, "$host": true} {
		tb := table(t)
		v := compile(t, tb, source)
		if got := v.True(start(t, tb)); got != want {
			t.Errorf("%q is %v, want %v", source, got, want)
		}
	}
}

func TestPiecesAreTold(t *testing.T) {
	tb := table(t)
	v := compile(t, tb, "a$host$missing$1")
	r := start(t, tb)
	got := string(v.AppendFunc(nil, r, func(dst, piece []byte, kind Kind) []byte {
		return append(append(append(dst, "LVMC"[kind]), piece...), ' ')
	}))
	if want := "La Vexample.com M C "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// valueErrors are what nginx says of `return 200 "SOURCE"`.
var valueErrors = []struct{ source, want string }{
	{"$", "invalid variable name"},
	{"a$ b", "invalid variable name"},
	{"${", "invalid variable name"},
	{"${}", "invalid variable name"},
	{"${x", `the closing bracket in "x" variable is missing`},
	{"${a-b}", `the closing bracket in "a" variable is missing`},
	{"a${1", `the closing bracket in "1" variable is missing`},
	{"$nosuch", `unknown "nosuch" variable`},
	{"$0", `unknown "0" variable`},
	{"${1}", `unknown "1" variable`},
	{"$host$nosuch$neither", `unknown "nosuch" variable`},
}

func TestErrorsOfValues(t *testing.T) {
	for _, tt := range valueErrors {
		tb := table(t)
		_, err := tb.Compile(tt.source)
		if err == nil {
			err = tb.Finish()
		}
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: error %v, want %s", tt.source, err, tt.want)
		}
	}
}

func TestLogFormatsHaveNoCaptures(t *testing.T) {
	tb := table(t)
	if _, err := tb.CompileFormat("$"); err == nil || err.Error() != `invalid parameter "$"` {
		t.Errorf("error %v", err)
	}
	if _, err := tb.CompileFormat("$1"); err != nil {
		t.Errorf("error %v", err)
	}
	if err := tb.Finish(); err == nil || err.Error() != `unknown "1" variable` {
		t.Errorf("error %v", err)
	}
}

// FuzzCompile: compiling never panics, and evaluating what compiled gives the
// literals in order, however the variables come out.
func FuzzCompile(f *testing.F) {
	for _, tt := range valueErrors {
		f.Add(tt.source)
	}
	f.Add("a${host}b$1c$http_x")
	f.Fuzz(func(t *testing.T, source string) {
		tb := table(t)
		v, err := tb.Compile(source)
		if err != nil {
			return
		}
		if !strings.Contains(source, "$") {
			if s, ok := v.Literal(); !ok || s != source {
				t.Fatalf("Literal of %q is %q, %v", source, s, ok)
			}
		}
		if tb.Finish() != nil {
			return
		}
		r := &request{slots: make([]Slot, tb.Slots())}
		a, b := string(v.Append(nil, r)), string(v.Eval(r))
		if a != b && !v.Uses("counted") && !v.Uses("fresh") {
			t.Fatalf("%q: Append gives %q, Eval %q", source, a, b)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	for _, source := range []string{"literal", "$host", "http://$host:80/x$host"} {
		b.Run(source, func(b *testing.B) {
			tb := table(b)
			v := compile(b, tb, source)
			r := start(b, tb)
			arena := make([]byte, 1024)
			b.ReportAllocs()
			for b.Loop() {
				r.arena = arena
				v.Eval(r)
			}
		})
	}
}
