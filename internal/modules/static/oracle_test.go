package static_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/autoindex"
	"hearth/internal/modules/charset"
	"hearth/internal/modules/emptygif"
	"hearth/internal/modules/index"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/notmodified"
	"hearth/internal/modules/ranges"
	"hearth/internal/modules/rewrite"
	"hearth/internal/modules/static"
	"hearth/internal/modules/tryfiles"
)

// all is what serving files consists of, in the order of the list of modules.
var all = []*core.Module{&notmodified.Module, &ranges.Body, &rewrite.Module, &tryfiles.Module, &index.Module, &static.Module, &ranges.Module}

// pair is one configuration, served by nginx and by hearth's modules over two trees that are alike.
type pair struct {
	*coretest.Server
	t     *testing.T
	nginx *nginxtest.Nginx
}

func startPair(t *testing.T, config string) *pair {
	t.Helper()
	n := nginxtest.Start(t, config, tree)
	p := &pair{coretest.New(t, all, config), t, n}
	p.Remote = conn.Addr{}
	tree(p.Dir)
	return p
}

// answer is what is compared.
type answer struct {
	status string
	header []string
	body   string
	log    []string
}

func (a answer) String() string {
	body := a.body
	if len(body) > 300 {
		body = body[:300] + "..."
	}
	return a.status + " " + strings.Join(a.header, " | ") + "\n\t" + strconv.Quote(body) + "\n\t" + strings.Join(a.log, "\n\t")
}

// compare sends a request to both.
func (p *pair) compare(request string) {
	p.t.Helper()
	theirs, ours := p.theirs(request), p.ours(request)
	if theirs.status == "416" { // on an error page of this status nginx leaves the tag of the file that was asked for
		theirs.header = slices.DeleteFunc(theirs.header, func(line string) bool { return line == "ETag: "+tag })
	}
	if theirs.String() != ours.String() || theirs.body != ours.body {
		p.t.Errorf("%q\nhearth: %s\n nginx: %s", request, ours, theirs)
	}
}

func (p *pair) theirs(request string) answer {
	res := p.nginx.Do(request)
	body := strings.ReplaceAll(res.Body, "nginx/1.22.1", "hearth/"+core.Version)
	return normal(answer{strconv.Itoa(res.Status), res.Header, body, p.nginx.Log()})
}

func (p *pair) ours(request string) answer {
	res := p.Do(request)
	return normal(answer{strconv.Itoa(res.Status), res.Header, res.Body, res.Log})
}

var boundary = regexp.MustCompile(`\d{20}`)

// normal is the answer without what cannot be the same.
func normal(a answer) answer {
	a.body = boundary.ReplaceAllString(a.body, "BOUNDARY")
	var header, log []string
	for _, line := range a.header {
		line = strings.Replace(line, "Etag:", "ETag:", 1) // as package http writes nginx's
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Server", "Date", "Connection":
		default:
			header = append(header, boundary.ReplaceAllString(line, "BOUNDARY"))
		}
	}
	for _, line := range a.log {
		if line, _, _ = strings.Cut(line, ", client: "); !strings.HasPrefix(line, "[info]") { // nginx logs errors only
			log = append(log, line)
		}
	}
	slices.Sort(header)
	a.header, a.log = header, log
	return a
}

func TestFilesAreNginxs(t *testing.T) {
	p := startPair(t, `
		types { text/html html; text/css css; application/x-a a; }
		location /images/ { alias files/pictures/; location /images/deep/ { } location ~ \.css$ { } }
		location /noslash { alias files/pictures; }
		location ~ ^/u/(\w+)/(.*)$ { alias users/$1/$2; }
		location /typed/ { default_type application/octet-stream; root html/sub; }
		location /quiet/ { log_not_found off; }
		location /etagless { etag off; alias html/a.html; }
		location = /exact { alias html/a.html; }
		location /varalias { alias $arg_p; }
		location /varroot/ { root $arg_p; location /varroot/in/ { try_files $uri =404; } }
		location /idx/ { index none index.$arg_x.html sub/i.html /a.html; alias html/; }
		location /abs/ { index none /a.html; root files; }
		location /two/ { index a.css; index a.html; alias html/; }
		location /dirindex/ { index sub; alias html/; }
		location /try/ { try_files $uri $uri.html $uri/ /a.html?$uri; alias html/; }
		location /tryroot/ { try_files $uri $uri/ @at; root html; }
		location @at { root html; try_files /sub/none /sub/a.css =404; }
		location ~ ^/tryre/(.+)$ { alias html/$1; try_files "" .html /none.html =403; }
		location ~ ^/tryre2/(.+)$ { alias html; try_files /$1 /sub/$1 =404; }
		location /code444/ { try_files /none =410; }
		location /err/ { error_page 404 /a.html; error_page 403 =200 /none; error_page 405 /sub/a.css; }
		location /norange { max_ranges 0; alias html/a.html; } location /onerange { max_ranges 1; alias html/a.html; }
		location /imsoff { if_modified_since off; alias html/a.html; } location /imsbefore { if_modified_since before; alias html/a.html; }
		location /err412 { error_page 412 416 /sub/a.css; alias html/a.html; }
		location /err412ok { error_page 412 416 =200 /sub/a.css; alias html/a.html; }
		location /rewritten/ { alias html/; rewrite ^/rewritten/(.*)$ /sub/$1 break; }
		location /rewritten/last/ { alias html/; rewrite ^/rewritten/last/(.*)$ /sub/$1; }
		location /rewritten/try/ { alias html/; rewrite ^/rewritten/try/(.*)$ /sub/$1 break; try_files $uri =404; }
		location /rewritten/nul/ { rewrite ^ /a.html%00.css break; root html; }
		location ~ ^/rere/(.*)$ { alias html; rewrite ^/rere/(.*)$ /sub/$1 break; }
		location /ifs/ { alias html/; try_files $uri =410; if ($arg_x) { set $y 1; } if ($arg_r) { root html/sub; } }
		location /links/on/ { disable_symlinks on; alias html/; }
		location /links/owner/ { disable_symlinks if_not_owner; alias html/; }
		location /links/from/ { disable_symlinks on from=$document_root; alias html/; }
	`)
	paths := strings.Fields(`/ /a.html /a.html/ /a.html/b /none /none/ /none/x /sub /sub/ /sub?x=y /sub/a.css /sub/a.CSS /empty /fifo /fifo/ /fifo/x /socket /loop /dangling
		/link /linkdir /linkdir/a.css /noperm /a%20b /a%20b/ /a%20b?q /%3f /%e2%82%ac /quote%22 /a.html%00 /%2e%2e/x /sub/../a.html /sub/%2e%2e/a.html
		/images /images/ /images/p.gif /images/deep/p.gif /images/deep /images/deep/ /images/none /images/deep/none /images/s.css /images/deep/s.css
		/noslash /noslash/ /noslash/p.gif /noslashp.gif /u/bob/x /u/bob/ /u/bob/dir /u/none/x /typed/a.css /typed/x.bin /quiet/x /quiet/ /etagless /exact
		/varalias?p=html/a.html /varalias?p=html/sub/ /varalias?p=none /varalias /varroot/x?p=files /varroot/in/x?p=html /varroot/
		/idx/ /idx/?x=1 /idx/sub/ /abs/ /two/ /dirindex/ /dirindex /noindex/ /noindex
		/try/a /try/a.html /try/sub /try/sub/ /try/none /try/ /tryroot/ /tryroot/x /tryre/a /tryre/sub /tryre/none /tryre2/a.html /tryre2/a.css /tryre2/none /code444/
		/err/x /err/ /rewritten/a.css /rewritten/ /rewritten/last/a.css /rewritten/try/a.css /rewritten/nul/x /rere/a.css /rere/ /rere/none /ifs/a.html /ifs/none /ifs/none?x=1 /ifs/?x=1 /ifs/a.css?r=1 /hidden.d/.html /.html /x.html.none /dot. /dir.html /dir.html/
		/links/on/a.html /links/on/link /links/on/linkdir/a.css /links/on/linkdir/ /links/on/dangling /links/on/none /links/on/none/x /links/on/sub/ /links/on/sub /links/on/loop /links/on/a.html/x
		/links/owner/link /links/owner/foreign /links/owner/linkdir/a.css /links/owner/dangling /links/owner/a.html /links/owner/sub/ /links/owner/loop
		/links/from/a.html /links/from/link /links/from/sub/a.css /links/from/linkdir/a.css /links/from/`)
	paths = append(paths, "/"+strings.Repeat("x", 256), "/"+strings.Repeat("x", 256)+"/")
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
			body := ""
			if method == "POST" || method == "PUT" {
				body = "body"
			}
			p.compare(coretest.Message(method, path, body))
		}
	}
	p.compare("GET /a.html HTTP/1.0\r\n\r\n")
}

func TestConditionsAndRangesAreNginxs(t *testing.T) {
	p := startPair(t, `
		location /norange { max_ranges 0; alias html/a.html; } location /onerange { max_ranges 1; alias html/a.html; }
		location /imsoff { if_modified_since off; alias html/a.html; } location /imsbefore { if_modified_since before; alias html/a.html; }
		location /err { error_page 412 416 /sub/a.css; alias html/a.html; }
		location /errok { error_page 412 416 =200 /sub/a.css; alias html/a.html; }
		location /errurl { error_page 412 416 http://x/; alias html/a.html; }
		location /return { return 200 text; }
		location /typeless { default_type ""; alias html/empty.none; }
	`)
	const same, before, after = "Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:21 GMT"
	headers := [][]string{
		{"If-Modified-Since: " + same}, {"If-Modified-Since: " + before}, {"If-Modified-Since: " + after}, {"If-Modified-Since: x"}, {"If-Modified-Since:"},
		{"If-Unmodified-Since: " + same}, {"If-Unmodified-Since: " + before}, {"If-Unmodified-Since: " + after}, {"If-Unmodified-Since: x"},
		{"If-None-Match: " + tag}, {"If-None-Match: W/" + tag}, {"If-None-Match: x"}, {"If-None-Match: *"}, {"If-None-Match: "}, {`If-None-Match: "x", ` + tag}, {`If-None-Match: "x" ,,	` + tag + " ,y"},
		{"If-None-Match: " + tag + "x"}, {"If-None-Match: x" + tag}, {"If-None-Match: " + tag + " x"}, {"If-None-Match: W/"}, {"If-None-Match: , " + tag}, {`If-None-Match: "a,` + tag}, {"If-None-Match: w/" + tag},
		{"If-Match: " + tag}, {"If-Match: W/" + tag}, {"If-Match: x"}, {"If-Match: *"}, {"If-Match:"}, {"If-Match: x," + tag},
		{"If-None-Match: " + tag, "If-Modified-Since: " + same}, {"If-None-Match: " + tag, "If-Modified-Since: " + before}, {"If-None-Match: x", "If-Modified-Since: " + same},
		{"If-Match: x", "If-None-Match: " + tag}, {"If-Unmodified-Since: " + after, "If-Match: " + tag, "Range: bytes=0-0"},
		{"Range: bytes=0-4"}, {"Range: bytes=5-"}, {"Range: bytes=-5"}, {"Range: bytes=0-"}, {"Range: bytes=-0"}, {"Range: bytes=-100"}, {"Range: bytes=20-100"}, {"Range: bytes=26-"}, {"Range: bytes=100-"},
		{"Range: bytes=0-0,2-3"}, {"Range: bytes=5-6,0-1,-1"}, {"Range: bytes=0-20,5-25"}, {"Range: bytes=0-0,100-200"}, {"Range: bytes=0-0,"}, {"Range: bytes=,0-0"}, {"Range: bytes=0-0,x"},
		{"Range: bytes=5-4"}, {"Range: bytes=x"}, {"Range: bytes="}, {"Range: bytes"}, {"Range: Bytes=0-0"}, {"Range: items=0-0"}, {"Range: bytes= 1 - 2 , 4 - 5 "}, {"Range: bytes=1\t-2"},
		{"Range: bytes=99999999999999999999-"}, {"Range: bytes=0-99999999999999999999"}, {"Range: bytes=0-9223372036854775807"}, {"Range: bytes=-9223372036854775807"}, {"Range: bytes=9223372036854775807-"},
		{"Range: bytes=0-4", "If-Range: " + tag}, {"Range: bytes=0-4", "If-Range: W/" + tag}, {"Range: bytes=0-4", `If-Range: "x"`}, {"Range: bytes=0-4", "If-Range: " + same},
		{"Range: bytes=0-4", "If-Range: " + after}, {"Range: bytes=0-4", "If-Range: x"}, {"Range: bytes=0-4", `If-Range: "`}, {"Range: bytes=0-4", "If-Range: "},
		{"Range: bytes=0-4", "If-None-Match: " + tag}, {"Range: bytes=0-4", "If-Modified-Since: " + before}, {"Range: bytes=0-0", "Range: bytes=1-1"},
	}
	for _, path := range []string{"/a.html", "/norange", "/onerange", "/imsoff", "/imsbefore", "/err", "/errok", "/errurl", "/return", "/empty", "/none", "/typeless", "/sub"} {
		for _, header := range headers {
			for _, method := range []string{"GET", "HEAD"} {
				p.compare(coretest.Message(method, path, "", header...))
			}
		}
	}
	p.compare("GET /a.html HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n")
}

// tag is that of html/a.html.
const tag = `"6553f100-1a"`

// tree makes files of all kinds.
func tree(dir string) {
	at := time.Unix(1700000000, 0)
	for name, content := range map[string]string{
		"html/a.html": "abcdefghijklmnopqrstuvwxyz", "html/sub/a.css": "css", "html/empty": "", "html/a b/x": "", "html/?": "question", "html/€": "euro", `html/quote"`: "q",
		"files/pictures/p.gif": "gif", "files/pictures/deep/p.gif": "deep gif", "files/pictures/s.css": "s", "files/pictures/deep/s.css": "deep s", "users/bob/x": "bob's", "users/bob/dir/f": "",
		"html/sub/typed/a.css": "typed", "html/sub/typed/x.bin": "bin", "html/index.1.html": "one", "html/sub/i.html": "i", "html/index.html": "index", "html/noindex/f": "",
		"html/hidden.d/.html": "hidden", "html/.html": "top hidden", "html/x.html.none": "none", "html/dot.": "dot", "html/dir.html/index.html": "in dir", "html/abs/x": "", "html/empty.none": "twelve bytes",
		"files/abs/x": "", "html/html/index.html": "",
	} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, []byte(content), 0o644)
		os.Chtimes(path, at, at)
	}
	in := func(name string) string { return filepath.Join(dir, "html", name) }
	syscall.Mkfifo(in("fifo"), 0o666)
	if l, err := net.Listen("unix", in("socket")); err == nil {
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	os.Symlink("loop", in("loop"))
	os.Symlink("nowhere", in("dangling"))
	os.Symlink("a.html", in("link"))
	os.Symlink("sub", in("linkdir"))
	os.Symlink("a.html", in("foreign"))
	os.Lchown(in("foreign"), 12345, -1) // where root runs the test
	os.WriteFile(in("noperm"), nil, 0)
	os.Chtimes(in("noperm"), at, at)
}

func TestRefusalsAreNginxs(t *testing.T) {
	modules := append([]*core.Module{&autoindex.Module, &charset.Module, &emptygif.Module}, all...)
	for _, config := range []string{
		`open_file_cache foo;`, `open_file_cache inactive=1s;`, `open_file_cache max=x;`, "open_file_cache max=10 off;\nopen_file_cache off;", `open_file_cache_valid x;`,
		`disable_symlinks maybe;`, `disable_symlinks off from=/x;`, `disable_symlinks from=/x;`, `disable_symlinks on if_not_owner;`, `disable_symlinks on from=$;`,
		`try_files a;`, `try_files a =x;`, `try_files a =;`, `try_files a =1000;`, `try_files a $nope;`, "try_files a b;\ntry_files a b;", `location / { if ($uri) { try_files a b; } }`,
		`index;`, `index "";`, `index a "" b;`, `index $;`, `index $nope;`, `index /a b;`,
		`autoindex yes;`, `autoindex_format pdf;`, `autoindex_exact_size 1;`, `autoindex_localtime on off;`, "autoindex on;\nautoindex on;",
		`charset a; source_charset b;`, `charset $nope;`, `charset_types;`, `charset_types text/html;`, `charset_types a/b A/B;`, `override_charset yes;`, "charset a;\ncharset b;",
		`empty_gif;`, `location / { empty_gif on; }`, `max_ranges x;`, `etag yes;`, `if_modified_since never;`,
	} {
		theirs := nginxtest.Check(t, config)
		ours := coretest.LoadError(t, modules, config)
		if ours == "" {
			ours = strings.Join(coretest.Warnings(t, modules, config), "\n")
		}
		if ours != theirs {
			t.Errorf("%s\nhearth: %s\n nginx: %s", config, ours, theirs)
		}
	}
}
