package proxy

import "testing"

func TestWhatVariablesHoldStaysOnItsLine(t *testing.T) {
	for raw, want := range map[string]string{
		"/a?b=c":              "/a?b=c",
		"/\xc3\xa9":           "/\xc3\xa9",
		"/a\r\nX: y":          "/a%0D%0AX:%20y",
		"/a HTTP/1.1\x00\x7f": "/a%20HTTP/1.1%00%7F",
	} {
		if got := string(cleanTarget([]byte("GET "+raw), 4)); got != "GET "+want {
			t.Errorf("%q: %q", raw, got)
		}
	}
	for raw, want := range map[string]string{
		"a\tb \xff":  "a\tb \xff",
		"a\r\nX: y":  "a  X: y",
		"\x00a\x7fb": " a b",
	} {
		line := []byte("X: " + raw)
		cleanValue(line, 3)
		if string(line) != "X: "+want {
			t.Errorf("%q: %q", raw, line)
		}
	}
}

// nginx sends what variables hold as it is, and so request lines that are none.
func TestWhatIsSentIsARequest(t *testing.T) {
	w := newWorld(t, `location /method { proxy_pass http://127.0.0.1:9001; proxy_method $arg_m; }
		location ~ ^/re/(.*) { proxy_pass http://127.0.0.1:9001/$1; }`)
	b := w.serve("127.0.0.1:9001", hello)
	wantStatus(t, w.get("/method"), "500")
	if len(b.requests) != 0 {
		t.Errorf("the backend got %q", b.requests)
	}
	wantStatus(t, w.get("/re/x%20y"), "200")
	wantIn(t, b.last(), "GET /x%20y HTTP/1.1\r\n")
}
