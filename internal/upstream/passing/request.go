package passing

import (
	"fmt"
	"strconv"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/upstream"
)

// Request is the compiled form of what a location sends where a head is a list of fields: HTTP/2.
type Request struct {
	Method    *core.Value                              // nil = the client's
	Body      *core.Value                              // nil = the client's
	Target    func(r *core.Request, dst []byte) []byte // appends :path
	Authority func(r *core.Request) []byte             // unless *_set_header names Host, which is the same

	fields   []setField
	replaced upstream.HeaderSet // fields of the client that are not passed on
	pass     bool               // the others are
	measured bool               // Content-Length is sent where it is known
}

type setField struct {
	name  []byte
	id    http1.ID
	value *core.Value
}

// Compile adds the fields of *_set_header and the module's defaults. What frames the body follows from the body; all that
// can be said of it is that Content-Length is not sent, with "".
func (q *Request) Compile(c *conf.Cursor, b *conf.Block, l *Location, defaults []Default) error {
	fields, replaced, err := l.Compile(c, b, defaults)
	if err != nil {
		return err
	}
	q.replaced, q.pass, q.measured = replaced, l.PassRequestHeaders, true
	for _, name := range []string{"Content-Length", "Host"} { // the latter is :authority
		q.replaced.Add(name)
	}
	for _, f := range l.Fields {
		if s, ok := f.Value.Literal(); ok && s == "" && http1.Lookup([]byte(f.Name)) == http1.ContentLength {
			q.measured = false
		}
	}
	if l.Names("Host") {
		q.Authority = nil
	}
	for _, f := range fields {
		if id := http1.Lookup([]byte(f.Name)); id != http1.ContentLength && id != http1.TransferEncoding {
			q.fields = append(q.fields, setField{[]byte(f.Name), id, f.Value})
		}
	}
	return nil
}

// Build fills in x.Request: it is Build of streams.Protocol. Values are made harmless as they are for HTTP/1 (see
// CleanTarget), since the backend may go on with that.
func (q *Request) Build(x *upstream.Exchange) error {
	r, h := x.R, &x.Request
	if q.Body != nil {
		x.ReplaceBody(q.Body.Eval(r))
	}
	h.Method, h.Scheme = r.Method, schemeHTTP
	if x.Secured() {
		h.Scheme = schemeHTTPS
	}
	if q.Method != nil {
		if h.Method = q.Method.Eval(r); !http1.ValidName(h.Method) {
			return fmt.Errorf("invalid method \"%s\" for the upstream request", h.Method)
		}
	}
	dst := CleanTarget(q.Target(r, x.Out[:0]), 0)
	h.Path = dst[:len(dst):len(dst)]
	if q.Authority != nil {
		h.Authority = q.Authority(r)
	}
	if size := x.BodySize(); q.measured && (size > 0 || size == 0 && (q.Body != nil || r.HasBody() || r.Head.ContentLength == 0)) {
		from := len(dst)
		dst = strconv.AppendInt(dst, size, 10)
		h.Fields = append(h.Fields, http1.Field{Name: contentLength, Value: dst[from:len(dst):len(dst)], ID: http1.ContentLength})
	}
	x.Out = dst
	for i := range q.fields {
		f := &q.fields[i]
		value := clean(r, f.value.Eval(r))
		switch {
		case len(value) == 0:
		case f.id == http1.Host:
			h.Authority = value
		default:
			h.Fields = append(h.Fields, http1.Field{Name: f.name, Value: value, ID: f.id})
		}
	}
	if q.pass {
		for i := range r.Head.Fields {
			if f := &r.Head.Fields[i]; !q.replaced.Has(f) {
				h.Fields = append(h.Fields, *f)
			}
		}
	}
	return nil
}

var (
	schemeHTTP    = []byte("http")
	schemeHTTPS   = []byte("https")
	contentLength = []byte("Content-Length")
)

// clean is CleanValue for a value that is somebody else's.
func clean(r *core.Request, value []byte) []byte {
	if http1.ValidValue(value) {
		return value
	}
	value = r.Copy(value)
	CleanValue(value, 0)
	return value
}
