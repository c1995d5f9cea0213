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

// Kinds of bytes in a host name: RFC 3986's reg-name.
const (
	hostPlain = iota
	hostUpper
	hostDot
	hostPercent // two digits must follow
	hostBad     // and the colon, which ends it
)

var hostByte = func() (t [256]uint8) {
	for i := range t {
		t[i] = hostBad
	}
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,;=" {
		t[c] = hostPlain
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = hostUpper
	}
	t['.'], t['%'] = hostDot, hostPercent
	return t
}()

// ParseHost validates host [ ":" port ] by RFC 3986, section 3.2, as nginx
// does since 1.29.4. Refused too, as ever in nginx: an empty name and "..".
func ParseHost(b []byte) (h HostPort, ok bool) {
	if len(b) > 0 && b[0] == '[' {
		return parseIPLiteral(b)
	}
	end, dot := len(b), -2
scan:
	for i, c := range b {
		switch hostByte[c] {
		case hostPlain:
		case hostDot:
			if dot == i-1 {
				return HostPort{}, false
			}
			dot = i
		case hostUpper:
			h.Upper = true
		case hostPercent:
			if i+2 >= len(b) || text.HexDigit(b[i+1]) < 0 || text.HexDigit(b[i+2]) < 0 {
				return HostPort{}, false
			}
		default:
			if c != ':' {
				return HostPort{}, false
			}
			end = i
			break scan
		}
	}
	h.Name = b[:end]
	if dot == end-1 {
		h.Name = b[:end-1]
	}
	if len(h.Name) == 0 || !h.parsePort(b[end:]) {
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
		if !(text.HexDigit(c) >= 0 || c == ':' || c == '.' || future && hostByte[c] <= hostDot) {
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
