package http2

import (
	"unsafe"

	"golang.org/x/net/http2/hpack"

	"hearth/internal/http1"
	"hearth/internal/text"
)

// blockVerdict is what is found out about a block while its fields are decoded.
type blockVerdict struct {
	size    int  // RFC 9113, section 10.5.1
	regular bool // a field that is no pseudo-header field has come
	bad     string
}

// field takes a decoded field (RFC 9113, sections 8.2 and 8.3).
func (w *Wire) field(f hpack.HeaderField) {
	v, b := &w.verdict, w.block
	v.size += len(f.Name) + len(f.Value) + 32
	if v.size > w.opt.MaxHeaderBytes || len(b.Fields) >= w.opt.MaxFields {
		b.TooLarge = true
		w.decoder.SetEmitEnabled(false)
		return
	}
	name, value := view(f.Name), view(f.Value)
	var reason string
	switch {
	case !http1.ValidValue(value):
		reason = "sent a header field with an invalid value"
	case len(name) > 0 && name[0] == ':':
		if reason = "sent a pseudo-header field after others"; !v.regular {
			reason = b.pseudo(f.Name, value)
		}
	default:
		v.regular = true
		reason = b.regular(name, trimSpace(value))
	}
	if reason != "" {
		v.bad = reason
		w.decoder.SetEmitEnabled(false)
	}
}

// view is s as bytes. Strings of the decoder never change, and nobody writes to the views.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// pseudo takes a pseudo-header field (RFC 9113, section 8.3).
func (b *Block) pseudo(name string, value []byte) (bad string) {
	if b.Kind == Trailers {
		return "sent a pseudo-header field in trailers"
	}
	if b.Kind == Response {
		if name != ":status" || b.Status != 0 {
			return "sent an unknown or doubled pseudo-header field"
		}
		n, ok := text.ParseInt(value)
		if !ok || len(value) != 3 || n < 100 {
			return "sent an invalid :status"
		}
		b.Status = int(n)
		return ""
	}
	var to *[]byte
	ok := true
	switch name {
	case ":method":
		to, ok = &b.Method, http1.ValidName(value)
	case ":scheme":
		to, ok = &b.Scheme, validScheme(value)
	case ":path":
		to, ok = &b.Path, http1.ValidTarget(value)
	case ":authority":
		to, ok = &b.Authority, len(value) == 0 || http1.ValidTarget(value)
	case ":protocol":
		to, ok = &b.Protocol, http1.ValidName(value)
	default:
		return "sent an unknown pseudo-header field"
	}
	switch {
	case !ok:
		return "sent an invalid " + name
	case *to != nil:
		return "sent " + name + " twice"
	}
	*to = value
	return ""
}

func validScheme(b []byte) bool {
	for i, c := range b {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return len(b) > 0
}

// checkPseudo looks for what is missing when all fields have come.
func (b *Block) checkPseudo(extended bool) (bad string) {
	switch b.Kind {
	case Response:
		if b.Status == 0 {
			return "sent no :status"
		}
	case Request:
		connect := string(b.Method) == "CONNECT"
		switch {
		case b.Method == nil:
			return "sent no :method"
		case b.Protocol != nil && (!connect || !extended):
			return "sent :protocol, which was not allowed"
		case connect && b.Protocol == nil:
			if b.Scheme != nil || b.Path != nil || len(b.Authority) == 0 {
				return "sent a CONNECT request with other pseudo-header fields than :authority"
			}
		case b.Scheme == nil:
			return "sent no :scheme"
		case b.Path == nil:
			return "sent no :path"
		case b.Path[0] != '/' && !(len(b.Path) == 1 && b.Path[0] == '*' && string(b.Method) == "OPTIONS"):
			return "sent an invalid :path"
		}
	}
	return ""
}

// nameByte has the bytes of a field name: those of a token, without capitals (RFC 9113, section 8.2.1).
var nameByte = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// regular takes any other field.
func (b *Block) regular(name, value []byte) (bad string) {
	for _, c := range name {
		if !nameByte[c] {
			return "sent a header field with an invalid name"
		}
	}
	if len(name) == 0 {
		return "sent a header field without a name"
	}
	id := http1.Lookup(name)
	switch id {
	case http1.Connection, http1.KeepAlive, http1.ProxyConnection, http1.TransferEncoding, http1.Upgrade:
		return "sent a header field about the connection, which HTTP/2 does not have"
	case http1.TE:
		if !text.EqualFold(value, "trailers") {
			return "sent a TE field other than \"trailers\""
		}
	case http1.ContentLength:
		n, ok := text.ParseInt(value)
		if !ok || b.ContentLength >= 0 {
			return "sent an invalid or doubled Content-Length"
		}
		if b.Kind == Trailers {
			return "" // it says nothing there, and must not say anything to others
		}
		b.ContentLength = n
	}
	b.Fields = append(b.Fields, http1.Field{Name: name, Value: value, ID: id})
	return ""
}
