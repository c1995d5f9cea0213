package http1

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var defaults = RequestOptions{IgnoreInvalidHeaders: true, MaxHeaders: 1000, LineLimit: 8192, TotalLimit: 32768}

func parseRequest(t *testing.T, opt *RequestOptions, request string) (*RequestHead, error) {
	t.Helper()
	var p RequestParser
	p.Reset(opt)
	_, err := p.Parse([]byte(request))
	return &p.Head, err
}

func mustParse(t *testing.T, request string) *RequestHead {
	t.Helper()
	h, err := parseRequest(t, &defaults, request)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return h
}

func TestRequestsFollowEachOtherInTheBuffer(t *testing.T) {
	buf := []byte("\r\nGET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nGET /3")
	var p RequestParser
	for i, want := range []string{"/1", "/2"} {
		p.Reset(&defaults)
		n, err := p.Parse(buf)
		if err != nil || string(p.Head.Path) != want || len(p.Head.Fields) != 2-i {
			t.Fatalf("got %q with %d fields, %v", p.Head.Path, len(p.Head.Fields), err)
		}
		buf = buf[n:]
	}
	p.Reset(&defaults)
	if _, err := p.Parse(buf); !errors.Is(err, ErrIncomplete) || !p.Started() || p.HaveLine() {
		t.Errorf("%v, started %v, line %v", err, p.Started(), p.HaveLine())
	}
}

func TestWhatIsKnownBeforeTheHeadIsComplete(t *testing.T) {
	var p RequestParser
	for _, c := range []struct {
		buf           string
		started, line bool
	}{
		{"", false, false},
		{"\r\n\r", false, false},
		{"\r\n\r\n", false, false},
		{"\r\n\r\nG", true, false},
		{"\r\n\r\nGET /a HTTP/1.1\r\n", true, true},
	} {
		p.Reset(&defaults)
		if _, err := p.Parse([]byte(c.buf)); !errors.Is(err, ErrIncomplete) || p.Started() != c.started || p.HaveLine() != c.line {
			t.Errorf("%q: %v, started %v, line %v", c.buf, err, p.Started(), p.HaveLine())
		}
	}
	if string(p.Head.Line) != "GET /a HTTP/1.1" || string(p.Head.Target) != "/a" {
		t.Errorf("line %q, target %q", p.Head.Line, p.Head.Target)
	}
}

func TestConnectionAndVersionDecideAboutKeepAlive(t *testing.T) {
	for _, c := range []struct {
		version, connection string
		want                bool
	}{
		{"1.1", "", true},
		{"1.1", "Connection: close\r\n", false},
		{"1.1", "Connection: keep-alive, Close\r\n", false},
		{"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
		{"1.1", "Connection: closed\r\n", true},
		{"1.1", "X: close\r\n", true},
		{"1.0", "", false},
		{"1.0", "Connection: Keep-Alive\r\n", true},
		{"1.0", "Connection: keep-alive, close\r\n", false},
		{"1.0", "Connection: upgrade ,\tkeep-alive\r\n", true},
	} {
		h := mustParse(t, "GET / HTTP/"+c.version+"\r\nHost: h\r\n"+c.connection+"\r\n")
		if h.KeepAlive != c.want {
			t.Errorf("HTTP/%s %q: %v", c.version, c.connection, h.KeepAlive)
		}
	}
}

func TestUpgradeNeedsBothFieldsAndHTTP11(t *testing.T) {
	for _, c := range []struct {
		request string
		want    bool
	}{
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false},
	} {
		if h := mustParse(t, c.request); h.Upgrade != c.want {
			t.Errorf("%q: %v", c.request, h.Upgrade)
		}
	}
}

func TestBodyFraming(t *testing.T) {
	for _, c := range []struct {
		fields       string
		length       int64
		chunked, has bool
	}{
		{"", -1, false, false},
		{"Content-Length: 0\r\n", 0, false, false},
		{"Content-Length: 12\r\n", 12, false, true},
		{"Transfer-Encoding: chunked\r\n", -1, true, true},
	} {
		h := mustParse(t, "POST / HTTP/1.1\r\nHost: h\r\n"+c.fields+"\r\n")
		if h.ContentLength != c.length || h.Chunked != c.chunked || h.HasBody() != c.has {
			t.Errorf("%q: length %d, chunked %v, body %v", c.fields, h.ContentLength, h.Chunked, h.HasBody())
		}
	}
	if !mustParse(t, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n").Expect100 {
		t.Error("Expect is overlooked")
	}
	if mustParse(t, "POST / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\n\r\n").Expect100 {
		t.Error("Expect is heeded in HTTP/1.0")
	}
}

func TestTheTargetOverridesTheHostField(t *testing.T) {
	for _, c := range []struct {
		target, scheme, host, port, path, targetLeft string
	}{
		{"/a", "", "field", "81", "/a", "/a"},
		{"http://Target:8080/a", "http", "Target", "8080", "/a", "/a"},
		{"https://target", "https", "target", "", "/", "/"},
		{"http://target?a=b", "http", "target", "", "/", "?a=b"},
		{"http://[::1]:/a", "http", "[::1]", "", "/a", "/a"},
	} {
		h := mustParse(t, "GET "+c.target+" HTTP/1.1\r\nHost: field:81\r\n\r\n")
		if string(h.Scheme) != c.scheme || string(h.Host.Name) != c.host || string(h.Host.Port) != c.port ||
			string(h.Path) != c.path || string(h.Target) != c.targetLeft {
			t.Errorf("%s: scheme %q, host %q, port %q, path %q, target %q", c.target, h.Scheme, h.Host.Name, h.Host.Port, h.Path, h.Target)
		}
	}
	h := mustParse(t, "CONNECT target:443 HTTP/1.1\r\nHost: field\r\n\r\n")
	if string(h.Host.Name) != "target" || string(h.Host.Port) != "443" || len(h.Target) != 0 || h.MethodID != MethodConnect {
		t.Errorf("CONNECT: %+v, target %q", h.Host, h.Target)
	}
}

func TestUnusualNames(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: h\r\nA_b: 1\r\nC.d: 2\r\nE(f): 3\r\n\r\n"
	for _, c := range []struct {
		underscores, ignore bool
		want                string
	}{
		{false, true, "Host "},
		{true, true, "Host A_b "},
		{false, false, "Host A_b C.d "},
		{true, false, "Host A_b C.d "},
	} {
		h, err := parseRequest(t, &RequestOptions{UnderscoresInHeaders: c.underscores, IgnoreInvalidHeaders: c.ignore}, request)
		var got strings.Builder
		for _, f := range h.Fields {
			got.WriteString(string(f.Name) + " ")
		}
		if err != nil || got.String() != c.want || h.Dropped != 4-len(h.Fields) {
			t.Errorf("%+v: %s, %d dropped, %v", c, got.String(), h.Dropped, err)
		}
	}
}

func TestLimits(t *testing.T) {
	opt := RequestOptions{LineLimit: 100, TotalLimit: 250, MaxHeaders: 5, IgnoreInvalidHeaders: true}
	line := func(n int) string {
		return "GET /" + strings.Repeat("a", n-len("GET / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
	}
	field := func(n int) string { return "X: " + strings.Repeat("a", n-len("X: \r\n")) + "\r\n" }
	const host = "Host: h\r\n"
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"longest line", line(100) + host + "\r\n", 0},
		{"line too long", line(101) + host + "\r\n", 414},
		{"line too long, not at its end", line(101)[:100], 414},
		{"longest field", line(20) + host + field(100) + "\r\n", 0},
		{"field too long", line(20) + host + field(101) + "\r\n", 494},
		{"field too long, not at its end", line(20) + host + field(101)[:100], 494},
		{"longest head", line(20) + host + field(100) + field(100) + field(250-2-20-200-len(host)) + "\r\n", 0},
		{"head too long", line(20) + host + field(100) + field(100) + field(250-1-20-200-len(host)) + "\r\n", 494},
		{"most fields", line(20) + host + strings.Repeat("X:\r\n", 4) + "\r\n", 0},
		{"too many fields", line(20) + host + strings.Repeat("X:\r\n", 5) + "\r\n", 494},
		{"dropped fields count too", line(20) + host + strings.Repeat("X_:\r\n", 5) + "\r\n", 494},
		{"empty lines for ever", strings.Repeat("\r\n", 200), 400},
	} {
		_, err := parseRequest(t, &opt, c.request)
		var e *Error
		if c.status == 0 && err != nil || c.status != 0 && (!errors.As(err, &e) || e.Status != c.status) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAMovedBufferIsFollowed(t *testing.T) {
	request := "GET http://h/path?args HTTP/1.1\r\nHost: h\r\nX_: dropped\r\nX: value\r\n\r\n"
	var p RequestParser
	p.Reset(&defaults)
	n, err := inSegments([]byte(request), 1, p.Parse)
	h := &p.Head
	got := fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%s", h.Line, h.Method, h.Scheme, h.Authority, h.Path, h.Args, h.FirstDropped, h.Fields[1].Value)
	if want := "GET http://h/path?args HTTP/1.1|GET|http|h|/path|args|X_: dropped|value"; n != len(request) || err != nil || got != want {
		t.Errorf("%d, %v, %s", n, err, got)
	}
}

func TestNothingIsAllocatedPerMessage(t *testing.T) {
	var p RequestParser
	var r ResponseParser
	var c ChunkReader
	opt := ResponseOptions{}
	chunks := []byte("5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n")
	out := make([]byte, 0, 4096)
	allocs := testing.AllocsPerRun(100, func() {
		p.Reset(&defaults)
		if _, err := p.Parse(browserRequest[:50]); !errors.Is(err, ErrIncomplete) {
			t.Fatal(err)
		}
		if _, err := p.Parse(browserRequest); err != nil {
			t.Fatal(err)
		}
		r.Reset(&opt, MethodGet)
		if _, err := r.Parse(smallResponse); err != nil {
			t.Fatal(err)
		}
		c.ResetResponse(0)
		for rest := chunks; !c.Done(); {
			_, n, err := c.Decode(rest)
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		out = AppendStatusLine(out[:0], 200, r.Head.Reason)
		for _, f := range r.Head.Fields {
			out = AppendField(out, f.Name, f.Value)
		}
		if cookie, ok := p.Head.Get(Cookie); ok {
			CookieValue(cookie, "theme")
		}
		ArgValue(p.Head.Args, "v")
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
