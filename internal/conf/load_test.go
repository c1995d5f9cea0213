package conf_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hearth/internal/conf"
)

// load reads text as /etc/nginx.conf, with rows beside those of the example.
func load(text string, rows ...conf.Directive) (*conf.Config, []string, error) {
	var warnings []string
	config, err := conf.Load(conf.Options{
		File: "nginx.conf", Prefix: "/etc",
		Schema: conf.NewSchema(rows, directives, conf.InternalTuning),
		Warn:   func(level, msg string) { warnings = append(warnings, level+": "+msg) },
		ReadFile: func(name string) ([]byte, error) {
			if name == "/etc/nginx.conf" {
				return []byte(text), nil
			}
			return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
		},
	})
	return config, warnings, err
}

func mustLoad(t *testing.T, text string, rows ...conf.Directive) *conf.Config {
	t.Helper()
	config, _, err := load(text, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func wantError(t *testing.T, text, want string, rows ...conf.Directive) {
	t.Helper()
	_, _, err := load(text, rows...)
	if err == nil || err.Error() != want {
		t.Errorf("%s\n got:  %v\n want: %s", text, err, want)
	}
}

func TestADirectiveNginxHasAndHearthHasNotIsNamed(t *testing.T) {
	wantError(t, "stream {}", `directive "stream" (ngx_stream_core_module) is not supported by hearth yet in /etc/nginx.conf:1`)
	wantError(t, "mail {}", `directive "mail" (ngx_mail_core_module) is not supported by hearth yet in /etc/nginx.conf:1`)
	wantError(t, "http { server {\n gzip on;", `directive "gzip" (ngx_http_gzip_module) is not supported by hearth yet in /etc/nginx.conf:2`)
	wantError(t, "http { server {\n gzip off on;", `directive "gzip" (ngx_http_gzip_module) is not supported by hearth yet in /etc/nginx.conf:2`)
	wantError(t, "http { server {\n status_zone off;", `directive "status_zone" (ngx_http_api_module) is not supported by hearth yet in /etc/nginx.conf:2`)
	wantError(t, "http { server {\n gzip off {", `directive "gzip" (ngx_http_gzip_module) is not supported by hearth yet in /etc/nginx.conf:2`)
	wantError(t, "http { server {\n gzip off; auth_basic off; proxy_cache off; }\n proxy_cache 'off'; charset_map off; }", `directive "charset_map" (ngx_http_charset_module) is not supported by hearth yet in /etc/nginx.conf:3`)
	wantError(t, "http { server {\n fastcgi_buffering on;", `directive "fastcgi_buffering" (ngx_http_fastcgi_module) is not supported by hearth yet in /etc/nginx.conf:2`)
	wantError(t, "http { upstream a {", `directive "upstream" (ngx_http_upstream_module) is not supported by hearth yet in /etc/nginx.conf:1`)
	wantError(t, "fastcgi_buffering on;", `"fastcgi_buffering" directive is not allowed here in /etc/nginx.conf:1`)
	wantError(t, "http { contact a; }", `unknown directive "contact" in /etc/nginx.conf:1`)
	wantError(t, "http { nonsense a; }", `unknown directive "nonsense" in /etc/nginx.conf:1`)
}

func TestARowGoesBeforeOneWithoutEffect(t *testing.T) {
	type files struct{ max int }
	slot := conf.NewSlot[files](conf.LocationLevel)
	row := conf.Field(slot, conf.Directive{Name: "types_hash_max_size", In: conf.ToLocation, Default: "7"}, conf.Num, func(f *files) *int { return &f.max })
	for _, s := range []*conf.Schema{
		conf.NewSchema([]conf.Directive{row}, conf.InternalTuning),
		conf.NewSchema(conf.InternalTuning, []conf.Directive{row}),
	} {
		if s.Lookup("types_hash_max_size", conf.HTTP).NoEffect {
			t.Error("the row without effect was taken")
		}
	}
}

func TestTwoRowsForOneDirectiveAreAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NewSchema accepted two rows")
		}
	}()
	conf.NewSchema(directives, directives[:1])
}

// fruit is a module's configuration that uses every way of storing.
type fruit struct {
	Apples  int
	Own     int
	Last    string
	Rules   []string
	Sweet   uint32
	Timeout time.Duration
}

var fruits = conf.NewSlot[fruit](conf.LocationLevel)

func rule(c *conf.Cursor, args []string) (string, error) { return c.Name() + " " + args[0], nil }

var fruitRows = []conf.Directive{
	conf.Field(fruits, conf.Directive{Name: "apples", In: conf.ToLocation, Default: "3"}, conf.AtLeast(2, conf.Num), func(f *fruit) *int { return &f.Apples }),
	conf.Field(fruits, conf.Directive{Name: "own", In: conf.ToLocation, Default: "1", NoInherit: true}, conf.Num, func(f *fruit) *int { return &f.Own }),
	conf.Field(fruits, conf.Directive{Name: "last", In: conf.ToLocation, Again: true, Deprecated: "apples"}, conf.String, func(f *fruit) *string { return &f.Last }),
	conf.Field(fruits, conf.Directive{Name: "ripe", In: conf.ToLocation, Default: "off"}, conf.Or("off", -1, conf.Sec), func(f *fruit) *time.Duration { return &f.Timeout }),
	conf.List(fruits, conf.Directive{Name: "eat", In: conf.ToLocation}, rule, func(f *fruit) *[]string { return &f.Rules }),
	conf.List(fruits, conf.Directive{Name: "leave", In: conf.ToLocation}, rule, func(f *fruit) *[]string { return &f.Rules }),
	conf.BitSet(fruits, conf.Directive{Name: "sweet", In: conf.ToLocation, Args: conf.OneMore, Default: "a"},
		map[string]uint32{"a": 1, "b": 2, "C": 4}, func(f *fruit) *uint32 { return &f.Sweet }),
}

func TestInheritance(t *testing.T) {
	config := mustLoad(t, `
		http {
			own 5; eat worm; last x; last y; ripe 1m;
			server {
				apples 9; leave core; eat peel; sweet b; sweet c;
				location /a { sweet a; ripe off; limit_except GET { } }
				location /b { eat core; }
			}
			server { if ($x) { } }
		}`, fruitRows...)
	http := config.Root.Children[0]
	first, second := http.Children[0], http.Children[1]
	for _, tt := range []struct {
		name  string
		block *conf.Block
		want  fruit
	}{
		{"http", http, fruit{3, 5, "y", []string{"eat worm"}, 1, time.Minute}},
		{"server", first, fruit{9, 1, "y", []string{"leave core", "eat peel"}, 6, time.Minute}},
		{"location /a", first.Children[0], fruit{9, 1, "y", []string{"leave core", "eat peel"}, 1, -1}},
		{"limit_except in it", first.Children[0].Children[0], fruit{9, 1, "y", []string{"leave core", "eat peel"}, 1, -1}},
		{"location /b", first.Children[1], fruit{9, 1, "y", []string{"eat core"}, 6, time.Minute}},
		{"a server with nothing", second, fruit{3, 1, "y", []string{"eat worm"}, 1, time.Minute}},
		{"if in it", second.Children[0], fruit{3, 1, "y", []string{"eat worm"}, 1, time.Minute}},
	} {
		if d := cmp.Diff(tt.want, *fruits.Of(tt.block)); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestASlotIsFoundFromAnyBlockInside(t *testing.T) {
	type whole struct{ n int }
	slot := conf.NewSlot[whole](conf.MainLevel)
	config := mustLoad(t, "http { count; server { location / { count; } } }",
		conf.Custom(slot, conf.Directive{Name: "count", In: conf.ToLocation, Args: conf.NoArgs},
			func(_ *conf.Cursor, _ *conf.Block, w *whole, _ []string) error { w.n++; return nil }))
	http := config.Root.Children[0]
	if n := slot.Of(http.Children[0].Children[0]).n; n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestBounds(t *testing.T) {
	wantError(t, "http { apples 1; }", "value must be equal to or greater than 2 in /etc/nginx.conf:1", fruitRows...)
	wantError(t, "http { apples x; }", `"apples" directive invalid number in /etc/nginx.conf:1`, fruitRows...)
}

func TestWarnings(t *testing.T) {
	_, got, err := load("http {\n last x;\n sweet b B;\n}", fruitRows...)
	want := []string{
		`warn: the "last" directive is deprecated, use the "apples" directive instead in /etc/nginx.conf:2`,
		`warn: duplicate value "B" in /etc/nginx.conf:3`,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFinishRowsAndHooksRunAtTheClosingBrace(t *testing.T) {
	wantError(t, "http {\n proxy_buffer_size 64k;\n}\nnonsense;",
		`"proxy_busy_buffers_size" must be equal to or greater than "proxy_buffer_size" in /etc/nginx.conf:3`)
	wantError(t, "http {\n server { location / { late; } }\n}\n", `came too late in /etc/nginx.conf:3`, late)
	wantError(t, "late;\nevents {}\n", `came too late`, late)
	wantError(t, "late;\nevents {}\nnonsense;", `unknown directive "nonsense" in /etc/nginx.conf:3`, late)
}

var late = conf.Directive{Name: "late", In: conf.Main | conf.Location, Args: conf.NoArgs,
	Set: func(c *conf.Cursor, _ *conf.Block, _ []string) error {
		c.AtEnd(func() error {
			c.AtEnd(func() error { return errors.New("came too late") }) // from a hook: still runs
			return nil
		})
		return nil
	}}

func TestOrderOfHooksAndFinish(t *testing.T) {
	var got []string
	slot := conf.NewSlot[fruit](conf.ServerLevel)
	rows := []conf.Directive{
		conf.Custom(slot, conf.Directive{Name: "note", In: conf.ToServer}, func(c *conf.Cursor, _ *conf.Block, _ *fruit, args []string) error {
			c.AtEnd(func() error { got = append(got, "hook "+args[0]); return nil })
			return nil
		}),
		conf.Finish(slot, func(_ *conf.Cursor, b *conf.Block, _ *fruit) error {
			got = append(got, "finish "+b.Kind.String())
			return nil
		}),
	}
	mustLoad(t, "http { server { note 1; } note 2; }", rows...)
	want := []string{"finish http", "finish server", "hook 1", "hook 2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestFieldsSetHereAreTold(t *testing.T) {
	config := mustLoad(t, "http { apples 5; server { sweet a; } }", fruitRows...)
	http := config.Root.Children[0]
	server := http.Children[0]
	h, s := fruits.Of(http), fruits.Of(server)
	if !fruits.IsSet(http, &h.Apples) || fruits.IsSet(server, &s.Apples) || !fruits.IsSet(server, &s.Sweet) {
		t.Error("IsSet is wrong")
	}
	if fruits.Parent(server) != h || fruits.Parent(http) != nil {
		t.Error("Parent is wrong")
	}
}

func TestGlobalsAreReadBeforeTheFile(t *testing.T) {
	read := func(globals string) error {
		_, err := conf.Load(conf.Options{File: "/nginx.conf", Globals: globals, Schema: schema,
			ReadFile: func(string) ([]byte, error) { return []byte("\ndaemon on;"), nil }})
		return err
	}
	if err := read("timer_resolution 1s;"); err != nil {
		t.Error(err)
	}
	if err := read("daemon off;"); err == nil || err.Error() != `"daemon" directive is duplicate in /nginx.conf:2` {
		t.Error(err)
	}
}

func TestIncludedFilesAreListedOnce(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"nginx.conf":        "include conf.d/*.conf;\ninclude conf.d/b.conf;\nevents {}\n",
		"conf.d/b.conf":     "include sub/inner;\n", // relative to nginx.conf, not to this file
		"conf.d/a.conf":     "# a\n",
		"conf.d/.no.conf":   "nonsense;",
		"conf.d/c.conf.bak": "nonsense;",
		"sub/inner":         "# inner\n",
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	config, err := conf.Load(conf.Options{File: "nginx.conf", Prefix: dir, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range config.Files {
		names = append(names, strings.TrimPrefix(f.Name, dir+"/"))
	}
	if want := []string{"nginx.conf", "conf.d/a.conf", "conf.d/b.conf", "sub/inner"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	if config.ConfFile != dir+"/nginx.conf" || config.ConfPrefix != dir+"/" || config.Prefix != dir+"/" {
		t.Errorf("%+v", config)
	}
}

func TestAFileThatIncludesItselfEnds(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "nginx.conf")
	writeFile(t, name, "\ninclude nginx.conf;")
	_, err := conf.Load(conf.Options{File: name, Schema: schema})
	if want := `open() "` + name + `" failed (24: Too many open files) in ` + name + ":2"; err == nil || err.Error() != want {
		t.Error(err)
	}
}

func TestBlocksAreNotNestedWithoutEnd(t *testing.T) {
	_, _, err := load("http { server {" + strings.Repeat("location / {", 5000))
	if err == nil || !strings.HasPrefix(err.Error(), "blocks are nested too deep in ") {
		t.Error(err)
	}
}

func TestWhatWasReadStaysAfterAnError(t *testing.T) {
	config, _, err := load("http { server { location /a { } } }\nnonsense;")
	if err == nil || len(config.Root.Children) != 1 || len(config.Files) != 1 {
		t.Errorf("%+v, %v", config, err)
	}
}

func TestWriteReference(t *testing.T) {
	own := conf.Directive{Name: "keepalive_learn", In: conf.Upstream, Syntax: "on | off", Default: "on", Doc: "Honours what backends say.",
		Set: func(*conf.Cursor, *conf.Block, []string) error { return nil }}
	var out strings.Builder
	if err := conf.WriteReference(&out, conf.NewSchema(directives, conf.InternalTuning, []conf.Directive{own})); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| `client_header_timeout` | supported | `time` | `60s` | http, server | How long reading a request's header may take in all. |",
		"| `accept_mutex` | no effect | `on \\| off` | `off` | events | Loops do not compete for connections. |",
		"| `alias` | not yet | `path` |  | location |  |",
		"| `keepalive_learn` | supported | `on \\| off` | `on` | upstream | Honours what backends say. |",
		"- ngx_http_gunzip_module: `gunzip`, `gunzip_buffers`",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(exampleFile)
	f.Add("http { server { location / { if ($a) { root x; } } } }")
	for _, text := range broken {
		f.Add(text)
	}
	s := conf.NewSchema(fruitRows, directives, conf.InternalTuning)
	f.Fuzz(func(t *testing.T, text string) {
		opts := conf.Options{File: "/nginx.conf", Schema: s, ReadFile: func(name string) ([]byte, error) {
			if name == "/nginx.conf" {
				return []byte(strings.ReplaceAll(text, "include", "includ_")), nil
			}
			return nil, os.ErrNotExist
		}}
		_, err := conf.Load(opts)
		if refusal := (*conf.Error)(nil); err != nil && (!errors.As(err, &refusal) || refusal.File == "" || refusal.Level != "emerg") {
			t.Fatalf("%#v", err)
		}
		opts.Globals = text
		_, _ = conf.Load(opts)
	})
}

func TestRowsWithoutEffectAreAsNginxHasThem(t *testing.T) {
	for _, slip := range conf.NewSchema(conf.InternalTuning).Audit() {
		t.Error(slip)
	}
}

func TestAuditFindsSlips(t *testing.T) {
	type timeout struct{ d time.Duration }
	row := conf.Field(conf.NewSlot[timeout](conf.LocationLevel), conf.Directive{Name: "send_timeout", In: conf.ToServer, Default: "6s"},
		conf.Msec, func(c *timeout) *time.Duration { return &c.d })
	want := []string{
		`ngx_http_core_module send_timeout: contexts "http, server", nginx "http, server, location"`,
		`ngx_http_core_module send_timeout: default "6s", nginx "60s"`,
	}
	if got := conf.NewSchema([]conf.Directive{row}).Audit(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestKnownVariable(t *testing.T) {
	for name, want := range map[string]string{
		"host": "ngx_http_core_module", "arg_": "ngx_http_core_module", "http_x_y": "ngx_http_core_module",
		"upstream_http_x": "ngx_http_upstream_module", "ssl_cipher": "ngx_http_ssl_module", "http2": "ngx_http_v2_module",
		"tcpinfo_rtt": "ngx_http_core_module", "tcpinfo_rcv_space": "ngx_http_core_module",
		"session_time": "", "nonsense": "", "": "",
	} {
		if got := conf.KnownVariable(name); got != want {
			t.Errorf("$%s: %q, want %q", name, got, want)
		}
	}
}

func TestWriteVariables(t *testing.T) {
	var out strings.Builder
	if err := conf.WriteVariables(&out, func(name string) bool { return name == "host" }); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"| `$host` | supported | ngx_http_core_module |", "| `$arg_name` | not yet | ngx_http_core_module |"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("missing: %s", line)
		}
	}
}

func TestDefaultsOfOtherLevels(t *testing.T) {
	type process struct{ loops int }
	type group struct{ idle int }
	processes, groups := conf.NewSlot[process](conf.RootLevel), conf.NewSlot[group](conf.UpstreamLevel)
	rows := []conf.Directive{
		conf.Field(processes, conf.Directive{Name: "worker_processes", In: conf.Main, Default: "1"}, conf.Num, func(p *process) *int { return &p.loops }),
		conf.Field(groups, conf.Directive{Name: "keepalive", In: conf.Upstream, Default: "32"}, conf.Num, func(g *group) *int { return &g.idle }),
		{Name: "upstream", In: conf.HTTP, Args: conf.Take1 | conf.WithBlock, Set: block(conf.Upstream)},
	}
	config := mustLoad(t, "http { upstream a { keepalive 7; } upstream b { } }", rows...)
	upstreams := config.Root.Find(conf.HTTP)[0].Find(conf.Upstream)
	if n := groups.Of(upstreams[0]).idle; n != 7 {
		t.Errorf("a: %d", n)
	}
	if n := groups.Of(upstreams[1]).idle; n != 32 {
		t.Errorf("b: %d", n)
	}
	if n := processes.Of(config.Root).loops; n != 1 {
		t.Errorf("worker_processes: %d", n)
	}
	config = mustLoad(t, "http { } worker_processes 3;", rows...)
	if n := processes.Of(config.Root).loops; n != 3 {
		t.Errorf("worker_processes: %d", n)
	}
}

func TestASlotOutsideItsLevelIsAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Of found a value for a block outside the slot's level")
		}
	}()
	servers.Of(mustLoad(t, "events { }").Root)
}
