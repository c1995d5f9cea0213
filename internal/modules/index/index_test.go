package index_test

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/index"
	"hearth/internal/modules/static"
)

var modules = []*core.Module{&index.Module, &static.Module}

func TestTheFirstIndexThatIsThere(t *testing.T) {
	s := coretest.New(t, modules, `
		index index.$arg_lang.html index.html index.htm;
		location /default/ { index index.html; }
		location /absolute/ { index none /fallback.html; }
		location /aliased/ { alias files/; }
		location /inner/index.html { root other; }
		location = /fallback.html { internal; }`)
	for name, content := range map[string]string{
		"html/index.html": "plain", "html/index.de.html": "deutsch", "html/sub/index.htm": "second", "files/index.html": "aliased",
		"html/fallback.html": "fallback", "html/absolute/x": "", "html/inner/index.html": "", "other/inner/index.html": "relocated",
	} {
		s.File(name, content)
	}
	for path, want := range map[string]string{
		"/": "plain", "/?lang=de": "deutsch", "/sub/": "second", "/aliased/": "aliased", "/absolute/": "fallback", "/inner/": "relocated",
	} {
		if res := s.Get(path); res.Status != 200 || res.Body != want {
			t.Errorf("%s: %d %q, want %q %v", path, res.Status, res.Body, want, res.Log)
		}
	}
}

func TestDirectoriesWithoutIndex(t *testing.T) {
	s := coretest.New(t, modules, `location /quiet/ { log_not_found off; } location /other/ { alias none; }`)
	s.File("html/empty/x", "")
	s.File("html/file", "")
	for _, tt := range []struct {
		path   string
		status int
		log    string
	}{
		{"/empty/", 403, `[error] directory index of "html/empty/" is forbidden`},
		{"/none/", 404, `[error] "html/none/index.html" is not found (2: No such file or directory)`},
		{"/quiet/", 404, ""},
		{"/file/", 404, `[error] "html/file/index.html" is not found (20: Not a directory)`},
		{"/" + strings.Repeat("x", 300) + "/", 404, `is not found (36: File name too long)`},
	} {
		res := s.Get(tt.path)
		log := strings.Join(res.Log, "\n")
		if res.Status != tt.status || tt.log == "" && log != "" || !strings.Contains(log, tt.log) {
			t.Errorf("%s: %d, want %d; log %q, want %q", tt.path, res.Status, tt.status, log, tt.log)
		}
	}
}

func TestOtherMethodsAreLeftToStatic(t *testing.T) {
	s := coretest.New(t, modules, ``)
	s.File("html/index.html", "x")
	for method, status := range map[string]int{"POST": 405, "PUT": 405, "HEAD": 200} {
		if res := s.Do(coretest.Message(method, "/", "")); res.Status != status {
			t.Errorf("%s: %d, want %d", method, res.Status, status)
		}
	}
}

func TestBadIndexes(t *testing.T) {
	for config, want := range map[string]string{
		`index "";`:    `index "" in "index" directive is invalid in nginx.conf:1`,
		`index a$ b;`:  `invalid variable name in nginx.conf:1`,
		`index $nope;`: `unknown "nope" variable`,
	} {
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%s: %s, want %s", config, got, want)
		}
	}
	want := `only the last index in "index" directive should be absolute in nginx.conf:1`
	if got := coretest.Warnings(t, modules, `index /a b;`); len(got) != 1 || got[0] != want {
		t.Errorf("warnings %q", got)
	}
}
