package autoindex_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/autoindex"
	"hearth/internal/modules/charset"
	"hearth/internal/modules/index"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/static"
)

var modules = []*core.Module{&charset.Module, &index.Module, &autoindex.Module, &static.Module}

const config = `
	location / { autoindex on; }
	location /rough/ { autoindex on; autoindex_exact_size off; autoindex_localtime on; alias html/t/; }
	location /utf/ { autoindex on; charset utf-8; alias html/t/; }
	location /json/ { autoindex on; autoindex_format json; alias html/t/; }
	location /xml/ { autoindex on; autoindex_format xml; alias html/t/; }
	location /jsonp/ { autoindex on; autoindex_format jsonp; alias html/t/; }
	location /json/void/ { autoindex on; autoindex_format json; alias html/empty/; }
	location /xml/void/ { autoindex on; autoindex_format xml; alias html/empty/; }
	location /jsonp/void/ { autoindex on; autoindex_format jsonp; alias html/empty/; }
	location /off/ { autoindex off; alias html/t/; }`

// tree makes files of all kinds below html, all of one age.
func tree(t *testing.T, dir string) {
	root := filepath.Join(dir, "html")
	at := time.Unix(1577934245, 0)
	names := map[string]int64{"file": 1, "big": 2000, "9999": 9999, "10000": 10000, "mega": 1<<20 - 1, "more": 1 << 20, "huge": 5000000, "giga": 1<<30 - 1, "giant": 5000000000,
		"a<b>&\"q'.html": 0, "ü.txt": 0, "c:d": 0, "x?y#z%41": 0, "new\nline": 0, "bad\xff": 0, "tab\tand\x01": 0, `back\slash`: 0, "B": 0, "a": 0, ".hidden": 0, "dir/x": 0, "di r&/x": 0,
		strings.Repeat("n", 49): 0, strings.Repeat("n", 50): 0, strings.Repeat("n", 51): 0, strings.Repeat("é", 50): 0, strings.Repeat("é", 51): 0, strings.Repeat("&", 60): 0,
		strings.Repeat("d", 49) + "/x": 0, strings.Repeat("d", 50) + "/x": 0, strings.Repeat("d", 51) + "/x": 0, strings.Repeat("é", 60) + "\xff": 0, "q<&>/index.html": 3}
	for name, size := range names {
		path := filepath.Join(root, "t", name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		os.Truncate(path, size)
	}
	os.MkdirAll(filepath.Join(root, "empty"), 0o755)
	os.MkdirAll(filepath.Join(root, "e<&>"), 0o755)
	os.Symlink("dir", filepath.Join(root, "t/linkdir"))
	syscall.Mkfifo(filepath.Join(root, "t/fifo"), 0o666)
	if err := filepath.WalkDir(filepath.Join(root, "t"), func(path string, _ os.DirEntry, _ error) error {
		return os.Chtimes(path, at, at)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestListingsAreNginxs(t *testing.T) {
	n := nginxtest.Start(t, config, func(dir string) { tree(t, dir) })
	s := coretest.New(t, modules, config)
	tree(t, s.Dir)
	for _, path := range strings.Fields(`/t/ /rough/ /utf/ /json/ /xml/ /jsonp/ /jsonp/?callback=f /jsonp/?callback=a.b_C9 /jsonp/?callback=a[0] /jsonp/?callback=%66 /jsonp/?x&CALLBACK=g
		/jsonp/?callback= /empty/ /e%3c&%3e/ /none/ /t/file/ /off/ /t/q%3c&%3e/ /t/dir /json/dir/ /xml/dir/ /json/void/ /xml/void/ /jsonp/void/?callback=f`) {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			request := coretest.Message(method, path, "", "Connection: close")
			theirs, ours := n.Do(request), s.Do(request)
			theirBody := strings.ReplaceAll(theirs.Body, "nginx/1.22.1", "hearth/"+core.Version)
			if theirs.Status != ours.Status || theirBody != ours.Body || theirs.Header.Get("Content-Type") != ours.Header.Get("Content-Type") {
				t.Errorf("%s %s\nhearth: %d %s %q\n nginx: %d %s %q", method, path, ours.Status, ours.Header.Get("Content-Type"), ours.Body,
					theirs.Status, theirs.Header.Get("Content-Type"), theirBody)
			}
			if a, b := messages(n.Log()), messages(ours.Log); a != b {
				t.Errorf("%s %s\nhearth logs %s\n nginx logs %s", method, path, b, a)
			}
		}
	}
}

// messages are error log lines without context, and without those below the level that nginx logs.
func messages(lines []string) string {
	var kept []string
	for _, line := range lines {
		if msg, _, _ := strings.Cut(line, ", client: "); !strings.HasPrefix(msg, "[info]") {
			kept = append(kept, msg)
		}
	}
	return strings.Join(kept, "\n")
}

func TestAListing(t *testing.T) {
	s := coretest.New(t, modules, config)
	path := s.File("html/a&b", "four")
	os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0))
	s.File("html/.hidden", "")
	want := "<html>\r\n<head><title>Index of /</title></head>\r\n<body>\r\n<h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\r\n" +
		"<a href=\"a%26b\">a&amp;b</a>" + strings.Repeat(" ", 48) + "01-Jan-1970 00:00                   4\r\n</pre><hr></body>\r\n</html>\r\n"
	if res := s.Get("/"); res.Body != want || !res.Complete {
		t.Errorf("%q, want %q", res.Body, want)
	}
}
