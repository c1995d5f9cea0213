package core_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

func TestLimitRate(t *testing.T) {
	set := &core.Module{Name: "test_set", Phases: []core.Phase{{At: core.PreAccess, Run: func(r *core.Request) core.Verdict {
		if v, ok := r.Arg("set"); ok {
			r.Gen.Vars.Ref("limit_rate").Set(r, v)
		}
		return core.Declined
	}}}}
	s := coretest.New(t, []*core.Module{echo, set}, `location / { echo "$limit_rate"; }
		location /fixed { limit_rate 10k; limit_rate_after 1m; echo "$limit_rate"; } location /arg { limit_rate $arg_rate; echo "$limit_rate"; }`)
	for _, tt := range []struct {
		path        string
		rate, after int64
		body        string
	}{
		{"/", 0, 0, "0"}, {"/fixed", 10240, 1 << 20, "10240"}, {"/arg?rate=4k", 4096, 0, "4096"}, {"/arg?rate=x", 0, 0, "0"}, {"/arg", 0, 0, "0"},
		{"/fixed?set=100", 100, 1 << 20, "100"}, {"/fixed?set=0", 0, 0, "0"},
	} {
		c := s.Start(coretest.Get(tt.path))
		rate, after := c.Rate()
		if rate != tt.rate || after != tt.after || c.Response().Body != tt.body {
			t.Errorf("%s: rate %d after %d, %q", tt.path, rate, after, c.Response().Body)
		}
	}
}

// The messages are those of Debian's nginx -t.
func TestSettingsErrors(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{"root /a; root /b;", `"root" directive is duplicate`},
		{"location / { alias /a; root /b; }", `"root" directive is duplicate, "alias" directive was specified earlier`},
		{"location / { root /a; alias /b; }", `"alias" directive is duplicate, "root" directive was specified earlier`},
		{"root $document_root/x;", `the $document_root variable cannot be used in the "root" directive`},
		{"location / { alias $realpath_root/x; }", `the $realpath_root variable cannot be used in the "alias" directive`},
		{"limit_rate x;", `"limit_rate" directive invalid value`},
		{"satisfy both;", `invalid value "both"`},
		{"keepalive_timeout x;", `"keepalive_timeout" directive invalid value`},
		{"keepalive_timeout 1 y;", `"keepalive_timeout" directive invalid value`},
		{"keepalive_timeout 1; keepalive_timeout 2;", `"keepalive_timeout" directive is duplicate`},
		{"client_max_body_size -1;", `"client_max_body_size" directive invalid value`},
		{"sendfile maybe;", `invalid value "maybe" in "sendfile" directive, it must be "on" or "off"`},
		{"resolver valid=1s;", `no name servers defined`},
		{"resolver 127.0.0.1 valid=x;", `invalid parameter: valid=x`},
		{"resolver 127.0.0.1 ipv6=maybe;", `invalid parameter: ipv6=maybe`},
		{"client_body_temp_path a 0;", `"client_body_temp_path" directive invalid value`},
		{"client_body_temp_path a 4 4 4;", `"client_body_temp_path" directive invalid value`},
		{"error_page = /x;", `invalid value "="`},
		{"resolver nosuch.invalid;", `host not found in resolver "nosuch.invalid"`},
		{"resolver http://127.0.0.1;", `invalid host in resolver "http://127.0.0.1"`},
		{"resolver '';", `no host in resolver ""`},
		{"resolver 127.0.0.1:99999;", `invalid port in resolver "127.0.0.1:99999"`},
		{"location / { internal yes; }", `invalid number of arguments in "internal" directive`},
		{"internal;", `"internal" directive is not allowed here`},
		{"error_page 404 $;", `invalid variable name`},
		{"types { text/html html }", `unexpected "}"`},
		{"large_client_header_buffers 0 1k;", `"large_client_header_buffers" directive invalid value`},
		{"max_ranges x;", `"max_ranges" directive invalid number`},
		{"location ~ ( { }", "*"},
	} {
		got := coretest.LoadError(t, modules, tt.config)
		if got != tt.want+" in nginx.conf:1" && (tt.want != "*" || got == "") {
			t.Errorf("%s\n got %s\nwant %s", tt.config, got, tt.want)
		}
	}
	if got := coretest.LoadError(t, modules, "http { server { } }\nhttp { }"); got != `"http" directive is duplicate in nginx.conf:2` {
		t.Error(got)
	}
	if got := coretest.LoadError(t, modules, "location / { echo $nothing; }"); got != `unknown "nothing" variable` {
		t.Error(got)
	}
	if got := coretest.LoadError(t, modules, "location / { echo $ssl_cipher; }"); got != `variable "ssl_cipher" (ngx_http_ssl_module) is not supported by hearth yet` {
		t.Error(got)
	}
}

func TestTypes(t *testing.T) {
	s := coretest.New(t, modules, `
		server { listen 80; default_type a/b; types { x/y x Y; text/z z; }
			location /none { types { } default_type c/d; } location /less { types { q/r x; } } }
		server { listen 81; location /e { default_type ""; } }`)
	find := func(server int, location, path string) string {
		for _, b := range s.Gen.Servers[server].Block.Find(conf.Location) {
			if b.Args[0] == location {
				return string((&core.Request{Location: core.LocationOf(b)}).ContentTypeOf([]byte(path)))
			}
		}
		return string((&core.Request{Location: s.Gen.Servers[server].Location}).ContentTypeOf([]byte(path)))
	}
	for _, tt := range []struct {
		server               int
		location, path, want string
	}{
		{0, "", "/f.x", "x/y"}, {0, "", "/f.Y", "x/y"}, {0, "", "/f.tar.z", "text/z"}, {0, "", "/f", "a/b"}, {0, "", "/.x", "a/b"}, {0, "", "/a.x/f", "a/b"},
		{0, "/none", "/f.x", "c/d"}, {0, "/less", "/f.x", "q/r"}, {0, "/less", "/f.z", "a/b"},
		{1, "", "/f.html", "text/html"}, {1, "", "/f.jpg", "image/jpeg"}, {1, "", "/f.other", "text/plain"}, {1, "/e", "/f", ""},
	} {
		if got := find(tt.server, tt.location, tt.path); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	w := coretest.Warnings(t, modules, "types { a/b x; c/d x; }")
	equalLines(t, w, []string{`duplicate extension "x", content type: "c/d", previous content type: "a/b" in nginx.conf:1`})
}

// A row whose value nothing reads claims what is not so: it belongs among those without effect.
func TestEverySettingIsRead(t *testing.T) {
	var source []byte
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source = append(source, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, use := range regexp.MustCompile(`(return &c)?\.(\w+)`).FindAllSubmatch(source, -1) {
		if len(use[1]) == 0 {
			read[string(use[2])] = true
		}
	}
	for _, conf := range []reflect.Type{reflect.TypeFor[core.ServerConf](), reflect.TypeFor[core.LocationConf]()} {
		for i := range conf.NumField() {
			if name := conf.Field(i).Name; !read[name] {
				t.Errorf("nothing reads %s", name)
			}
		}
	}
}

func TestTheFirstBufferOfAHeadCountsBesideTheLargeOnes(t *testing.T) {
	for _, tt := range []struct {
		config      string
		line, total int
	}{
		{"", 8 << 10, 33 << 10},
		{"client_header_buffer_size 2k; large_client_header_buffers 2 1k;", 2 << 10, 4 << 10},
	} {
		got := coretest.New(t, modules, "server { listen 80; "+tt.config+" }").Gen.Servers[0].Conf.Requests
		if got.LineLimit != tt.line || got.TotalLimit != tt.total {
			t.Errorf("%q: lines of %d, %d in all, want %d and %d", tt.config, got.LineLimit, got.TotalLimit, tt.line, tt.total)
		}
	}
}
