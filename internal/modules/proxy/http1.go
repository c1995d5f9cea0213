package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/pool"
	"hearth/internal/text"
	"hearth/internal/upstream"
	"hearth/internal/upstream/passing"
)

// http1Protocol speaks HTTP/1 with a backend: the Protocol of the exchange engine for proxy_http_version 1.0 and 1.1.
// It is made once for a location; what belongs to one request is in the Exchange.
type http1Protocol struct {
	request  requestTemplate
	response http1.ResponseOptions
}

// requestTemplate is the compiled form of what a location sends: the fields of proxy_set_header in their order, then
// the client's own, less those that are set or mean only its own connection.
type requestTemplate struct {
	minor       int         // HTTP/1.minor
	method      *core.Value // proxy_method; nil = the client's
	fields      []setField
	replaced    upstream.HeaderSet // fields of the client that are not passed on
	passHeaders bool
	body        *core.Value // proxy_set_body; nil = the client's
	framed      bool        // proxy_set_header says something of Content-Length: none is sent without a body
	// target appends the request target.
	target func(r *core.Request, dst []byte) []byte
}

// setField is one line of proxy_set_header. A value that evaluates to nothing leaves the field out.
type setField struct {
	prefix     []byte // "Name: "
	value      *core.Value
	connection bool // the name is Connection
}

var (
	lineEnd   = []byte("\r\n")
	chunkedTE = []byte("Transfer-Encoding: chunked\r\n")
)

// BuildRequest implements upstream.Protocol.
func (p *http1Protocol) BuildRequest(x *upstream.Exchange) error {
	r, t := x.R, &p.request
	if t.body != nil {
		x.ReplaceBody(t.body.Eval(r))
	}
	x.SaysClose = false
	size := x.BodySize()
	dst := x.Out[:0]
	method := r.Method
	if t.method != nil {
		if method = t.method.Eval(r); !http1.ValidName(method) {
			return fmt.Errorf("invalid method \"%s\" for the upstream request", method)
		}
	}
	dst = append(append(dst, method...), ' ')
	from := len(dst)
	dst = passing.CleanTarget(t.target(r, dst), from)
	x.Target = dst[from:len(dst):len(dst)]
	dst = append(dst, " HTTP/1."...)
	dst = append(dst, byte('0'+t.minor))
	dst = append(dst, lineEnd...)
	for i := range t.fields {
		f := &t.fields[i]
		value := f.value.Eval(r)
		if len(value) == 0 {
			continue
		}
		x.SaysClose = x.SaysClose || f.connection && saysClose(value)
		dst = append(dst, f.prefix...)
		from := len(dst)
		dst = append(dst, value...)
		passing.CleanValue(dst, from)
		dst = append(dst, lineEnd...)
	}
	switch {
	case size < 0:
		dst = append(dst, chunkedTE...)
	case size > 0 || !t.framed && (t.body != nil || r.HasBody() || r.Head.ContentLength == 0):
		dst = http1.AppendFieldInt(dst, "Content-Length", size)
	}
	if t.passHeaders {
		for i := range r.Head.Fields {
			f := &r.Head.Fields[i]
			if !t.replaced.Has(f) {
				dst = append(append(append(append(dst, f.Name...), ": "...), f.Value...), lineEnd...)
			}
		}
	}
	dst = append(dst, lineEnd...)
	x.Out = dst
	return nil
}

// WriteRequest implements upstream.Protocol.
func (p *http1Protocol) WriteRequest(x *upstream.Exchange) error {
	return x.Send(x.Out, x.BodySize() < 0)
}

// ReadHead implements upstream.Protocol.
func (p *http1Protocol) ReadHead(x *upstream.Exchange) error {
	method := http1.MethodOf(x.R.Method)
	if p.request.method != nil {
		method = http1.MethodOf(p.request.method.Eval(x.R))
	}
	for {
		x.Parser.Reset(&p.response, method)
		n, err := x.Parser.Parse(x.In.Unread())
		for err == http1.ErrIncomplete {
			if x.In.Full() || int64(x.In.Len()) >= int64(p.response.TotalLimit) {
				return &upstream.InvalidResponse{Cause: "upstream sent too big header"}
			}
			if err := x.Fill(); err != nil {
				return err
			}
			n, err = x.Parser.Parse(x.In.Unread())
		}
		if err != nil {
			return invalid(err)
		}
		h := &x.Parser.Head
		if !h.Interim() {
			x.Head = h
			x.In.UseHead(n)
			p.beginBody(x)
			return nil
		}
		if err := x.Interim(h.Status, h.Fields); err != nil {
			return err
		}
		x.In.Use(n)
	}
}

// invalid turns an error of the codec into the engine's.
func invalid(err error) error {
	var malformed *http1.Error
	if errors.As(err, &malformed) {
		return &upstream.InvalidResponse{Cause: malformed.Reason}
	}
	return err
}

// beginBody sets the exchange up for the body that the head announces.
func (p *http1Protocol) beginBody(x *upstream.Exchange) {
	switch x.Head.Framing {
	case http1.ByLength:
		x.Left = x.Head.ContentLength
	case http1.ByChunks:
		x.Chunks.ResetResponse(0)
	default:
		x.Left = 0
	}
	x.Closed = false
}

// BodyDone implements upstream.Protocol.
func (p *http1Protocol) BodyDone(x *upstream.Exchange) bool {
	switch x.Head.Framing {
	case http1.ByChunks:
		return x.Chunks.Done()
	case http1.UntilClose:
		return x.Closed
	}
	return x.Left == 0
}

// TryBody implements upstream.Protocol.
func (p *http1Protocol) TryBody(x *upstream.Exchange) ([]byte, error) {
	for !p.BodyDone(x) {
		if x.In.Len() == 0 {
			if err := x.TryFill(); err != nil {
				switch {
				case err != io.EOF:
					return nil, err
				case x.Head.Framing != http1.UntilClose:
					return nil, io.ErrUnexpectedEOF // a cut body must not look complete
				}
				x.Closed = true
				break
			}
		}
		raw := x.In.Unread()
		switch x.Head.Framing {
		case http1.ByLength:
			raw = raw[:min(int64(len(raw)), x.Left)]
			x.Left -= int64(len(raw))
			x.In.Use(len(raw))
			return raw, nil
		case http1.UntilClose:
			x.In.Use(len(raw))
			return raw, nil
		}
		data, n, err := x.Chunks.Decode(raw)
		if err != nil {
			return nil, invalid(err)
		}
		x.In.Use(n)
		if len(data) > 0 {
			return data, nil
		}
	}
	return nil, io.EOF
}

// RawBody implements upstream.Protocol: with a length, what is left of it is on the wire as it is.
func (p *http1Protocol) RawBody(x *upstream.Exchange) int64 {
	if x.In.Len() > 0 || x.Head.Framing != http1.ByLength {
		return 0
	}
	return x.Left
}

// TookRaw implements upstream.Protocol.
func (p *http1Protocol) TookRaw(x *upstream.Exchange, n int64) { x.Left -= n }

// Fate implements upstream.Protocol.
func (p *http1Protocol) Fate(x *upstream.Exchange) (pool.Close, pool.Hint) {
	h := x.Head
	var hint pool.Hint
	if t := h.KeepAliveHint.Timeout; t >= 0 {
		hint.Timeout, hint.HasTimeout = time.Duration(t)*time.Second, true
	}
	if n := h.KeepAliveHint.Max; n > 0 {
		hint.Max = int(n)
	}
	switch {
	case h.Framing == http1.UntilClose:
		return pool.UpstreamEOF, hint
	case h.Close:
		return pool.UpstreamConnectionClose, hint
	case !h.KeepAlive:
		return pool.HTTP10, hint
	case x.SaysClose: // the server closes, though it has not said so: RFC 9112, section 9.6
		return pool.Disabled, hint
	}
	return pool.Kept, hint
}

// saysClose tells whether a Connection field has the option close.
func saysClose(value []byte) bool {
	for option := range bytes.SplitSeq(value, []byte(",")) {
		if text.EqualFold(bytes.TrimSpace(option), "close") {
			return true
		}
	}
	return false
}

var _ upstream.Protocol = (*http1Protocol)(nil)
