package http1

import (
	"bytes"
	"strings"
	"testing"
)

// composed are the parts of a GET with fields "name: value".
func composed(fields ...string) Parts {
	p := Parts{Method: []byte("GET"), Scheme: []byte("http"), Authority: []byte("a.example:81"), Path: []byte("/x?y=1"), ContentLength: -1}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		p.Fields = append(p.Fields, Field{[]byte(name), []byte(value), Lookup([]byte(name))})
	}
	return p
}

func TestComposeMakesAHead(t *testing.T) {
	var c Composer
	p := composed("accept: */*", "cookie: a=1", "x: y", "cookie: b=2", "cookie: c=3", "host: A.example:81")
	if err := c.Compose(&p, &RequestOptions{}); err != nil {
		t.Fatal(err)
	}
	h := &c.Head
	for _, got := range []struct {
		what string
		got  []byte
		want string
	}{
		{"line", h.Line, "GET /x?y=1 HTTP/2.0"},
		{"method", h.Method, "GET"},
		{"target", h.Target, "/x?y=1"},
		{"path", h.Path, "/x"},
		{"arguments", h.Args, "y=1"},
		{"host", h.Host.Name, "a.example"},
		{"port", h.Host.Port, "81"},
	} {
		if string(got.got) != got.want {
			t.Errorf("%s: %q, want %q", got.what, got.got, got.want)
		}
	}
	var list []string
	for _, f := range h.Fields {
		list = append(list, string(f.Name)+": "+string(f.Value))
	}
	if got := strings.Join(list, ", "); got != "host: a.example:81, accept: */*, cookie: a=1; b=2; c=3, x: y" {
		t.Errorf("fields: %s", got)
	}
	if v, _ := h.Get(Cookie); string(v) != "a=1; b=2; c=3" {
		t.Errorf("cookies: %q", v)
	}
	if h.Major != 2 || h.Minor != 0 || h.MethodID != MethodGet || h.HasBody() || !h.KeepAlive || h.Expect100 || h.Complex {
		t.Errorf("%+v", h)
	}
}

func TestComposeKnowsWhetherABodyFollows(t *testing.T) {
	for _, tt := range []struct {
		name            string
		open            bool
		length          int64
		hasBody, chunks bool
	}{
		{"none", false, -1, false, false},
		{"an empty one", true, 0, false, false},
		{"of a length", true, 5, true, false},
		{"of no length", true, -1, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Composer
			p := composed("expect: 100-continue")
			p.Open, p.ContentLength = tt.open, tt.length
			if err := c.Compose(&p, &RequestOptions{}); err != nil {
				t.Fatal(err)
			}
			if c.Head.HasBody() != tt.hasBody || c.Head.Chunked != tt.chunks || c.Head.ContentLength != tt.length || !c.Head.Expect100 {
				t.Errorf("%+v", c.Head)
			}
		})
	}
}

func TestComposeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *Parts)
		status int
		reason string
	}{
		{"a method in lower case", func(p *Parts) { p.Method = []byte("get") }, 400, `client sent invalid method: "get" while reading client request headers`},
		{"no path", func(p *Parts) { p.Path = nil }, 400, "client sent invalid request while reading client request line"},
		{"a path without a slash", func(p *Parts) { p.Path = []byte("*") }, 400, `client sent invalid :path header: "*" while reading client request headers`},
		{"a path with a space", func(p *Parts) { p.Path = []byte("/a b") }, 400, `client sent invalid :path header: "/a b" while reading client request headers`},
		{"a path with a control", func(p *Parts) { p.Path = []byte("/a\x01") }, 400, "client sent invalid :path header: \"/a\x01\" while reading client request headers"},
		{"no host", func(p *Parts) { p.Authority = nil }, 400, `client sent neither ":authority" nor "Host" header while reading client request headers`},
		{"a bad host", func(p *Parts) { p.Authority = []byte("a@b") }, 400, "client sent invalid host header while reading client request headers"},
		{"two hosts", func(p *Parts) { *p = composed("host: b") }, 400, `client sent ":authority" and "Host" headers that differ while reading client request headers`},
		{"a second If-Range", func(p *Parts) { *p = composed("if-range: 1", "if-range: 2") }, 400,
			`client sent duplicate header line: "if-range: 2", previous value: "if-range: 1" while reading client request headers`},
		{"too much", func(p *Parts) { p.TooLarge = true }, 494, "client sent too large header while reading client request headers"},
		{"so much that the path is missing", func(p *Parts) { p.TooLarge, p.Path = true, nil }, 494, "client sent too large header while reading client request headers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Composer
			p := composed()
			tt.change(&p)
			err := c.Compose(&p, &RequestOptions{})
			if err == nil || err.Status != tt.status || err.Reason != tt.reason {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestComposeDropsUnderscoresAsConfigured(t *testing.T) {
	for _, tt := range []struct {
		opt  RequestOptions
		kept bool
	}{
		{RequestOptions{IgnoreInvalidHeaders: true}, false},
		{RequestOptions{IgnoreInvalidHeaders: true, UnderscoresInHeaders: true}, true},
		{RequestOptions{}, true},
	} {
		var c Composer
		p := composed("a_b: 1")
		if err := c.Compose(&p, &tt.opt); err != nil {
			t.Fatal(err)
		}
		if kept := len(c.Head.Fields) == 2; kept != tt.kept || c.Head.Dropped != 1 == !tt.kept {
			t.Errorf("%+v: %+v", tt.opt, c.Head)
		}
	}
}

// What is composed says the same as what is parsed from the text of the same request.
func FuzzCompose(f *testing.F) {
	f.Add("GET", "/x?y#z", "a:80", "cookie: a\ncookie: b")
	f.Add("POST", "//a/../%41", "[::1]", "x_y: 1\nhost: b")
	f.Fuzz(func(t *testing.T, method, path, authority, list string) {
		var fields []string
		for line := range strings.Lines(list) {
			if name, value, ok := splitForTest(line); ok {
				fields = append(fields, name+": "+value)
			}
		}
		p := composed(fields...)
		p.Method, p.Path, p.Authority = []byte(method), []byte(path), []byte(authority)
		var c Composer
		if err := c.Compose(&p, &RequestOptions{}); err != nil {
			return
		}
		text := method + " " + path + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n"
		var parser RequestParser
		parser.Reset(&RequestOptions{})
		if _, err := parser.Parse([]byte(text)); err != nil {
			t.Fatalf("%q is composed, but not parsed: %v", text, err)
		}
		h, want := &c.Head, &parser.Head
		if !bytes.Equal(h.Target, want.Target) || !bytes.Equal(h.Path, want.Path) || !bytes.Equal(h.Args, want.Args) ||
			h.Complex != want.Complex || !bytes.Equal(h.Host.Name, want.Host.Name) || h.MethodID != want.MethodID {
			t.Errorf("%+v\n%+v", h, want)
		}
	})
}

// splitForTest makes a field that a codec of HTTP/2 would let pass.
func splitForTest(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
	ok = ok && ValidName([]byte(name)) && ValidValue([]byte(value)) && strings.ToLower(name) == name && strings.TrimSpace(value) == value
	return name, value, ok
}
