package splitclients

import (
	"fmt"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/rewrite"
)

var modules = []*core.Module{&rewrite.Module, &Module}

const config = `
http {
    split_clients "$arg_x" $a { 0.5% half; 20% fifth; 33.33% third; * rest; }
    split_clients "${arg_x}AAA" $b { 50% one; 10% two; }
    server { listen 80; location / { return 200 "$a $b"; } }
}`

func TestClientsAreDividedAsByNginx(t *testing.T) {
	n := nginxtest.Start(t, config)
	s := coretest.New(t, modules, config)
	seen := map[string]bool{}
	for i := range 300 {
		path := fmt.Sprintf("/?x=%d", i*i*i)
		got, want := s.Get(path), n.Get(path)
		if got.Body != want.Body {
			t.Errorf("%s: %q, nginx %q", path, got.Body, want.Body)
		}
		seen[got.Body] = true
	}
	if len(seen) < 9 {
		t.Errorf("only %d combinations were met", len(seen))
	}
}

func TestMistakesAreRefusedInNginxsWords(t *testing.T) {
	for _, config := range []string{
		"split_clients $uri x { }", "split_clients $uri $uri { }", "split_clients $ $x { }", "split_clients $uri { }", "split_clients $uri $x { a b; }",
		"split_clients $uri $x { % b; }", "split_clients $uri $x { 0% b; }", "split_clients $uri $x { 0.001% b; }", "split_clients $uri $x { 1.2.3% b; }",
		"split_clients $uri $x { 60% a; 50% b; }", "split_clients $uri $x { 100% a; * b; }", "split_clients $uri $x { * a; 10% b; }", "split_clients $uri $x { .5% b; }",
		"split_clients $uri $x { -1% b; }", "split_clients $uri $x { 100.01% b; }", "split_clients $uri $x { 5.% b; }", "split_clients $uri $x { 101% b; }",
		"split_clients $uri $x { 40% a; * b; 70% c; }", "split_clients $uri $x { 60% a; 70% b; * c; }",
	} {
		config = "http {\n" + config + "\nserver { listen 80; }\n}"
		want := nginxtest.Check(t, config)
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%q\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}

func FuzzParsePercent(f *testing.F) {
	for _, s := range []string{"1%", "0.01%", "100%", "99.99%", "%", "1.2.3%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parsePercent(s); ok && n <= 100*whole { // larger ones are refused by their total
			again, ok := parsePercent(fmt.Sprintf("%d.%02d%%", n/100, n%100))
			if !ok || again != n {
				t.Errorf("%q: %d, then %d", s, n, again)
			}
		}
	})
}
