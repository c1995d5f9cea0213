package conf_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hearth/internal/conf"
)

// The oracle is Debian's nginx 1.22: what `nginx -t` says of a broken file is what Load must
// say. Differences that are meant:
//   - a directive which nginx has and hearth has not is named as such;
//   - `use` takes any method of Linux, a build of nginx only those compiled in;
//   - load_module does not look for the file, and "aio on" is taken as in builds that have it;
//   - a file that includes itself ends at a bound of ours, nginx's at its descriptors.

var schema = conf.NewSchema(directives, conf.InternalTuning, []conf.Directive{
	flagRow("daemon", conf.Main),
	{Name: "user", In: conf.Main, Args: conf.Take12, Set: func(*conf.Cursor, *conf.Block, []string) error { return nil }},
	{Name: "return", In: conf.Server | conf.Location | conf.If, Args: conf.Take12, Set: func(*conf.Cursor, *conf.Block, []string) error { return nil }},
	conf.BitSet(nexts, conf.Directive{Name: "proxy_next_upstream", In: conf.ToLocation, Args: conf.OneMore, Default: "error timeout"},
		map[string]uint32{"error": 1, "timeout": 2, "http_500": 4}, func(n *next) *uint32 { return &n.on }),
	conf.Field(nexts, conf.Directive{Name: "client_body_in_file_only", In: conf.ToLocation, Default: "off"},
		conf.Enum(map[string]int{"off": 0, "clean": 1, "on": 2}), func(n *next) *int { return &n.files }),
	conf.Field(nexts, conf.Directive{Name: "max_ranges", In: conf.ToLocation},
		conf.Num, func(n *next) *int { return &n.ranges }),
	conf.Field(nexts, conf.Directive{Name: "gzip_comp_level", In: conf.ToLocation | conf.IfLocation, Default: "1"},
		conf.Between(1, 9, conf.Num), func(n *next) *int { return &n.level }),
	conf.Field(nexts, conf.Directive{Name: "proxy_max_temp_file_size", In: conf.ToLocation, Default: "1024m"},
		conf.Size, func(n *next) *int64 { return &n.temp }),
	conf.Field(nexts, conf.Directive{Name: "client_max_body_size", In: conf.ToLocation, Default: "1m"},
		conf.Offset, func(n *next) *int64 { return &n.body }),
	conf.Field(nexts, conf.Directive{Name: "gzip_buffers", In: conf.ToLocation, Args: conf.Take2, Default: "32 4k"},
		conf.Buffers, func(n *next) *conf.Bufs { return &n.bufs }),
})

type next struct {
	on                   uint32
	files, ranges, level int
	temp, body           int64
	bufs                 conf.Bufs
}

var nexts = conf.NewSlot[next](conf.LocationLevel)

type flags struct{ daemon bool }

func flagRow(name string, in conf.Context) conf.Directive {
	return conf.Field(conf.NewSlot[flags](in), conf.Directive{Name: name, In: in, Default: "on"},
		conf.Flag, func(f *flags) *bool { return &f.daemon })
}

// askNginx returns what nginx says of the file, "LEVEL: MESSAGE" each: warnings, and why it refuses it.
func askNginx(t *testing.T, dir, globals string) []string {
	t.Helper()
	args := []string{"-t", "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", filepath.Join(dir, "nginx.conf")}
	if globals != "" {
		args = append(args, "-g", globals)
	}
	cmd := exec.Command("nginx", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run() // its status says no more than its words
	var said []string
	for _, line := range strings.Split("\n"+stderr.String(), "\nnginx: ") { // a message may hold line ends itself
		level, msg, found := strings.Cut(strings.TrimPrefix(line, "["), "] ")
		if found && strings.HasPrefix(line, "[") && !ofOthers(msg) {
			said = append(said, level+": "+strings.TrimSuffix(msg, "\n"))
		}
	}
	return said
}

// ofOthers tells messages about things that this package does not know of.
func ofOthers(msg string) bool {
	return strings.Contains(msg, `no "events" section`) || strings.HasPrefix(msg, "duplicate extension") ||
		strings.Contains(msg, "build optimal types_hash") || strings.Contains(msg, "super-user")
}

func askHearth(dir, globals string) []string {
	var said []string
	_, err := conf.Load(conf.Options{File: filepath.Join(dir, "nginx.conf"), Prefix: dir, Globals: globals, Schema: schema,
		Warn: func(level, msg string) { said = append(said, level+": "+msg) }})
	if err != nil {
		said = append(said, err.(*conf.Error).Level+": "+err.Error())
	}
	return said
}

// compare has nginx and hearth read dir/nginx.conf, and wants the same words. It returns nginx's.
func compare(t *testing.T, dir, globals, what string) []string {
	t.Helper()
	want, got := askNginx(t, dir, globals), askHearth(dir, globals)
	if !slices.Equal(got, want) {
		t.Errorf("%q\n hearth: %q\n nginx:  %q", brief(what), brief(strings.Join(got, "; ")), brief(strings.Join(want, "; ")))
	}
	return want
}

func needNginx(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx, the oracle, is not installed")
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// broken are files that both refuse with one message. `%` stands for 4 KB of letters, `@` for 2.
var broken = []string{
	"x",
	"x;",
	"}",
	"{",
	";",
	"events {}}",
	"events { ; }",
	"events { { } }",
	"http {",
	"http { server {",
	"events",
	"events {\n\n",
	"user a\n b",
	"user 'a",
	"user \"a\n\nb;",
	"user a }",
	"user a };",
	"user 'a'b;",
	"worker_cpu_affinity '0')1;x;",
	"lock_file 'a')b;",
	"user \"a\"\"b\";",
	"user 'a'};",
	"'ser' a;",
	"\\user a;",
	"u\\ser a;",
	"us\\\"er\\\\ a;",
	"'a\\tb\\rc\\nd\\xe\\0' a;",
	"\"a'b\\\"c\" a;",
	"a\"b'c a;",
	"a}b a;",
	"a#b a;",
	"${a}b{c a;",
	"$a{b}",
	"a${{{b;",
	"\"${a\" b;",
	"\xff\xfe\xe9 a;",
	"a\x00b c;",
	"\xef\xbb\xbfevents {}",
	"# a comment\n#another ; {\nx;",
	"#%\nx;",
	"user %%;",
	"\nuser\n\n%;",
	"user '\n%;",
	"user \"\n%;",
	"user %",
	"\r\n\r\nx\r\n;\r\n",
	"% a;",
	"@ a;",
	"daemon off; daemon on;",
	"daemon;",
	"daemon on off;",
	"daemon on {}",
	"daemon {}",
	"events;",
	"events a {}",
	"events {} events {}",
	"events {} http {} http {}",
	"http on;",
	"server {}",
	"location / {}",
	"events { server {} }",
	"events {} http { location / {} }",
	"events {} http { events {} }",
	"events {} http { server { location / { server {} } } }",
	"events {} http { server { server_name; } }",
	"events {} http { server { if ($a) { client_max_body_size 1; } } }",
	"events {} http { server { if ($a) { gzip_comp_level 1; } } }",
	"daemon maybe;",
	"daemon '';",
	"events {} http { proxy_buffering 1; }",
	"events {} http { proxy_buffering ON; proxy_buffering off; }",
	"events {} http { proxy_buffer_size x; }",
	"events {} http { proxy_buffer_size ''; }",
	"events {} http { proxy_buffer_size 1g; }",
	"events {} http { proxy_buffer_size 4k 4k; }",
	"events {} http { proxy_buffer_size 4k; proxy_buffer_size 4k; }",
	"events {} http { client_max_body_size -1; }",
	"events {} http { client_max_body_size 1gg; }",
	"events {} http { client_header_timeout 1x; }",
	"events {} http { client_header_timeout 1y; }",
	"events {} http { client_header_timeout -1; }",
	"events {} http { max_ranges 1k; }",
	"events {} http { max_ranges ''; }",
	"events {} http { max_ranges 99999999999999999999; }",
	"events {} http { gzip_comp_level 0; }",
	"events {} http { gzip_comp_level 10; }",
	"events {} http { gzip_comp_level x; }",
	"events {} http { gzip_buffers 0 4k; }",
	"events {} http { gzip_buffers 4 x; }",
	"events {} http { gzip_buffers 4; }",
	"events {} http { proxy_next_upstream error error; proxy_next_upstream error; x; }",
	"events {} http { proxy_next_upstream error foo; }",
	"events {} http { client_body_in_file_only maybe; }",
	"events {} http { client_body_in_file_only CLEAN; client_body_in_file_only off; }",
	"events {} http { types { a { } } }",
	"events {} http { types { a b; ",
	"events {} http { types { include a b; } }",
	"events {} http { types { include nothere; } }",
	"events {} http { types { include part; } x; }",
	"events {} http { types { include bad/types; } }",
	"events {} http { types {} } }",
	"include nothere;",
	"include;",
	"include a b;",
	"include a {}",
	"include dir;",
	"include parts/none*.conf; x;",
	"include parts/*.conf; x;",
	"include parts/?.conf; x;",
	"include parts/[ab].conf; x;",
	"include parts/[!a].conf; x;",
	"include *arts/b.con?; x;",
	"include bad/brace;",
	"include bad/open;",
	"include bad/cut;",
	"include bad/nested;",
	"events {\n include bad/brace;\n}",
	"events {} http { server { include bad/server; } }",
	"include\n\n bad/directive\n;",

	"thread_pool a;",
	"thread_pool a b;",
	"thread_pool a threads=0;",
	"thread_pool a threads=1 max_queue=x;",
	"thread_pool a threads=1; thread_pool a threads=2;",
	"timer_resolution x;",
	"worker_priority x;",
	"worker_priority -;",
	"worker_priority 1; worker_priority 1;",
	"worker_cpu_affinity 2;",
	"worker_cpu_affinity auto auto;",
	"worker_cpu_affinity auto 01 10;",
	"worker_cpu_affinity;",
	"pcre_jit x;",
	"lock_file a; lock_file b;",
	"debug_points x;",
	"worker_rlimit_core x;",
	"events {} load_module foo.so;",
	"master_process x;",
	"accept_mutex on;",
	"events { accept_mutex x; }",
	"events { accept_mutex_delay 1z; }",
	"events { use foo; }",
	"events { worker_aio_requests x; }",
	"events { multi_accept on; multi_accept on; }",
	"events {} http { multi_accept on; }",
	"events {} http { connection_pool_size 1; }",
	"events {} http { request_pool_size 1001; }",
	"events {} http { output_buffers 0 1; }",
	"events {} http { aio foo; }",
	"events {} http { aio threads; aio off; }",
	"events {} http { aio_write x; }",
	"events {} http { directio foo; }",
	"events {} http { directio_alignment x; }",
	"events {} http { types_hash_max_size 1k; }",
	"events {} http { sendfile_max_chunk x; }",
	"events {} http { send_lowat x; }",
	"events {} http { send_lowat 1; send_lowat 1; }",
	"events {} http { read_ahead 1; read_ahead 2; }",
	"events {} http { referer_hash_max_size 1; }",
	"events {} http { server { location / { referer_hash_bucket_size x; } } }",
	"events {} http { proxy_headers_hash_max_size 100 2; }",
	"events {} http { map_hash_max_size 100; map_hash_max_size 100; }",
	"events {} http { server { variables_hash_max_size 1; } }",
	"events {} http { client_body_in_single_buffer x; }",
}

var parts = map[string]string{
	"part":          "text/a a;\n",
	"parts/a.conf":  "lock_file a;\n",
	"parts/b.conf":  "\n\nx;\n",
	"parts/.z.conf": "hidden;\n",
	"parts/zz.conf": "zz;\n",
	"dir/empty":     "",
	"bad/brace":     "\n}\n",
	"bad/open":      "\nevents {\n",
	"bad/cut":       "\nuser a",
	"bad/nested":    "\n\ninclude ../nothere;\n",
	"bad/server":    "server_name a;\nlocation / {\n proxy_buffering x; }",
	"bad/directive": "\ndaemon\n on\n off;",
	"bad/types":     "a b;\n c { }",
}

func layOut(t *testing.T) string {
	dir := t.TempDir()
	for name, content := range parts {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func TestErrorsAreNginxs(t *testing.T) {
	needNginx(t)
	dir := layOut(t)
	for _, text := range broken {
		text = strings.NewReplacer("%", strings.Repeat("abcdefgh", 512), "@", strings.Repeat("ab", 1024)).Replace(text)
		writeFile(t, filepath.Join(dir, "nginx.conf"), text)
		if len(compare(t, dir, "", text)) == 0 {
			t.Errorf("nginx does not refuse %q", brief(text))
		}
	}
}

func TestErrorsOnTheCommandLineAreNginxs(t *testing.T) {
	needNginx(t)
	dir := layOut(t)
	writeFile(t, filepath.Join(dir, "nginx.conf"), "daemon off;\nevents {}\n")
	for _, globals := range []string{
		"daemon off", "daemon off;", "x;", "x", ";", "}", "{", "events {}", "user 'a;", "lock_file a; user", "daemon x;",
		"daemon\non\noff;", "include nothere;", "include parts/b.conf;", "lock_file a; # comment", "# comment", "accept_mutex on;",
		"user " + strings.Repeat("a", 5000),
	} {
		compare(t, dir, globals, "-g "+globals)
	}
}

// A random text, mostly of the bytes that matter to the lexer, is cut into the same words by both:
// the first word is an unknown directive, which the error shows, as is any other fault.
func TestLexerIsNginxs(t *testing.T) {
	needNginx(t)
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	const alphabet = "ab \t\r\n;{}\"'\\$#()tn"
	for range lexerTrials {
		text := make([]byte, 1+rnd.IntN(20))
		for i := range text {
			text[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		if rnd.IntN(2) == 0 { // entries of a free-form block: several of them pass
			text = fmt.Appendf(nil, "events {} http { types { %s", text)
		}
		writeFile(t, filepath.Join(dir, "nginx.conf"), string(text))
		compare(t, dir, "", string(text))
	}
}

const lexerTrials = 150

func brief(s string) string {
	if len(s) > 300 {
		return fmt.Sprintf("%s... (%d bytes) ...%s", s[:100], len(s), s[len(s)-100:])
	}
	return s
}
