package mapping

import (
	"os"
	"path/filepath"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/rewrite"
)

var modules = []*core.Module{&rewrite.Module, &Module}

const config = `
http {
    map_hash_max_size 4096;
    map_hash_bucket_size 128;
    map $arg_x $plain {
        default other;
        a is-a;
        B is-b;
        "" empty;
        "with space" $arg_y;
        \~tilde tilde;
        \default word;
        ~^(\d+)$ "number $1";
        ~*^c(?<rest>.*) "c then $rest";
        ~last last;
        0 zero;
    }
    map $arg_x $none { a b; }
    map $arg_x $void { ~^(.*)$ "all of $1"; }
    map $arg_x$arg_y $host_map {
        hostnames;
        default nowhere;
        example.com exact;
        *.example.com below;
        .dot.com dot;
        *.a.example.com deeper;
        www.example.* tail;
        www.example.co.* longer;
        ~^re\. pattern;
    }
    map $plain $second { is-a "again $plain"; include more.map; }
    map $arg_x $counter { volatile; default $n; }
    map $arg_x $kept { default $n; }
    server {
        listen 80;
        location / { return 200 "[$plain] [$none] [$second] [$void] [$1]"; }
        location /host { return 200 $host_map; }
        location /volatile { set $n 1; set $a "$counter$kept"; set $n 2; return 200 "$a $counter$kept"; }
    }
}
`

func moreMap(dir string) {
	os.WriteFile(filepath.Join(dir, "more.map"), []byte("is-b included;\ndefault rest;\n"), 0o644)
}

func TestMapsAsNginx(t *testing.T) {
	n := nginxtest.Start(t, config, moreMap)
	s := withFile(t)
	var paths []string
	for _, x := range []string{"", "a", "A", "b", "B", "with%20space", "with%20space&y=Y", "~tilde", "default", "12", "cX", "Cx", "atlast", "0", "zzz"} {
		paths = append(paths, "/?x="+x)
	}
	for _, x := range []string{"example.com", "EXAMPLE.com", "example.com.", "x.example.com", "y.x.example.com", "b.a.example.com", "a.example.com", "dot.com",
		"x.dot.com", "www.example.org", "www.example.co.uk", "www.example.co", "www.example", "re.x", ".example.com", "", ".", "com", "xexample.com", "www.example.", "www.example.."} {
		paths = append(paths, "/host?x="+x)
	}
	for _, path := range append(paths, "/volatile") {
		got, want := s.Get(path), n.Get(path)
		if got.Body != want.Body || got.Status != want.Status {
			t.Errorf("%s\n hearth: %q\n nginx:  %q", path, got.Body, want.Body)
		}
	}
}

// withFile loads the configuration with its included file in place.
func withFile(t *testing.T) *coretest.Server {
	t.Helper()
	s := coretest.New(t, modules, `location / { return 204; }`)
	s.File("more.map", "is-b included;\ndefault rest;\n")
	s.Reload(config).Close()
	return s
}

func TestMistakesAreRefusedInNginxsWords(t *testing.T) {
	for _, config := range []string{
		"map $uri x { }", "map $uri $ { }", "map $uri { }", "map $uri $x", "map $uri $uri { }", "map $ $x { }", "map $nosuch $x { }", "map ${a $x { }",
		"map $uri $x {\n a;\n}", "map $uri $x { a b c; }", "map $uri $x { default 1; default 2; }", "map $uri $x { a 1; A 2; }",
		"map $uri $x { hostnames; *.a.* 1; }", "map $uri $x { hostnames; a..b 1; }", "map $uri $x { hostnames; a* 1; }", "map $uri $x { hostnames; .a.b 1; a.b 2; }",
		"map $uri $x { hostnames; *.a.b 1; .a.b 2; }", "map $uri $x { hostnames; w.* 1; W.* 2; }", "map $uri $x { hostnames; * 1; }", "map $uri $x { hostnames; . 1; }",
		"map $uri $x { * 1; a..b 2; .a 3; }", "map $uri $x { ~( 1; }", "map $uri $x { a $; }", "map $uri $x { a ${b; }", "map $uri $x { a $nosuch; }",
		"map $uri $x { include nosuch; }", "map $uri $x { a { b c; } }", "map $uri $x { a 1; ", "map $uri $x { hostnames on; }", "map $uri $x { hostnames a b; }",
		"map $uri $x { volatile; a 1; } map $uri $x { b 2; }", "map $uri $x { default; }", "map $uri $x { ~*[ 1; }",
	} {
		config = "http {\n" + config + "\nserver { listen 80; }\n}"
		want := nginxtest.Check(t, config)
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%q\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}

func TestALookUpAllocatesNothing(t *testing.T) {
	s := withFile(t)
	for _, path := range []string{"/?x=A", "/host?x=y.X.example.com", "/host?x=www.example.co.uk"} {
		serve := s.Repeat(coretest.Get(path))
		serve()
		if n := testing.AllocsPerRun(100, serve); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}
