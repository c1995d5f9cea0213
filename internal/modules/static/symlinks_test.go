package static_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/internal/core/coretest"
)

func TestDisableSymlinks(t *testing.T) {
	s := coretest.New(t, modules, `
		location /on/ { disable_symlinks on; alias html/; location /on/inner/ { } location /on/off/ { disable_symlinks off; alias html/; } }
		location /owner/ { disable_symlinks if_not_owner; alias html/; }
		location /from/ { disable_symlinks on from=$document_root; root link/html; }
		location /from/all/ { disable_symlinks on; root link/html; }`)
	s.File("html/a", "a")
	s.File("html/dir/a", "in dir")
	s.File("html/from/a", "from")
	s.File("html/from/all/a", "all")
	for name, target := range map[string]string{"html/link": "a", "html/linkdir": "dir", "html/dangling": "none", "link": "."} {
		if err := os.Symlink(target, filepath.Join(s.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		path   string
		status int
		log    string
	}{
		{"/link", 200, ""},
		{"/on/a", 200, ""},
		{"/on/dir/a", 200, ""},
		{"/on/link", 403, `[error] openat() "html/link" failed (40: Too many levels of symbolic links)`},
		{"/on/linkdir/a", 404, `[error] openat() "html/linkdir/a" failed (20: Not a directory)`},
		{"/on/off/link", 200, ""},
		{"/owner/link", 200, ""}, // both are ours
		{"/owner/linkdir/a", 200, ""},
		{"/owner/dangling", 404, `[error] openat() "html/dangling" failed (2: No such file or directory)`},
		{"/from/a", 200, ""},
		{"/from/all/a", 404, `failed (20: Not a directory)`},
	} {
		res := s.Get(tt.path)
		log := strings.Join(res.Log, "\n")
		if res.Status != tt.status || tt.log == "" && log != "" || !strings.Contains(log, tt.log) {
			t.Errorf("%s: %d, want %d; log %q, want %q", tt.path, res.Status, tt.status, log, tt.log)
		}
	}
}

func TestBadDisableSymlinks(t *testing.T) {
	for config, want := range map[string]string{
		`disable_symlinks maybe;`:                    `invalid parameter "maybe" in nginx.conf:1`,
		`disable_symlinks off from=/x;`:              `"from=" cannot be used with "off" parameter in nginx.conf:1`,
		`disable_symlinks from=/x;`:                  `"disable_symlinks" must have "off", "on" or "if_not_owner" parameter in nginx.conf:1`,
		`disable_symlinks on if_not_owner;`:          `duplicate parameters "on if_not_owner" in nginx.conf:1`,
		"disable_symlinks on;\ndisable_symlinks on;": `"disable_symlinks" directive is duplicate in nginx.conf:2`,
		"disable_symlinks from= on;":                 "",
	} {
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%s: %s, want %s", config, got, want)
		}
	}
}
