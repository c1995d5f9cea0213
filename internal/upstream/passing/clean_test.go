package passing

import "testing"

func TestWhatVariablesHoldStaysOnItsLine(t *testing.T) {
	for raw, want := range map[string]string{
		"/a?b=c":              "/a?b=c",
		"/\xc3\xa9":           "/\xc3\xa9",
		"/a\r\nX: y":          "/a%0D%0AX:%20y",
		"/a HTTP/1.1\x00\x7f": "/a%20HTTP/1.1%00%7F",
	} {
		if got := string(CleanTarget([]byte("GET "+raw), 4)); got != "GET "+want {
			t.Errorf("%q: %q", raw, got)
		}
	}
	for raw, want := range map[string]string{
		"a\tb \xff":  "a\tb \xff",
		"a\r\nX: y":  "a  X: y",
		"\x00a\x7fb": " a b",
	} {
		line := []byte("X: " + raw)
		CleanValue(line, 3)
		if string(line) != "X: "+want {
			t.Errorf("%q: %q", raw, line)
		}
	}
}
