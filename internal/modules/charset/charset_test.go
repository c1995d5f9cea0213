package charset_test

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/http1"
	"hearth/internal/modules/charset"
)

// answer sends a response of the type that the argument gives, or a status that it gives.
var answer = core.Module{Phases: []core.Phase{{At: core.Content, Run: func(r *core.Request) core.Verdict {
	if asked, ok := r.Head.Get(http1.XAccelCharset); ok { // as a backend would
		r.Out.Charset = asked
	}
	if coding, ok := r.Head.Get(http1.ContentEncoding); ok {
		r.Out.AddHeader("Content-Encoding", coding)
	}
	switch string(r.Args) {
	case "302":
		return 302
	case "404":
		return 404
	}
	return r.Reply(200, []byte(strings.ReplaceAll(string(r.Args), "_", " ")), []byte("x"))
}}}}

var modules = []*core.Module{&answer, &charset.Module}

func TestContentTypes(t *testing.T) {
	s := coretest.New(t, modules, `
		location /plain { }
		location /utf { charset utf-8; location /utf/off { charset off; } }
		location /types { charset utf-8; charset_types application/json; charset_types text/x; }
		location /any { charset utf-8; charset_types *; }
		location /var { charset $http_charset; }
		location /same { charset utf-8; source_charset UTF-8; }
		location /over { charset utf-8; override_charset on; }`)
	for _, tt := range []struct{ path, want string }{
		{"/plain?text/html", "text/html"},
		{"/utf?text/html", "text/html; charset=utf-8"},
		{"/utf?text/plain", "text/plain; charset=utf-8"},
		{"/utf?text/css", "text/css"},
		{"/utf?text/html;_charset=koi8-r", "text/html; charset=koi8-r"},
		{"/utf?text/html;_a=b", "text/html; a=b"},
		{"/utf?404", "text/html; charset=utf-8"},
		{"/utf?302", "text/html"},
		{"/utf", ""},
		{"/utf/off?text/html", "text/html"},
		{"/types?application/json", "application/json; charset=utf-8"},
		{"/types?text/html", "text/html; charset=utf-8"},
		{"/types?text/x", "text/x; charset=utf-8"},
		{"/types?text/plain", "text/plain"},
		{"/any?text/css", "text/css; charset=utf-8"},
		{"/var?text/html", "text/html"},
		{"/same?text/html", "text/html; charset=utf-8"},
		{"/over?text/html;_charset=utf-8", "text/html; charset=utf-8"},
	} {
		if got := s.Get(tt.path).Header.Get("Content-Type"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.path, got, tt.want)
		}
	}
	if got := s.Get("/var?text/html", "Charset: x").Header.Get("Content-Type"); got != "text/html; charset=x" {
		t.Error(got)
	}
	res := s.Get("/over?text/html;_charset=koi8-r")
	if want := `[error] no "charset_map" between the charsets "koi8-r" and "utf-8"`; len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], want) {
		t.Error(res.Log)
	}
}

func TestRecodingIsRefused(t *testing.T) {
	want := `no "charset_map" between the charsets "utf-8" and "koi8-r"`
	if got := coretest.LoadError(t, modules, `charset koi8-r; source_charset utf-8;`); got != want {
		t.Error(got)
	}
}

// X-Accel-Charset sets the character set of a response, if the configuration knows it (compared with nginx 1.22).
func TestABackendMayNameTheCharset(t *testing.T) {
	s := coretest.New(t, modules, `
		location / { }
		location /utf { charset utf-8; }
		location /from { source_charset koi8-r; }`)
	for _, tt := range []struct{ path, asked, want, log string }{
		{"/?text/html", "utf-8", "text/html; charset=utf-8", ""},
		{"/?image/png", "KOI8-R", "image/png; charset=KOI8-R", ""},
		{"/?text/html;_charset=utf-8", "UTF-8", "text/html; charset=UTF-8", ""},
		{"/?302", "utf-8", "text/html", ""},
		{"/?text/html", "cp866", "text/html", `unknown charset "cp866" to override`},
		{"/?text/html;_charset=utf-8", "koi8-r", "text/html; charset=utf-8", `no "charset_map" between the charsets "utf-8" and "koi8-r"`},
		{"/utf?text/html", "koi8-r", "text/html; charset=koi8-r", ""},
		{"/utf?text/html", "cp866", "text/html", `unknown charset "cp866" to override`},
		{"/from?text/html", "utf-8", "text/html", `no "charset_map" between the charsets "koi8-r" and "utf-8"`},
	} {
		res := s.Get(tt.path, "X-Accel-Charset: "+tt.asked)
		if got := res.Header.Get("Content-Type"); got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.path, tt.asked, got, tt.want)
		}
		if log := strings.Join(res.Log, "\n"); (log == "") != (tt.log == "") || !strings.Contains(log, tt.log) {
			t.Errorf("%s, %s: logged %q", tt.path, tt.asked, log)
		}
	}
	res := s.Get("/?text/html;_charset=utf-8", "X-Accel-Charset: koi8-r", "Content-Encoding: gzip")
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" || len(res.Log) != 0 {
		t.Errorf("of what is compressed: %s, %q", got, res.Log)
	}
}
