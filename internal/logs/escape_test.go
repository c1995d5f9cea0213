package logs

import (
	"encoding/json"
	"strings"
	"testing"
)

// What nginx wrote for the same request header and arguments.
func TestEscapesAreNginx(t *testing.T) {
	header := "\t\"a\\b\x01\x02\x08\x0c\x1f~\x7f\x80\xff/\u00e9"
	tests := []struct {
		mode     Escape
		in, want string
	}{
		{EscapeDefault, header, `\x09\x22a\x5Cb\x01\x02\x08\x0C\x1F~\x7F\x80\xFF/\xC3\xA9`},
		{EscapeJSON, header, `\t\"a\\b\u0001\u0002\b\f\u001F~` + "\x7f\x80\xff/\u00e9"},
		{EscapeNone, header, header},
		{EscapeDefault, "%22\x80a\"b\\", `%22\x80a\x22b\x5C`},
		{EscapeJSON, "a\r\nb", `a\r\nb`},
		{EscapeDefault, "", ""},
	}
	for _, tt := range tests {
		if got := string(AppendEscape([]byte(">"), []byte(tt.in), tt.mode)); got != ">"+tt.want {
			t.Errorf("mode %d: %q becomes %s, want %s", tt.mode, tt.in, got[1:], tt.want)
		}
	}
}

func TestMissingValues(t *testing.T) {
	for mode, want := range map[Escape]string{EscapeDefault: "-", EscapeJSON: "", EscapeNone: ""} {
		if got := string(AppendMissing(nil, mode)); got != want {
			t.Errorf("mode %d: %q, want %q", mode, got, want)
		}
	}
}

// FuzzEscape: default output is printable and can be taken back; JSON output is a JSON string.
func FuzzEscape(f *testing.F) {
	f.Add("a\"\\\x00\x7f\xff\u00e9")
	f.Fuzz(func(t *testing.T, in string) {
		def := string(AppendEscape(nil, []byte(in), EscapeDefault))
		for _, c := range []byte(def) {
			if c < 0x20 || c > 0x7e || c == '"' {
				t.Fatalf("%q becomes %q", in, def)
			}
		}
		if got := unhex(def); got != in {
			t.Fatalf("%q comes back as %q", in, got)
		}
		valid := strings.ToValidUTF8(in, "?")
		var got string
		quoted := append(AppendEscape([]byte{'"'}, []byte(valid), EscapeJSON), '"')
		if err := json.Unmarshal(quoted, &got); err != nil || got != valid {
			t.Fatalf("%q becomes %s, which is %q, %v", valid, quoted, got, err)
		}
	})
}

// unhex takes \xXX back.
func unhex(s string) string {
	var out []byte
	for len(s) > 0 {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		out = append(out, byte(strings.IndexByte(upperHex, s[2])<<4|strings.IndexByte(upperHex, s[3])))
		s = s[4:]
	}
	return string(out)
}
