package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the repository, seen from here.
const root = "../.."

// document is a Markdown file of the repository.
type document struct {
	name string // from the root
	text string
}

// documents are all that are written by hand.
func documents(t *testing.T) []document {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"}
	more, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range more {
		if base := filepath.Base(path); base != "CONFIGURATION.md" {
			names = append(names, "docs/"+base)
		}
	}
	var list []document
	for _, name := range names {
		list = append(list, document{name, read(t, name)})
	}
	return list
}

// named returns one of them.
func named(t *testing.T, name string) document {
	t.Helper()
	return document{name, read(t, name)}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a fenced block of a document.
type block struct {
	language string
	from     string // the file that it quotes: `<!-- from FILE -->` in the line before
	text     string
	line     int
}

// blocks returns the fenced blocks of a document, of one language or of any ("").
func (d document) blocks(language string) []block {
	var list []block
	var open *block
	before := ""
	for i, line := range strings.Split(d.text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			from, _ := strings.CutPrefix(before, "<!-- from ")
			open = &block{language: fence, line: i + 1}
			if from != before {
				open.from = strings.TrimSuffix(from, " -->")
			}
		case isFence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			before = line
		}
	}
	return slices.DeleteFunc(list, func(b block) bool { return language != "" && b.language != language })
}

// prose is the document without its fenced blocks.
func (d document) prose() string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(d.text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			b.WriteString(line)
		}
	}
	return b.String()
}

// section is the text below a heading, up to the next of its rank.
func (d document) section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(d.text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", d.name, heading)
	}
	rank, _, _ := strings.Cut(heading, " ")
	text, _, _ := strings.Cut(rest, "\n"+rank+" ")
	return text
}
