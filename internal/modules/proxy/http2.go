package proxy

import (
	"fmt"
	"strconv"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/upstream"
	"hearth/internal/upstream/passing"
	"hearth/internal/upstream/streams"
)

// useHTTP2 has a location speak HTTP/2 with its backends, over connections that requests share (proxy_http_version 2).
func (l *location) useHTTP2(t requestTemplate) {
	l.Proto, l.Streams = "h2", streams.Connections
	l.protocol = &streams.Protocol{Build: t.build}
}

// build is BuildRequest for HTTP/2. What the location sets as Host is the request's :authority (RFC 9113, section 8.3.1).
func (t *requestTemplate) build(x *upstream.Exchange) error {
	r, h := x.R, &x.Request
	if t.body != nil {
		x.ReplaceBody(t.body.Eval(r))
	}
	h.Method = r.Method
	if t.method != nil {
		if h.Method = t.method.Eval(r); !http1.ValidName(h.Method) {
			return fmt.Errorf("invalid method \"%s\" for the upstream request", h.Method)
		}
	}
	x.Out = passing.CleanTarget(t.target(r, x.Out[:0]), 0)
	h.Path = x.Out
	h.Scheme = schemes[x.Secured()]
	for i := range t.fields {
		f := &t.fields[i]
		value := cleaned(r, f.value.Eval(r))
		switch {
		case len(value) == 0:
		case f.id == http1.Host:
			h.Authority = value
		default:
			h.Fields = append(h.Fields, http1.Field{Name: f.prefix[:len(f.prefix)-len(": ")], Value: value, ID: f.id})
		}
	}
	if size := x.BodySize(); size > 0 || size == 0 && !t.framed && (t.body != nil || r.HasBody() || r.Head.ContentLength == 0) {
		h.Fields = append(h.Fields, http1.Field{Name: contentLength, Value: strconv.AppendInt(r.Alloc(20)[:0], size, 10), ID: http1.ContentLength})
	}
	if t.passHeaders {
		for i := range r.Head.Fields {
			if f := &r.Head.Fields[i]; !t.replaced.Has(f) {
				h.Fields = append(h.Fields, *f)
			}
		}
	}
	return nil
}

var schemes = map[bool][]byte{false: []byte("http"), true: []byte("https")}

var contentLength = []byte("content-length")

// cleaned is a value without control characters: the request's own copy, if it has to be changed.
func cleaned(r *core.Request, value []byte) []byte {
	if http1.ValidValue(value) {
		return value
	}
	value = r.Copy(value)
	passing.CleanValue(value, 0)
	return value
}
