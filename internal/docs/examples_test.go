package docs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"hearth/internal/server"
)

// TestEveryConfigurationIsAccepted puts what the documents show as nginx.conf through `-t`.
func TestEveryConfigurationIsAccepted(t *testing.T) {
	shown := 0
	for _, d := range documents(t) {
		for _, b := range d.blocks("nginx") {
			shown++
			t.Run(fmt.Sprintf("%s:%d", d.name, b.line), func(t *testing.T) { check(t, b.text) })
		}
	}
	if shown == 0 {
		t.Error("no configuration found")
	}
}

var (
	hasHTTP   = regexp.MustCompile(`(?m)^http \{`)
	hasServer = regexp.MustCompile(`(?m)^(upstream \S+|server|map .*) \{`)
	listens   = regexp.MustCompile(`\blisten\s+[^\s;]+`)
)

// complete makes a configuration of what may be a piece of one: directives of the http block, or of a location in it.
func complete(text string) string {
	if hasHTTP.MatchString(text) {
		return text
	}
	if !hasServer.MatchString(text) {
		text = "upstream backend { server 127.0.0.1:9001; }\nserver {\n listen 80;\n" + text + "}\n"
	}
	return "events { }\nhttp {\n" + text + "}\n"
}

// check tests a configuration in a directory of its own. Its ports become unix sockets there, so that any user may run
// this, beside any server.
func check(t *testing.T, text string) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	n := 0
	text = listens.ReplaceAllStringFunc(complete(text), func(string) string {
		n++
		return fmt.Sprintf("listen unix:%s/%d", dir, n)
	})
	var said bytes.Buffer
	_, err := server.Check(server.Options{
		File: filepath.Join(dir, "nginx.conf"), Prefix: dir, Content: []byte(text), Version: "hearth/test",
		Globals: fmt.Sprintf("pid %s/pid;", dir),
	}, server.NewMessages(&said))
	if err != nil {
		t.Errorf("%s\n%s", &said, text)
	}
}
