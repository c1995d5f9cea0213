package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryCommandExists looks at the shell commands that the documents show: make's targets exist, hearth knows the
// options, Go packages are there. Options are tried out with a configuration of the test's own.
func TestEveryCommandExists(t *testing.T) {
	lab := &commands{makefile: read(t, "Makefile"), dir: t.TempDir()}
	lab.build(t)
	shown := 0
	for _, d := range documents(t) {
		for _, b := range d.blocks("sh") {
			for _, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
				line, _, _ = strings.Cut(line, "  #")
				shown++
				t.Run(fmt.Sprintf("%s: %s", d.name, line), func(t *testing.T) { lab.try(t, strings.TrimSpace(line)) })
			}
		}
		for _, b := range d.blocks("ini") {
			for _, m := range execLine.FindAllStringSubmatch(b.text, -1) {
				shown++
				t.Run(fmt.Sprintf("%s: %s", d.name, m[1]), func(t *testing.T) { lab.try(t, m[1]) })
			}
		}
	}
	if shown == 0 {
		t.Error("no command found")
	}
}

// execLine is a command of a unit file; systemd expands $MAINPID and the like, so those are no command of ours.
var execLine = regexp.MustCompile(`(?m)^Exec\w+=(/\S*hearth .*)$`)

// commands is the program, and a configuration to try its options with.
type commands struct{ makefile, dir, program, conf string }

func (c *commands) build(t *testing.T) {
	c.program = filepath.Join(c.dir, "hearth")
	if out, err := exec.Command("go", "build", "-o", c.program, "hearth/cmd/hearth").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.conf = filepath.Join(c.dir, "nginx.conf")
	text := fmt.Sprintf("pid %s/pid; events { } http { access_log off; server { listen unix:%[1]s/http; } }", c.dir)
	if err := os.WriteFile(c.conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *commands) try(t *testing.T, line string) {
	words := split(line)
	switch filepath.Base(words[0]) {
	case "make":
		c.tryMake(t, words[1:])
	case "hearth":
		c.tryHearth(t, words[1:])
	case "go":
		tryGo(t, words[1:])
	case "curl", "git", "cp":
		// nothing of ours
	default:
		t.Errorf("what is %q?", words[0])
	}
}

// tryMake wants every target, and every variable, to be in the Makefile.
func (c *commands) tryMake(t *testing.T, words []string) {
	for _, w := range words {
		if name, _, isVariable := strings.Cut(w, "="); isVariable {
			if !strings.Contains(c.makefile, "$("+name+")") {
				t.Errorf("the Makefile does not use %s", name)
			}
			continue
		}
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(w) + `:`).MatchString(c.makefile) {
			t.Errorf("the Makefile has no target %s", w)
		}
	}
}

// tryHearth runs the command with -t, and with the test's configuration in place of the one that it names. What would
// serve for ever, or signal somebody, only has its options read.
func (c *commands) tryHearth(t *testing.T, words []string) {
	if len(words) > 0 && words[0] == "demo" {
		usage, _ := c.run("demo", "-h")
		for _, w := range words[1:] {
			if name := strings.TrimLeft(w, "-"); name != w && !strings.Contains(usage, "-"+name+" ") {
				t.Errorf("hearth demo has no %s", w)
			}
		}
		return
	}
	if len(words) > 0 && words[0] == "doctor" { // there is nobody to examine
		if said, _ := c.run(words...); strings.Contains(said, "usage:") {
			t.Error(said)
		}
		return
	}
	named, signals := false, false
	for i, w := range words {
		switch w {
		case "-c":
			words[i+1], named = c.conf, true
		case "-p":
			words[i+1] = c.dir
		case "-e":
			words[i+1] = filepath.Join(c.dir, "error.log")
		case "-s":
			signals = true
		}
	}
	serves := len(words) == 0 || words[0] != "directives" && words[0] != "-V"
	if serves && !named {
		words = append(words, "-c", c.conf)
	}
	if serves && !signals {
		words = append(words, "-t")
	}
	os.Remove(filepath.Join(c.dir, "pid")) // -t leaves an empty one, as nginx does
	said, err := c.run(words...)
	if signals {
		if !strings.Contains(said, `open() "`+c.dir+`/pid" failed`) {
			t.Errorf("there is nobody to signal, but: %s", said)
		}
	} else if err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

func (c *commands) run(words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.program, words...).CombinedOutput()
	return string(out), err
}

// tryGo wants the packages of `go test` and `go run` to exist.
func tryGo(t *testing.T, words []string) {
	for _, w := range words {
		dir, isPackage := strings.CutPrefix(w, "./")
		if !isPackage {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, strings.TrimSuffix(dir, "..."))); err != nil {
			t.Error(err)
		}
	}
}

// split cuts a command into words as a shell does with single quotes.
func split(line string) []string {
	var words []string
	word, quoted, open := "", false, false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, open = !quoted, true
		case r == ' ' && !quoted:
			if open {
				words = append(words, word)
			}
			word, open = "", false
		default:
			word, open = word+string(r), true
		}
	}
	return words
}

func TestWordsAreCutAsByAShell(t *testing.T) {
	got := split("make bench  BENCH='-only \"a b\"' ''")
	if want := []string{"make", "bench", "BENCH=-only \"a b\"", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
