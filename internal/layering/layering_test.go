// Package layering holds no code: its test is the import policy of the tree.
package layering

import (
	"os/exec"
	"strings"
	"testing"
)

// allowed lists, for each layer, the packages of this module it may import besides its own subpackages. A package that
// is not listed is an error: a new one has to be placed here, with the reason for each edge in its layer's comment.
var allowed = map[string]string{
	// Pure: bytes in, bytes out. No sockets, no clock, no goroutines, so that all of it can be fuzzed.
	"text":  "",
	"http1": "text",
	"http2": "http1 text",
	"conf":  "text",

	// Values and lines.
	"vars":  "text",
	"logs":  "text loop",
	"stats": "",

	// The runtime. conn is the only package that touches client and backend sockets.
	"loop": "",
	"conn": "loop",

	// What both sides of TLS need of files and of OpenSSL's language. Its signer waits on a loop.
	"secure": "conf loop text",

	// Knows connections, not HTTP: it can be tested with a fake loop alone.
	"pool": "conn loop stats",

	// The request engine. Knows neither sockets' bytes (frontend) nor backends (upstream).
	"core":             "conf conn http1 logs loop secure stats text vars", // secure for why handshakes fail
	"core/coretest":    "conf conn core http1 logs loop text vars",
	"frontend":         "conn core http1 http2 loop stats text",
	"resolve":          "loop text",
	"upstream":         "conf conn core http1 http2 logs loop pool resolve secure stats text vars",
	"upstream/streams": "conf conn core http1 http2 logs loop pool resolve stats text upstream vars",

	// What the modules that pass requests on have in common.
	"upstream/passing": "conf core http1 text upstream upstream/peertls",

	// TLS towards backends, which the engine is given as an address is: below it, so that it can be tested without.
	"upstream/peertls": "conf conn core loop secure",

	// The status interface: shows what those that count know.
	"api": "conf conn core frontend http1 loop pool stats upstream",

	// No module imports another; what two need belongs to core or upstream.
	"modules":   "api conf conn core http1 logs loop stats text upstream vars pool",
	"modules/*": "conf conn core core/coretest frontend http1 logs loop pool resolve secure stats text upstream upstream/passing upstream/streams vars",

	// Puts the parts together.
	"server":   "conf conn core frontend http1 logs loop modules pool resolve stats text upstream vars",
	"cli":      "conf conn core demo doctor logs modules server text",
	"demo":     "server",
	"doctor":   "api",
	"layering": "",
	"docs":     "",
}

func TestImportsFollowTheLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "hearth/internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "hearth/internal/"
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		layer := strings.TrimPrefix(path, prefix)
		rule, known := allowed[layer]
		if !known {
			top, _, _ := strings.Cut(layer, "/")
			if rule, known = allowed[top+"/*"]; !known {
				rule, known = allowed[top]
			}
		}
		if !known {
			t.Errorf("%s is not placed in any layer", layer)
			continue
		}
		for _, imp := range strings.Fields(imports) {
			to, ours := strings.CutPrefix(imp, prefix)
			if ours && !mayImport(rule, layer, to) {
				t.Errorf("%s imports %s, which its layer must not", layer, to)
			}
		}
	}
}

func mayImport(rule, from, to string) bool {
	if strings.HasPrefix(to, from+"/") {
		return true // its own parts
	}
	if from == "modules" && strings.HasPrefix(to, "modules/") {
		return true // the ordered list
	}
	for _, ok := range strings.Fields(rule) {
		if to == ok {
			return true
		}
	}
	return false
}
