package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/pool"
	"hearth/internal/server"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	testName = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w+`)
	filePath = regexp.MustCompile(`^(?:internal|cmd|bench|test|docs|tools)/[\w./*-]*$`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.prose(), -1) {
			to, anchor := m[1], m[2]
			if strings.Contains(to, "://") {
				continue
			}
			path := filepath.Join(root, filepath.Dir(d.name), to)
			if to == "" {
				path = filepath.Join(root, d.name)
			}
			text, err := os.ReadFile(path)
			if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: %v", d.name, err)
			} else if anchor != "" && !slices.Contains(anchors(string(text)), anchor[1:]) {
				t.Errorf("%s: %s has no heading %s", d.name, path, anchor)
			}
		}
	}
}

// anchors are the names that a heading can be linked by.
func anchors(text string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		list = append(list, name)
	}
	return list
}

func TestFilesThatAreNamedExist(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range codeSpan.FindAllStringSubmatch(d.prose(), -1) {
			if !filePath.MatchString(m[1]) || strings.HasPrefix(m[1], "bench/results") {
				continue
			}
			if found, _ := filepath.Glob(filepath.Join(root, m[1])); len(found) == 0 {
				t.Errorf("%s names %s, which is not there", d.name, m[1])
			}
		}
	}
}

func TestTestsThatAreNamedExist(t *testing.T) {
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func (Test|Fuzz|Benchmark)\w+`,
		filepath.Join(root, "internal"), filepath.Join(root, "test"), filepath.Join(root, "bench")).Output()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		known[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	for _, d := range documents(t) {
		for _, name := range testName.FindAllString(d.prose(), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which is not there", d.name, name)
			}
		}
	}
}

// TestQuotationsAreExact compares Go code in the documents with the file that it is said to be from, and which is
// compiled.
func TestQuotationsAreExact(t *testing.T) {
	for _, d := range documents(t) {
		for _, b := range d.blocks("go") {
			if b.from == "" {
				t.Errorf("%s:%d: Go code that does not say which file it is from", d.name, b.line)
			} else if !strings.Contains(read(t, b.from), strings.TrimSpace(b.text)) {
				t.Errorf("%s:%d: this is not in %s:\n%s", d.name, b.line, b.from, b.text)
			}
		}
	}
}

// TestWhatIsSaidToBeMissingIsMissing looks the directives up that the README calls not there yet: whoever adds one
// finds that it is to be taken out.
func TestWhatIsSaidToBeMissingIsMissing(t *testing.T) {
	states := states(t)
	for _, m := range codeSpan.FindAllStringSubmatch(named(t, "README.md").section(t, "## Not there yet"), -1) {
		if state, listed := states[m[1]]; listed && state == "supported" {
			t.Errorf("%s is there by now", m[1])
		}
	}
}

// states are those of the directives, by name.
func states(t *testing.T) map[string]string {
	t.Helper()
	var table bytes.Buffer
	if err := conf.WriteReference(&table, server.Schema()); err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\|")
	states := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(table.String(), -1) {
		if states[m[1]] == "" || m[2] == "supported" {
			states[m[1]] = m[2]
		}
	}
	return states
}

func TestThePoolsReasonsAreAllExplained(t *testing.T) {
	d := named(t, "docs/POOL.md")
	var closes, misses []string
	for _, r := range pool.Closes() {
		closes = append(closes, r.String())
	}
	for _, r := range pool.Misses() {
		misses = append(misses, r.String())
	}
	for heading, want := range map[string][]string{"## Why a connection was closed": closes, "## Why a connection was dialled": misses} {
		var got []string
		for line := range strings.Lines(d.section(t, heading)) {
			if word, ok := strings.CutPrefix(line, "| `"); ok {
				word, _, _ = strings.Cut(word, "`")
				got = append(got, word)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s\n explained: %v\n there are: %v", heading, got, want)
		}
	}
}

// TestEveryPackageIsInTheMap wants ARCHITECTURE.md to name each package.
func TestEveryPackageIsInTheMap(t *testing.T) {
	text := named(t, "docs/ARCHITECTURE.md").section(t, "## Where to find things")
	dirs, err := filepath.Glob(filepath.Join(root, "internal", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if code, _ := filepath.Glob(filepath.Join(dir, "*.go")); len(code) == 0 {
			continue
		}
		if name := filepath.Base(dir); !strings.Contains(text, "`internal/"+name+"`") {
			t.Errorf("internal/%s is missing", name)
		}
	}
}

// TestTheLayersAreThoseOfThePolicy wants every import that the layering test allows to lead upwards in the table.
func TestTheLayersAreThoseOfThePolicy(t *testing.T) {
	place := map[string]int{}
	for line := range strings.Lines(named(t, "docs/ARCHITECTURE.md").section(t, "## Layers")) {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for _, m := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
				place[m[1]] = len(place) + 1
			}
		}
	}
	policy := regexp.MustCompile(`(?m)^\t"([^"]+)":\s+"([^"]*)",$`)
	for _, m := range policy.FindAllStringSubmatch(read(t, "internal/layering/layering_test.go"), -1) {
		from, _, isPart := strings.Cut(m[1], "/")
		if m[2] == "" || isPart || from == "modules" {
			continue
		}
		for _, to := range strings.Fields(m[2]) {
			if to == "modules" {
				to = "modules/*"
			}
			if place[from] == 0 || place[to] == 0 || place[to] > place[from] {
				t.Errorf("%s may import %s, which does not stand above it", from, to)
			}
		}
	}
}

// TestNoWordOfThisMachine keeps what is true of one machine only out of the documents.
func TestNoWordOfThisMachine(t *testing.T) {
	bad := regexp.MustCompile(`/(root|home|tmp)/\w`)
	for _, d := range documents(t) {
		if found := bad.FindString(d.text); found != "" {
			t.Errorf("%s has %s", d.name, found)
		}
	}
}
