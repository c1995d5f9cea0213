package http1

import (
	"fmt"

	"hearth/internal/text"
)

// ResponseOptions is how an upstream server's answers are read. Lengths are
// in bytes and 0 means no limit.
type ResponseOptions struct {
	LineLimit  int
	TotalLimit int // proxy_buffer_size: longest head
}

// Framing tells where a response's body ends (RFC 9112, section 6.3).
type Framing uint8

// The ways a body can end.
const (
	NoBody     Framing = iota // to HEAD; 1xx, 204, 304
	ByLength                  // after ContentLength bytes
	ByChunks                  // with the last chunk
	UntilClose                // with the connection
	Tunnel                    // 101, or 2xx to CONNECT: what follows is not HTTP
)

// ResponseHead is a response without its body. All bytes are views into the
// buffer given to Parse.
type ResponseHead struct {
	fields

	Line          []byte // without its line end
	Status        int    // 100 to 999
	Reason        []byte // may be empty
	Major, Minor  int
	ContentLength int64 // -1 = no Content-Length
	Chunked       bool
	Framing       Framing
	Close         bool // Connection: close
	KeepAlive     bool // the connection can be used again when the body has ended
	Upgrade       bool // Connection: upgrade, and an Upgrade field
	KeepAliveHint KeepAliveHint

	// Dropped counts the fields left out because their names are not tokens;
	// FirstDropped is the line of the first.
	Dropped      int
	FirstDropped []byte
}

// Interim reports whether the final response is still to come: 1xx without 101.
func (h *ResponseHead) Interim() bool { return h.Status < 200 && h.Status != 101 }

// ResponseParser reads response heads from a buffer. Reset makes it ready for
// the next one, also after an interim response; it keeps what memory it has.
type ResponseParser struct {
	Head ResponseHead // valid once Parse has returned nil, as long as the buffer is

	opt     *ResponseOptions
	lines   lines
	count   int
	state   parseState
	request Method
}

// Reset prepares for the response to a request with that method. The options
// must not change before the head is complete.
func (p *ResponseParser) Reset(opt *ResponseOptions, request Method) {
	list := p.Head.Fields[:0]
	*p = ResponseParser{}
	p.opt, p.request, p.state = opt, request, readingFirstLine
	p.Head.Fields = list
	p.Head.ContentLength = -1
	p.Head.KeepAliveHint = KeepAliveHint{-1, -1}
}

// Parse reads a response head from the front of buf; see RequestParser.Parse.
// Nothing may come before the status line.
func (p *ResponseParser) Parse(buf []byte) (n int, err error) {
	if p.state >= readingFields && (cap(buf) != p.lines.cap || &buf[0] != &p.Head.Line[0]) {
		p.rebase(buf)
	}
	p.lines.cap = cap(buf)
	for p.state == readingFirstLine || p.state == readingFields {
		line, state := p.lines.next(buf, lineLimit{p.opt.LineLimit, p.opt.TotalLimit})
		if p.state == readingFirstLine && state != lineComplete && !statusLineStart(buf) {
			return 0, errStatusLine
		}
		if state == lineIncomplete {
			return 0, ErrIncomplete
		}
		if state != lineComplete {
			return 0, badResponse("upstream sent too big header" + readingUpstream)
		}
		if e := p.line(line); e != nil {
			return 0, e
		}
	}
	return p.lines.pos, nil
}

const readingUpstream = " while reading response header from upstream"

// errStatusLine is nginx's text for a status line it does not understand. It
// relays such a response as HTTP/0.9; here it is refused.
var errStatusLine = badResponse("upstream sent no valid HTTP/1.0 header" + readingUpstream)

// statusLineStart reports whether a status line can begin like b, so that
// garbage is refused at once and not when a line end happens to come.
func statusLineStart(b []byte) bool {
	const start = "HTTP/1."
	n := min(len(b), len(start))
	return string(b[:n]) == start[:n]
}

func (p *ResponseParser) rebase(buf []byte) {
	h, l := &p.Head, &p.lines
	for _, v := range []*[]byte{&h.Line, &h.Reason, &h.FirstDropped} {
		*v = l.rebase(*v, buf)
	}
	l.rebaseFields(h.Fields, buf)
}

func (p *ResponseParser) line(line []byte) *Error {
	switch {
	case p.state == readingFirstLine:
		p.state = readingFields
		return p.Head.statusLine(line)
	case len(line) == 0:
		return p.finish()
	}
	return p.field(line)
}

// statusLine reads "HTTP/1.1 200 OK". The space after the status may be
// missing when there is no reason, as it is with many servers.
func (h *ResponseHead) statusLine(line []byte) *Error {
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[7]-'0' > 9 || line[8] != ' ' {
		return errStatusLine
	}
	status, n := digits(line[9:])
	if n != 3 || status < 100 {
		return errStatusLine
	}
	reason := line[12:]
	if len(reason) > 0 {
		if reason[0] != ' ' || indexControl(reason) >= 0 {
			return errStatusLine
		}
		reason = reason[1:]
	}
	h.Line, h.Status, h.Reason = line, status, reason
	h.Major, h.Minor = 1, int(line[7]-'0')
	return nil
}

func (p *ResponseParser) field(line []byte) *Error {
	if p.count++; p.count > maxFields {
		return badResponse("upstream sent too many header lines" + readingUpstream)
	}
	h := &p.Head
	name, value, id, kind, bad := splitField(line)
	if bad >= 0 {
		return invalidResponseField(line, bad)
	}
	if kind&oddByte != 0 {
		if h.Dropped++; h.Dropped == 1 {
			h.FirstDropped = line
		}
		return nil
	}
	if (id == ContentLength || id == TransferEncoding) && h.Has(id) {
		return h.duplicate(name, value, id)
	}
	h.add(name, value, id)
	return nil
}

// The errors are put together in functions of their own: what they need of the stack would else be part of every field's.

//go:noinline
func invalidResponseField(line []byte, bad int) *Error {
	return badResponse(invalidField("upstream sent invalid header", line, bad) + readingUpstream)
}

//go:noinline
func (h *ResponseHead) duplicate(name, value []byte, id ID) *Error {
	previous := h.Fields[h.Index(id)]
	return badResponse(fmt.Sprintf("upstream sent duplicate header line: \"%s: %s\", previous value: \"%s: %s\"",
		name, value, previous.Name, previous.Value) + readingUpstream)
}

func (p *ResponseParser) finish() *Error {
	p.state = headDone
	h := &p.Head
	if err := h.framing(p.request); err != nil {
		return err
	}
	options := h.connection()
	h.Close = options.close
	h.KeepAlive = !options.close && (h.Minor >= 1 || options.keepAlive) && h.Framing != UntilClose && h.Framing != Tunnel
	if h.Chunked && h.Minor == 0 {
		h.KeepAlive = false // RFC 9112, section 6.1: the framing is not to be trusted further
	}
	h.Upgrade = options.upgrade && h.Has(Upgrade)
	if v, ok := h.Get(KeepAlive); ok {
		h.KeepAliveHint = ParseKeepAlive(v)
	}
	return nil
}

// framing follows RFC 9112, section 6.3, and refuses what that lets a client
// repair: a length and a coding together, codings other than chunked.
func (h *ResponseHead) framing(request Method) *Error {
	length, hasLength := h.Get(ContentLength)
	if hasLength {
		var ok bool
		if h.ContentLength, ok = text.ParseInt(length); !ok {
			return badResponse(fmt.Sprintf("upstream sent invalid \"Content-Length\" header: \"Content-Length: %s\"", length) + readingUpstream)
		}
	}
	if coding, ok := h.Get(TransferEncoding); ok {
		if !text.EqualFold(coding, "chunked") {
			return badResponse(fmt.Sprintf("upstream sent unknown \"Transfer-Encoding\": \"%s\"", coding) + readingUpstream)
		}
		if hasLength {
			return badResponse("upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time" + readingUpstream)
		}
		h.Chunked = true
	}
	switch {
	case h.Status == 101, request == MethodConnect && h.Status/100 == 2:
		h.Framing = Tunnel
	case request == MethodHead, h.Status < 200, h.Status == 204, h.Status == 304:
		h.Framing = NoBody
	case h.Chunked:
		h.Framing = ByChunks
	case hasLength:
		h.Framing = ByLength
	default:
		h.Framing = UntilClose
	}
	return nil
}
