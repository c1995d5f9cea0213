package http1

import (
	"bytes"

	"hearth/internal/text"
)

// HostPort is a validated Host value or authority.
type HostPort struct {
	Name  []byte // without port and without the dot at the end; "[::1]" keeps its brackets
	Port  []byte // digits; nil when there is none
	Upper bool   // Name has capitals; nginx compares and hands out ($host) the lower case
}

// Lower is the name in lower case. Where it has capitals, it is appended to dst.
func (h *HostPort) Lower(dst []byte) []byte {
	if !h.Upper {
		return h.Name
	}
	return text.AppendLower(dst, h.Name)
}

// Bytes of a host name: RFC 3986's reg-name without "%", which needs two digits after it.
var regName = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=" {
		t[c] = true
	}
	return t
}()

// ParseHost validates host [ ":" port ] by RFC 3986, section 3.2, as nginx
// does since 1.29.4. Refused too, as ever in nginx: an empty name and "..".
func ParseHost(b []byte) (h HostPort, ok bool) {
	if len(b) > 0 && b[0] == '[' {
		return parseIPLiteral(b)
	}
	i, dot := 0, -2
	for ; i < len(b) && b[i] != ':'; i++ {
		switch c := b[i]; {
		case 'A' <= c && c <= 'Z':
			h.Upper = true
		case c == '.':
			if dot == i-1 {
				return HostPort{}, false
			}
			dot = i
		case c == '%':
			if i+2 >= len(b) || text.HexDigit(b[i+1]) < 0 || text.HexDigit(b[i+2]) < 0 {
				return HostPort{}, false
			}
		case !regName[c]:
			return HostPort{}, false
		}
	}
	h.Name = b[:i]
	if dot == i-1 {
		h.Name = b[:i-1]
	}
	if len(h.Name) == 0 || !h.parsePort(b[i:]) {
		return HostPort{}, false
	}
	return h, true
}

// parseIPLiteral validates "[" IPv6 or IPvFuture "]" by its characters; that
// such a name means no server is found out later, when it is looked up.
func parseIPLiteral(b []byte) (h HostPort, ok bool) {
	end := bytes.IndexByte(b, ']')
	if end < 3 {
		return HostPort{}, false
	}
	future := b[1] == 'v' || b[1] == 'V'
	for _, c := range b[1:end] {
		if !(text.HexDigit(c) >= 0 || c == ':' || c == '.' || future && regName[c]) {
			return HostPort{}, false
		}
		h.Upper = h.Upper || 'A' <= c && c <= 'Z'
	}
	h.Name = b[:end+1]
	return h, h.parsePort(b[end+1:])
}

// parsePort reads what follows the name: nothing, or ":" and digits, or ":" alone.
func (h *HostPort) parsePort(b []byte) bool {
	if len(b) <= 1 {
		return len(b) == 0 || b[0] == ':'
	}
	n, ok := text.ParseInt(b[1:])
	h.Port = b[1:]
	return b[0] == ':' && ok && n <= 65535
}
