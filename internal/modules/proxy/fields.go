package proxy

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/http1"
)

// defaults are the fields set unless proxy_set_header names them ("" = left out): the client's of that name mean its
// own connection. nginx since 1.29.7 sends no Connection with HTTP/1.1, which keeps connections alive.
var defaults = []struct{ name, value string }{
	{"Host", "$proxy_host"}, {"Connection", ""}, {"Content-Length", ""}, {"Transfer-Encoding", ""},
	{"TE", ""}, {"Keep-Alive", ""}, {"Expect", ""}, {"Upgrade", ""},
}

// compileRequest makes the template of the requests that a location sends.
func (l *location) compileRequest(c *conf.Cursor, b *conf.Block) (requestTemplate, error) {
	t := requestTemplate{framed: named(l.fields, "Content-Length"), minor: 1, method: l.method, body: l.setBody, passHeaders: l.PassRequestHeaders, target: l.pass.target}
	lines := l.fields
	for _, d := range defaults {
		value := d.value
		if l.version == http10 && d.name == "Connection" {
			value = "close"
		}
		if named(lines, d.name) {
			continue
		}
		v, err := core.VarsOf(b).Compile(value)
		if err != nil {
			return t, c.Errorf("%s", err)
		}
		lines = append(lines[:len(lines):len(lines)], fieldLine{d.name, v})
	}
	if l.version == http10 {
		t.minor = 0
	}
	for _, line := range lines {
		t.replaced.Add(line.name)
		if id := http1.Lookup([]byte(line.name)); id == http1.ContentLength || id == http1.TransferEncoding {
			continue // what frames the body follows from the body
		}
		if s, ok := line.value.Literal(); ok && s == "" {
			continue
		}
		t.fields = append(t.fields, setField{[]byte(line.name + ": "), line.value})
	}
	return t, nil
}

func named(lines []fieldLine, name string) bool {
	for _, line := range lines {
		if strings.EqualFold(line.name, name) {
			return true
		}
	}
	return false
}
