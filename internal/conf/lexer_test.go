package conf

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run is what one call of next returns, as text: the words, then what ended them.
func runs(src string) []string {
	l := lexer{src: []byte(src), line: 1}
	var got []string
	for {
		words, end, err := l.next()
		if err != nil {
			return append(got, "error: "+err.Error())
		}
		if end == endFile {
			return got
		}
		got = append(got, strings.Join(append(slices.Clone(words), []string{";", "{", "}"}[end]), "|"))
	}
}

func TestLexer(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		want      []string
	}{
		{"words are separated by any blanks", "a  b\t\r\n c ;", []string{"a|b|c|;"}},
		{"a block opens and closes", "a { b; }", []string{"a|{", "b|;", "}"}},
		{"no blank is needed before a delimiter", "a{b c;}", []string{"a|{", "b|c|;", "}"}},
		{"a comment runs to the end of the line", "a # b; \"\n c;", []string{"a|c|;"}},
		{"# and } inside a word are ordinary", "a#b c}d;", []string{"a#b|c}d|;"}},
		{"quotes keep blanks and delimiters", `a "b ;{}#c" ' "d" ';`, []string{`a|b ;{}#c| "d" |;`}},
		{"a quote inside a word is ordinary", `a"b c'd;`, []string{`a"b|c'd|;`}},
		{"an empty word", `a "";`, []string{"a||;"}},
		{"escapes", `a \"b\'\\ \t\r\n;`, []string{"a|\"b'\\|\t\r\n|;"}},
		{"other backslashes stay", `a \.\d\;b\ c;`, []string{`a|\.\d\;b\ c|;`}},
		{"escapes inside quotes", `a "\"\t\d\'" '\'';`, []string{"a|\"\t\\d'|'|;"}},
		{"${name} opens no block", "a ${b}c$d{ e;", []string{"a|${b}c$d|{", "e|;"}},
		{"an escaped dollar does not protect the brace", `a \${b;}`, []string{`a|\$|{`, "b|;", "}"}},
		{"a parenthesis may follow a quote", `if ("a" = "b") {`, []string{`if|("a"|=|b|)|{`}},
		{"nothing else may", `a "b"c;`, []string{`error: unexpected "c"`}},
		{"bytes are not characters", "\xff\x00 \xe2\x28;", []string{"\xff\x00|\xe2\x28|;"}},
		{"a file may end after a comment", "a; # b", []string{"a|;"}},
		{"no directive", " ;", []string{`error: unexpected ";"`}},
		{"cut in a word", "a b", []string{`error: unexpected end of file, expecting ";" or "}"`}},
		{"cut in a quote", "a 'b", []string{`error: unexpected end of file, expecting ";" or "}"`}},
		{"cut after a backslash", `a \`, []string{`error: unexpected end of file, expecting ";" or "}"`}},
		{"the longest word", "a " + strings.Repeat("x", maxParameter-1) + ";", []string{"a|" + strings.Repeat("x", maxParameter-1) + "|;"}},
		{"a longer one", "a 0123456789" + strings.Repeat("x", maxParameter) + ";", []string{`error: too long parameter "0123456789..." started`}},
		{"a quote not closed", "a '" + strings.Repeat("x", maxParameter+1), []string{`error: too long parameter, probably missing terminating "'" character`}},
	} {
		if d := cmp.Diff(tt.want, runs(tt.src)); d != "" {
			t.Errorf("%s: %q (-want +got)\n%s", tt.name, tt.src, d)
		}
	}
}

func TestLinesAreCountedInsideWords(t *testing.T) {
	l := lexer{src: []byte("a\n'b\nc\\\n' \\\nd\n# e\n;x"), line: 1}
	if _, _, err := l.next(); err != nil || l.line != 7 {
		t.Errorf("line %d, %v", l.line, err)
	}
}

// quote writes a word so that the lexer reads the same word.
func quote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

func FuzzLexer(f *testing.F) {
	f.Add([]byte(`a "b\t" ${c} { d; } # e`))
	f.Add([]byte("server_name ~^(?<v>\\d+)$;"))
	f.Fuzz(func(t *testing.T, src []byte) {
		l := lexer{src: src, line: 1}
		for calls := 0; ; calls++ {
			if calls > len(src) {
				t.Fatal("the lexer does not advance")
			}
			words, end, err := l.next()
			if err != nil || end == endFile {
				return
			}
			var text strings.Builder
			for _, w := range words {
				text.WriteString(quote(w) + " ")
			}
			if len(text.String()) >= maxParameter {
				continue // quoting may make a word too long
			}
			again, err := splitWords(text.String())
			if len(words) > 0 && (err != nil || !slices.Equal(again, words)) {
				t.Fatalf("%q read back as %q, %v", words, again, err)
			}
		}
	})
}
