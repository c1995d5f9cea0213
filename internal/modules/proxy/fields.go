package proxy

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/http1"
	"hearth/internal/upstream/passing"
)

// defaults are the fields set unless proxy_set_header names them. nginx since 1.29.7 sends no Connection with HTTP/1.1,
// which keeps connections alive.
func (v version) defaults() []passing.Default {
	connection := ""
	if v == http10 {
		connection = "close"
	}
	return []passing.Default{
		{Name: "Host", Value: "$proxy_host"}, {Name: "Connection", Value: connection}, {Name: "Content-Length"}, {Name: "Transfer-Encoding"},
		{Name: "TE"}, {Name: "Keep-Alive"}, {Name: "Expect"}, {Name: "Upgrade"},
	}
}

// notKept is the directive by which the location's connections serve one request only; "" = none says so. What a variable
// will say is not known here.
func (l *location) notKept() string {
	for _, f := range l.Fields {
		if !strings.EqualFold(f.Name, "Connection") {
			continue
		}
		value, fixed := f.Value.Literal()
		switch {
		case saysClose([]byte(value)):
			return "proxy_set_header Connection \"" + value + "\""
		case !fixed || strings.EqualFold(value, "keep-alive"):
			return ""
		}
	}
	if l.version == http10 {
		return "proxy_http_version 1.0"
	}
	return ""
}

// compileRequest makes the template of the requests that a location sends.
func (l *location) compileRequest(c *conf.Cursor, b *conf.Block) (requestTemplate, error) {
	t := requestTemplate{framed: l.Names("Content-Length"), minor: 1, method: l.method, body: l.setBody, passHeaders: l.PassRequestHeaders, target: l.pass.target}
	if l.version == http10 {
		t.minor = 0
	}
	fields, replaced, err := l.Compile(c, b, l.version.defaults())
	if err != nil {
		return t, err
	}
	t.replaced = replaced
	for _, f := range fields {
		if id := http1.Lookup([]byte(f.Name)); id == http1.ContentLength || id == http1.TransferEncoding {
			continue // what frames the body follows from the body
		}
		t.fields = append(t.fields, setField{[]byte(f.Name + ": "), f.Value, strings.EqualFold(f.Name, "Connection")})
	}
	return t, nil
}
