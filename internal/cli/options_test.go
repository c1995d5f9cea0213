package cli

import (
	"strings"
	"testing"
)

func TestOptionsAreReadAsNginxReadsThem(t *testing.T) {
	tests := []struct {
		args string
		want options
	}{
		{"", options{}},
		{"-tq", options{test: true, quiet: true}},
		{"-T", options{test: true, dump: true}},
		{"-c file -p dir", options{file: "file", prefix: "dir"}},
		{"-cfile -pdir -elog", options{file: "file", prefix: "dir", errorLog: "log"}},
		{"-tc file", options{test: true, file: "file"}},
		{"-tcfile", options{test: true, file: "file"}},
		{"-c -t", options{file: "-t"}},
		{"-s reload", options{signal: "reload"}},
		{"-squit", options{signal: "quit"}},
		{"-g daemon|off;", options{globals: "daemon off;"}},
		{"-vV?h", options{version: true, configure: true, help: true}},
		{"-", options{}},
	}
	for _, test := range tests {
		got, err := parseOptions(words(test.args))
		if err != nil || got != test.want {
			t.Errorf("%q: %+v, %v", test.args, got, err)
		}
	}
}

// words splits at spaces; a bar stands for a space inside a word.
func words(s string) []string {
	list := strings.Fields(s)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "|", " ")
	}
	return list
}

// A letter's value is the rest of its word, or the next word: however it is written, it means the same.
func FuzzAValueMayFollowItsLetterAtOnceOrAsTheNextWord(f *testing.F) {
	f.Add("file")
	f.Add("-t")
	f.Add("daemon off;")
	f.Fuzz(func(t *testing.T, value string) {
		if value == "" {
			return
		}
		for _, letter := range []string{"-c", "-tp", "-qe", "-g"} {
			joined, err1 := parseOptions([]string{letter + value})
			apart, err2 := parseOptions([]string{letter, value})
			if err1 != nil || err2 != nil || joined != apart {
				t.Errorf("%s %q: %+v, %v; %+v, %v", letter, value, joined, err1, apart, err2)
			}
		}
	})
}
