package randomindex_test

import (
	"os"
	"path/filepath"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/index"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/randomindex"
	"hearth/internal/modules/static"
)

var modules = []*core.Module{&randomindex.Module, &index.Module, &static.Module}

func TestAnyFileOfTheDirectory(t *testing.T) {
	s := coretest.New(t, modules, `location /some/ { random_index on; }`)
	for _, name := range []string{"a", "b", "c", ".hidden", "dir/x"} {
		s.File("html/some/"+name, name)
	}
	got := map[string]int{}
	for range 200 {
		got[s.Get("/some/").Body]++
	}
	for _, name := range []string{"a", "b", "c"} {
		if got[name] < 20 { // of 67; less comes once in 10^14 times
			t.Errorf("%s: %d times", name, got[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Error(got)
	}
}

func TestRandomIndexIsNginxs(t *testing.T) {
	const config = `
		location / { random_index on; }
		location /off/ { random_index off; }
		location /off/inner/ { index f; }
		location /alias/ { random_index on; alias html/one/; }`
	tree := func(dir string) {
		for _, name := range []string{"one/file", "hidden/.file", "nested/dir/file", "indexed/sub/x", "off/f", "off/inner/f"} {
			path := filepath.Join(dir, "html", name)
			os.MkdirAll(filepath.Dir(path), 0o755)
			os.WriteFile(path, []byte(name), 0o644)
		}
		os.Mkdir(filepath.Join(dir, "html/linked"), 0o755)
		os.Symlink("../one/file", filepath.Join(dir, "html/linked/link"))
		os.Symlink("nowhere", filepath.Join(dir, "html/hidden/dangling"))
	}
	n := nginxtest.Start(t, config, tree)
	s := coretest.New(t, modules, config)
	tree(s.Dir)
	for _, path := range []string{"/one/", "/one/?x=y", "/one", "/hidden/", "/nested/", "/nested/dir/", "/linked/", "/none/", "/one/file/", "/off/", "/off/inner/", "/alias/"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT"} {
			theirs, ours := n.Do(coretest.Message(method, path, "")), s.Do(coretest.Message(method, path, ""))
			if ours.Status != theirs.Status || ours.Status == 200 && ours.Body != theirs.Body {
				t.Errorf("%s %s: %d %q, nginx %d %q", method, path, ours.Status, ours.Body, theirs.Status, theirs.Body)
			}
		}
	}
	for _, config := range []string{"random_index on;", "location / { random_index x; }", "location / { random_index on; random_index on; }"} {
		if ours, theirs := coretest.LoadError(t, modules, config), nginxtest.Check(t, config); ours != theirs {
			t.Errorf("%s: %s, nginx %s", config, ours, theirs)
		}
	}
}
