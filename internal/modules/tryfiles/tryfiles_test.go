package tryfiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/index"
	"hearth/internal/modules/static"
	"hearth/internal/modules/tryfiles"
)

var modules = []*core.Module{&tryfiles.Module, &index.Module, &static.Module}

func TestTheFirstFileThatIsThere(t *testing.T) {
	s := coretest.New(t, modules, `
		location / { try_files $uri $uri.html $uri/ /front.html?from=$uri; }
		location = /front.html { try_files /$arg_from.txt /front.html =404; }
		location /named { try_files $uri @fallback; }
		location @fallback { root other; try_files /caught =404; }
		location /code { try_files $uri =410; }
		location /alias/ { alias files/; try_files $uri $uri.html /front.html; }
		location /bare { alias files; try_files /x.html =404; }
		location ~ ^/pattern/(.*)$ { alias users/$1; try_files "" .html =404; }
		location /outer/ { try_files /a.html =404; location /outer/inner/ { } }
		location /var { try_files $uri $arg_to; }
	`)
	for name, content := range map[string]string{
		"html/a.html": "a", "html/dir/index.html": "index", "html/front.html": "front", "html/plain": "plain",
		"other/caught": "caught", "files/x.html": "aliased", "users/u.html": "pattern", "html/outer/inner/f": "inner", "html/empty": "",
	} {
		s.File(name, content)
	}
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/plain", 200, "plain"},
		{"/a", 200, "a"},
		{"/dir/", 200, "index"},
		{"/dir", 301, ""},
		{"/none", 200, "front"},
		{"/a/b", 200, "front"},
		{"/named/x", 200, "caught"},
		{"/code/x", 410, ""},
		{"/alias/x.html", 200, "aliased"},
		{"/alias/x", 200, "aliased"},
		{"/alias/none", 200, "front"},
		{"/bare", 200, "aliased"},
		{"/outer/x", 200, "a"},
		{"/outer/inner/f", 200, "inner"}, // not inherited
		{"/var/x?to=/plain", 200, "plain"},
		{"/" + strings.Repeat("x", 300), 200, "front"},
	} {
		res := s.Get(tt.path)
		if res.Status != tt.status || tt.status == 200 && res.Body != tt.body {
			t.Errorf("%s: %d %q, want %d %q; %v", tt.path, res.Status, res.Body, tt.status, tt.body, res.Log)
		}
		if len(res.Log) > 0 && tt.status == 200 {
			t.Errorf("%s: %v", tt.path, res.Log)
		}
	}
}

func TestOfTheServerOnlyWhereNoLocationIs(t *testing.T) {
	s := coretest.New(t, modules, `try_files /all =404; location /own { }`)
	s.File("html/all", "all")
	if res := s.Get("/x"); res.Body != "all" {
		t.Errorf("%d %q", res.Status, res.Body)
	}
	if res := s.Get("/own"); res.Status != 404 {
		t.Errorf("%d %q", res.Status, res.Body)
	}
}

func TestTroubleIsLogged(t *testing.T) {
	s := coretest.New(t, modules, `try_files $uri =404;`)
	s.File("html/x", "")
	os.Symlink("loop", filepath.Join(s.Dir, "html/loop"))
	res := s.Get("/loop")
	if want := `[crit] stat() "html/loop" failed (40: Too many levels of symbolic links)`; res.Status != 404 || len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], want) {
		t.Errorf("%d %v", res.Status, res.Log)
	}
}

func TestACycleEnds(t *testing.T) {
	s := coretest.New(t, modules, `try_files /none /again;`)
	res := s.Get("/x")
	want := `[error] rewrite or internal redirection cycle while internally redirecting to "/again"`
	if res.Status != 500 || len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], want) {
		t.Errorf("%d %v", res.Status, res.Log)
	}
}

func TestBadArguments(t *testing.T) {
	for config, want := range map[string]string{
		`try_files a =x;`:                `invalid code "=x" in nginx.conf:1`,
		`try_files a =1000;`:             `invalid code "=1000" in nginx.conf:1`,
		`try_files a;`:                   `invalid number of arguments in "try_files" directive in nginx.conf:1`,
		"try_files a b;\ntry_files a b;": `"try_files" directive is duplicate in nginx.conf:2`,
		`try_files $uri $nope;`:          `unknown "nope" variable`,
	} {
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%s: %s, want %s", config, got, want)
		}
	}
}
