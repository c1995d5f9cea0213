package http1

import (
	"bytes"
	"fmt"

	"hearth/internal/text"
)

// RequestOptions is how a server reads its clients' requests; a configuration
// holds one per server block. Lengths are in bytes and 0 means no limit.
type RequestOptions struct {
	UnderscoresInHeaders bool // underscores_in_headers: "_" is valid in names
	IgnoreInvalidHeaders bool // ignore_invalid_headers: drop fields with invalid names
	MaxHeaders           int  // max_headers: how many field lines a request may have
	LineLimit            int  // size of one of large_client_header_buffers: longest line
	TotalLimit           int  // longest head: client_header_buffer_size, and all large_client_header_buffers
}

// RequestHead is a request without its body. All bytes are views into the
// buffer given to Parse.
type RequestHead struct {
	requestLine
	fields

	// Host is the virtual server asked for: the authority of an absolute-form
	// target, else the Host field. Its name is empty if there is neither. In a
	// head that is incomplete or refused, its name is nil while it is not known.
	Host HostPort

	ContentLength int64 // -1 = no Content-Length
	Chunked       bool  // Transfer-Encoding: chunked
	Close         bool  // Connection: close
	KeepAlive     bool  // the client can go on after this request, as Connection and version tell
	Upgrade       bool  // Connection: upgrade, and an Upgrade field
	Expect100     bool  // Expect: 100-continue in HTTP/1.1

	// Dropped counts the fields left out because of their names, and
	// FirstDropped is the line of the first, for the log:
	// `client sent invalid header line: "..."`.
	Dropped      int
	FirstDropped []byte
}

// HasBody reports whether a body follows the head, be it empty.
func (h *RequestHead) HasBody() bool { return h.Chunked || h.ContentLength > 0 }

// AtLeast11 reports whether the client speaks HTTP/1.1 or a later HTTP/1.
func (h *RequestHead) AtLeast11() bool { return h.Major == 1 && h.Minor >= 1 }

// RequestParser reads request heads from a buffer. Reset makes it ready for
// the next request; it keeps what memory it has.
type RequestParser struct {
	Head RequestHead // valid once Parse has returned nil, as long as the buffer is

	opt    *RequestOptions
	byHost func(*HostPort) *RequestOptions
	lines  lines
	count  int // field lines seen
	state  parseState
	method bool // the method of an incomplete request line has been checked
}

type parseState uint8

const (
	skippingEmpty parseState = iota
	readingFirstLine
	readingFields
	headDone
)

// Reset prepares for a new request. The options must not change before the head is complete.
func (p *RequestParser) Reset(opt *RequestOptions) {
	list := p.Head.Fields[:0]
	*p = RequestParser{}
	p.opt = opt
	p.Head.Fields = list
	p.Head.ContentLength = -1
}

// ByHost has the fields behind the one that names the host (or behind the
// request line, if that does) read as the server of that name wants it. It is
// called after Reset.
func (p *RequestParser) ByHost(options func(*HostPort) *RequestOptions) { p.byHost = options }

// Started reports whether a byte of a request has been seen, other than empty lines before it.
func (p *RequestParser) Started() bool { return p.state != skippingEmpty }

// HaveLine reports whether the request line has been read: the Head's line
// part is then valid, although Parse has not returned nil yet.
func (p *RequestParser) HaveLine() bool { return p.state >= readingFields }

// Parse reads a request head from the front of buf. It returns the head's
// length when it is complete, ErrIncomplete when buf ends before it does, and
// an *Error when the request must be refused.
//
// After ErrIncomplete, call it again with a buffer that begins with the same
// bytes and has more; the buffer may have moved. What has been read is not
// read again.
func (p *RequestParser) Parse(buf []byte) (n int, err error) {
	if p.HaveLine() && (cap(buf) != p.lines.cap || &buf[p.lines.start] != &p.Head.Line[0]) {
		p.rebase(buf)
	}
	p.lines.cap = cap(buf)
	if e := p.parse(buf); e != nil {
		return 0, e
	}
	if p.state != headDone {
		return 0, ErrIncomplete
	}
	return p.lines.pos, nil
}

// rebase moves the views made so far to a buffer that has moved.
func (p *RequestParser) rebase(buf []byte) {
	h, l := &p.Head, &p.lines
	for _, v := range []*[]byte{&h.Line, &h.Method, &h.Target, &h.Path, &h.Args, &h.Scheme, &h.Authority, &h.Host.Name, &h.Host.Port, &h.FirstDropped} {
		*v = l.rebase(*v, buf)
	}
	l.rebaseFields(h.Fields, buf)
}

func (p *RequestParser) parse(buf []byte) *Error {
	if p.state == skippingEmpty {
		if err := p.skipEmpty(buf); err != nil {
			return err
		}
	}
	for p.state == readingFirstLine || p.state == readingFields {
		if p.state == readingFirstLine && !p.method {
			if err := p.checkMethod(buf); err != nil {
				p.Head.Line = refusedLine(buf[p.lines.start:])
				return err
			}
		}
		line, state := p.lines.next(buf, lineLimit{p.opt.LineLimit, p.opt.TotalLimit})
		if state != lineComplete {
			return p.incomplete(buf, state)
		}
		if err := p.line(line); err != nil {
			return err
		}
	}
	return nil
}

// Cut takes note of the part of a first line that has come when no more will:
// for $request, in logs.
func (p *RequestParser) Cut(buf []byte) {
	if p.Started() {
		p.Head.Line = refusedLine(buf[p.lines.start:])
	}
}

// refusedLine is what there is of a first line that was refused before its end: for $request, in logs.
func refusedLine(b []byte) []byte {
	if end := bytes.IndexAny(b, "\r\n"); end >= 0 {
		return b[:end:end]
	}
	return b
}

// skipEmpty passes over empty lines before the request (RFC 9112, section
// 2.2); nginx skips bare CRs there too, which is refused here.
func (p *RequestParser) skipEmpty(buf []byte) *Error {
	l := &p.lines
	for ; l.pos < len(buf); l.pos++ {
		switch c := buf[l.pos]; {
		case c == '\n':
		case c == '\r' && l.pos+1 == len(buf):
			return nil
		case c == '\r' && buf[l.pos+1] == '\n':
		default:
			l.start, l.scanned = l.pos, l.pos
			p.state = readingFirstLine
			return nil
		}
		if p.opt.LineLimit > 0 && l.pos >= p.opt.LineLimit {
			return errInvalidRequest
		}
	}
	return nil
}

// checkMethod looks at the method before its line is complete, so that
// something that is not HTTP at all, a TLS handshake say, is refused at once.
func (p *RequestParser) checkMethod(buf []byte) *Error {
	l := &p.lines
	end := len(buf)
	if limit := p.opt.LineLimit; limit > 0 {
		end = min(end, l.start+limit)
	}
	for i := l.scanned; i < end; i++ {
		if buf[i] == ' ' && i > l.start {
			p.method = true
			return nil
		}
		if !methodByte(buf[i]) {
			return errInvalidMethod
		}
	}
	return nil
}

func (p *RequestParser) incomplete(buf []byte, state lineState) *Error {
	switch {
	case state == lineIncomplete:
		return nil
	case p.state == readingFirstLine:
		p.Head.Line = refusedLine(buf[p.lines.start:])
		if limit := p.opt.LineLimit; limit > 0 && len(p.Head.Line) > limit {
			p.Head.Line = p.Head.Line[:limit]
		}
		return errTooLongURI
	}
	l := &p.lines
	end := min(len(buf), l.pos+maxQuoted)
	if state == lineTooLong {
		end = min(end, l.pos+p.opt.LineLimit)
	} else {
		end = min(end, l.start+p.opt.TotalLimit)
	}
	return &Error{StatusRequestHeaderTooLarge,
		fmt.Sprintf("client sent too long header line: \"%s...\"", buf[l.pos:end]) + readingHeaders}
}

// maxQuoted is how much of a line that is too long goes into the error log.
const maxQuoted = 256

const readingHeaders = " while reading client request headers"

func (p *RequestParser) line(line []byte) *Error {
	h := &p.Head
	switch {
	case p.state == readingFirstLine:
		err := h.requestLine.parse(line)
		if err == nil && h.Authority != nil {
			if host, ok := ParseHost(h.Authority); ok {
				p.named(host)
			} else {
				err = errInvalidLineHost
			}
		}
		if err != nil {
			h.requestLine.forget()
			return err
		}
		if p.state = readingFields; h.Major == 0 {
			return p.finish()
		}
		return nil
	case len(line) == 0:
		return p.finish()
	}
	return p.field(line)
}

func (p *RequestParser) field(line []byte) *Error {
	if p.count++; p.opt.MaxHeaders > 0 && p.count > p.opt.MaxHeaders || p.count > maxFields {
		return &Error{StatusRequestHeaderTooLarge, "client sent too many header lines" + readingHeaders}
	}
	name, value, id, kind, bad := splitField(line)
	if bad >= 0 {
		return invalidRequestField(line, bad)
	}
	if kind != plainByte && !p.opt.accepts(kind) {
		if p.Head.Dropped++; p.Head.Dropped == 1 {
			p.Head.FirstDropped = line
		}
		return nil
	}
	if id >= firstUnique && id <= lastUnique && p.Head.Has(id) {
		return p.Head.duplicate(name, value, id)
	}
	p.Head.add(name, value, id)
	if id == Host && p.Head.Authority == nil {
		if host, ok := ParseHost(value); ok { // what is wrong with it, finish says
			p.named(host)
		}
	}
	return nil
}

// named takes note of the virtual server.
func (p *RequestParser) named(host HostPort) {
	p.Head.Host = host
	if p.byHost != nil {
		p.opt = p.byHost(&p.Head.Host)
	}
}

// invalidRequestField is on its own, as is duplicate: what an error's text needs of the stack would else be part of every
// field's.
//
//go:noinline
func invalidRequestField(line []byte, bad int) *Error {
	return badRequest(invalidField("client sent invalid header line", line, bad) + readingHeaders)
}

// accepts decides about a name that is not only letters, digits and "-".
// Names that are no tokens at all are dropped even where nginx would pass
// them on (ignore_invalid_headers off): nobody can say what a backend takes them for.
func (o *RequestOptions) accepts(kind uint8) bool {
	if !o.UnderscoresInHeaders && kind&underscoreByte != 0 || kind&tokenByte != 0 {
		if o.IgnoreInvalidHeaders {
			return false
		}
	}
	return kind&oddByte == 0
}

//go:noinline
func (h *RequestHead) duplicate(name, value []byte, id ID) *Error {
	what := "header line"
	if id == Host {
		what = "host header"
	}
	previous := h.Fields[h.Index(id)]
	return badRequest(fmt.Sprintf("client sent duplicate %s: \"%s: %s\", previous value: \"%s: %s\"",
		what, name, value, previous.Name, previous.Value) + readingHeaders)
}

// finish draws the conclusions from a complete head, in nginx's order.
func (p *RequestParser) finish() *Error {
	p.state = headDone
	h := &p.Head
	if len(h.Path) == 0 {
		h.Path = rootPath
	}
	if len(h.Target) == 0 && h.Scheme != nil {
		h.Target = rootPath
	}
	if err := h.host(); err != nil {
		return err
	}
	if err := h.framing(); err != nil {
		return err
	}
	options := h.connection()
	h.Close = options.close
	h.KeepAlive = !options.close && (h.AtLeast11() || options.keepAlive)
	h.Upgrade = options.upgrade && h.AtLeast11() && h.Has(Upgrade)
	if v, ok := h.Get(Expect); ok && h.AtLeast11() {
		h.Expect100 = text.EqualFold(v, "100-continue")
	}
	return nil
}

func (h *RequestHead) host() *Error {
	v, ok := h.Get(Host)
	if h.Host.Name == nil && !ok {
		h.Host.Name = h.Line[:0]
	}
	if !ok && h.AtLeast11() {
		return badRequest("client sent HTTP/1.1 request without \"Host\" header" + readingHeaders)
	}
	if ok && (h.Host.Name == nil || h.Authority != nil) {
		if _, ok = ParseHost(v); !ok {
			return badRequest("client sent invalid host header" + readingHeaders)
		}
	}
	return nil
}

// framing finds out where the body ends (RFC 9112, section 6.3), and refuses
// whatever another server might understand differently.
func (h *RequestHead) framing() *Error {
	length, hasLength := h.Get(ContentLength)
	if hasLength {
		var ok bool
		if h.ContentLength, ok = text.ParseInt(length); !ok {
			return badRequest("client sent invalid \"Content-Length\" header" + readingHeaders)
		}
	}
	coding, hasCoding := h.Get(TransferEncoding)
	switch {
	case !hasCoding:
		return nil
	case !h.AtLeast11():
		return badRequest("client sent HTTP/1.0 request with \"Transfer-Encoding\" header" + readingHeaders)
	case !text.EqualFold(coding, "chunked"):
		return &Error{501, fmt.Sprintf("client sent unknown \"Transfer-Encoding\": \"%s\"", coding) + readingHeaders}
	case hasLength:
		return badRequest("client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time" + readingHeaders)
	}
	h.Chunked = true
	return nil
}
