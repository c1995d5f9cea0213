package proxy

import (
	"hearth/internal/core"
	"hearth/internal/http1"
)

// variables are those of ngx_http_proxy_module.
var variables = []core.Variable{
	{Name: "proxy_host", NoCache: true, Get: func(r *core.Request) ([]byte, bool) { return targetOf(r).host, targetOf(r).host != nil }},
	{Name: "proxy_port", NoCache: true, Get: func(r *core.Request) ([]byte, bool) { return targetOf(r).port, targetOf(r).port != nil }},
	{Name: "proxy_add_x_forwarded_for", NoCache: true, Get: addForwardedFor},
}

// addForwardedFor is the client's X-Forwarded-For with its address added.
func addForwardedFor(r *core.Request) ([]byte, bool) {
	var dst []byte
	n := 64
	for i := range r.Head.Fields {
		if r.Head.Fields[i].ID == http1.XForwardedFor {
			n += len(r.Head.Fields[i].Value) + 2
		}
	}
	dst = r.Alloc(n)[:0]
	for i := range r.Head.Fields {
		if f := &r.Head.Fields[i]; f.ID == http1.XForwardedFor {
			dst = append(append(dst, f.Value...), ", "...)
		}
	}
	return r.AppendRemoteAddr(dst), true
}
