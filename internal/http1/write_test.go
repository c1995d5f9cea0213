package http1

import "testing"

func TestHeadsAreWrittenInCanonicalForm(t *testing.T) {
	out := AppendRequestLine(nil, []byte("GET"), []byte("/a?b"), 1)
	out = AppendField(out, []byte("Host"), []byte("h"))
	out = AppendFieldString(out, "X-A", "b")
	out = AppendFieldInt(out, "Content-Length", 12)
	out = append(out, EndHead...)
	if want := "GET /a?b HTTP/1.1\r\nHost: h\r\nX-A: b\r\nContent-Length: 12\r\n\r\n"; string(out) != want {
		t.Errorf("%q", out)
	}
	if got := string(AppendRequestLine(nil, []byte("GET"), []byte("/"), 0)); got != "GET / HTTP/1.0\r\n" {
		t.Errorf("%q", got)
	}
}

func TestStatusLines(t *testing.T) {
	for _, c := range []struct {
		status int
		reason []byte
		want   string
	}{
		{200, nil, "HTTP/1.1 200 OK\r\n"},
		{200, []byte("Fine"), "HTTP/1.1 200 Fine\r\n"},
		{200, []byte{}, "HTTP/1.1 200 \r\n"},
		{302, nil, "HTTP/1.1 302 Moved Temporarily\r\n"},
		{507, nil, "HTTP/1.1 507 Insufficient Storage\r\n"},
		{599, nil, "HTTP/1.1 599 \r\n"},
		{999, nil, "HTTP/1.1 999 \r\n"},
	} {
		if got := string(AppendStatusLine(nil, c.status, c.reason)); got != c.want {
			t.Errorf("%d %q: %q", c.status, c.reason, got)
		}
	}
	if StatusText(0) != "" || StatusText(-1) != "" || StatusText(404) != "Not Found" {
		t.Error("StatusText is wrong")
	}
}

func TestOutputIsValidated(t *testing.T) {
	for _, value := range []string{"", "a b\tc", "\xff\xc3", "12345678\t12345678"} {
		if !ValidValue([]byte(value)) {
			t.Errorf("%q is refused", value)
		}
	}
	for c := range 256 {
		control := c < 0x20 && c != '\t' || c == 0x7f
		for at := range 17 { // in each place of the words that are looked at together
			value := []byte("0123456789abcdefg")
			value[at] = byte(c)
			if ValidValue(value) == control {
				t.Errorf("value %q: %v", value, !control)
			}
		}
		token := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		for _, other := range "!#$%&'*+-.^_`|~" {
			token = token || c == int(other)
		}
		if name := []byte{'x', byte(c)}; ValidName(name) != token {
			t.Errorf("name %q: %v", name, !token)
		}
	}
	if ValidName(nil) || ValidTarget(nil) || ValidTarget([]byte("/a b")) || ValidTarget([]byte("/\r")) || !ValidTarget([]byte("/a?b#\xff")) {
		t.Error("names or targets")
	}
}
