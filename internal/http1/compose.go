package http1

import (
	"fmt"

	"hearth/internal/text"
)

// Parts are a request that did not come as text but in fields: HTTP/2 (RFC 9113, section 8.3). The codec that took them
// apart has made sure that names are tokens in lower case, values have no controls, and pseudo-header fields stand first.
type Parts struct {
	Method, Scheme, Authority, Path []byte // Authority: nil = none
	Fields                          []Field
	ContentLength                   int64 // -1 = not told
	Open                            bool  // more comes than the head
	TooLarge                        bool  // Fields are not all there were
}

// Composer makes request heads of Parts, in its own memory, which it uses again for the next one.
type Composer struct {
	Head RequestHead

	mem    []byte
	joined bool // the cookies are one value, at the end of mem
}

// maxComposed bounds what memory a Composer keeps, in bytes.
const maxComposed = 8 << 10

var (
	errNoAuthority  = badRequest("client sent neither \":authority\" nor \"Host\" header" + readingHeaders)
	errInvalidHost  = badRequest("client sent invalid host header" + readingHeaders)
	errHostDiffers  = badRequest("client sent \":authority\" and \"Host\" headers that differ" + readingHeaders)
	errHeadTooLarge = &Error{StatusRequestHeaderTooLarge, "client sent too large header" + readingHeaders}
)

// Compose makes Head of the parts, by the options of the server that is in force before the request's own is known. The
// views in Head are those in p, and valid as long as these and until the next call.
//
// What has no body has ContentLength as told, one of unknown length is as if Chunked. The authority becomes the field
// Host. Cookie fields, which may come one by one, are joined (RFC 9113, section 8.2.3).
func (c *Composer) Compose(p *Parts, opt *RequestOptions) *Error {
	list := c.Head.Fields[:0]
	c.Head = RequestHead{}
	c.Head.Fields = list
	if c.mem, c.joined = c.mem[:0], false; cap(c.mem) > maxComposed {
		c.mem = nil
	}
	h := &c.Head
	h.ContentLength = -1
	h.Major = 2
	if err := c.line(p); err != nil {
		return err
	}
	if p.Authority != nil {
		h.Authority = p.Authority
		h.add(hostName, p.Authority, Host)
	}
	for i := range p.Fields {
		if err := c.field(&p.Fields[i], opt); err != nil {
			return err
		}
	}
	if p.TooLarge {
		return errHeadTooLarge
	}
	h.ContentLength, h.Chunked = p.ContentLength, p.Open && p.ContentLength < 0
	h.KeepAlive = true
	if v, ok := h.Get(Expect); ok {
		h.Expect100 = text.EqualFold(v, "100-continue")
	}
	return h.composedHost()
}

var hostName = []byte("host")

// line makes the request line as nginx logs it: "GET / HTTP/2.0".
func (c *Composer) line(p *Parts) *Error {
	h := &c.Head
	if len(p.Method) == 0 || len(p.Path) == 0 {
		if p.TooLarge {
			return errHeadTooLarge
		}
		return errInvalidRequest // a CONNECT has no path; the codec lets nothing else pass
	}
	for _, b := range p.Method {
		if !methodByte(b) {
			return badRequest(fmt.Sprintf("client sent invalid method: \"%s\"", p.Method) + readingHeaders)
		}
	}
	method, path := len(p.Method), len(p.Path)
	c.mem = append(append(append(append(c.mem, p.Method...), ' '), p.Path...), " HTTP/2.0"...)
	line := c.mem[:len(c.mem):len(c.mem)]
	h.Method, h.MethodID = line[:method:method], MethodOf(p.Method)
	if n, err := h.parseTarget(line[method+1 : method+1+path]); err != nil || n != path || p.Path[0] != '/' {
		h.Target, h.Path, h.Args = nil, nil, nil
		return badRequest(fmt.Sprintf("client sent invalid :path header: \"%s\"", p.Path) + readingHeaders)
	}
	h.Line = line
	return nil
}

func (c *Composer) field(f *Field, opt *RequestOptions) *Error {
	h := &c.Head
	kind := uint8(0)
	for _, b := range f.Name {
		kind |= nameByte[b]
	}
	if kind != plainByte && !opt.accepts(kind) {
		if h.Dropped++; h.Dropped == 1 {
			h.FirstDropped = f.Name
		}
		return nil
	}
	switch {
	case f.ID == Host && h.Authority != nil:
		if !text.EqualFold(f.Value, text.String(h.Authority)) {
			return errHostDiffers
		}
		return nil
	case f.ID == Cookie && h.Has(Cookie):
		c.joinCookie(f.Value)
		return nil
	case f.ID >= firstUnique && f.ID <= lastUnique && h.Has(f.ID):
		return h.duplicate(f.Name, f.Value, f.ID)
	}
	h.add(f.Name, f.Value, f.ID)
	return nil
}

// joinCookie adds to the cookies there are. Nothing else uses the memory meanwhile, so they grow where they are.
func (c *Composer) joinCookie(value []byte) {
	f := &c.Head.Fields[c.Head.Index(Cookie)]
	from := len(c.mem) - len(f.Value)
	if !c.joined {
		c.joined = true
		from = len(c.mem)
		c.mem = append(c.mem, f.Value...)
	}
	c.mem = append(append(c.mem, "; "...), value...)
	f.Value = c.mem[from:len(c.mem):len(c.mem)]
}

// composedHost is host for a request whose authority need not be one.
func (h *RequestHead) composedHost() *Error {
	v, ok := h.Get(Host)
	if !ok {
		return errNoAuthority
	}
	if h.Host, ok = ParseHost(v); !ok {
		return errInvalidHost
	}
	return nil
}
