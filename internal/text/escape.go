package text

// byteSet is a set of bytes.
type byteSet [256]bool

// outsideURI are the bytes that RFC 3986 allows nowhere in a URI, and that
// every kind of escaping here escapes: controls, DEL,
// bytes above it, and these.
const outsideURI = " \"<>\\^`{|}"

func escapes(more string) (s byteSet) {
	for i := range s {
		s[i] = i < 0x20 || i >= 0x7f
	}
	for _, c := range outsideURI + more {
		s[c] = true
	}
	return s
}

var (
	uriSet       = escapes("#%?")
	argsSet      = escapes("#%&+;?")
	refreshSet   = escapes("'")
	componentSet = func() (s byteSet) {
		for i := range s {
			s[i] = true
		}
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" {
			s[c] = false
		}
		return s
	}()
)

// AppendEscapeURI appends the path b with what must not stand in a path as
// %XX: what nginx does to a normalized URI before it goes to a backend or
// into a redirect (its NGX_ESCAPE_URI).
func AppendEscapeURI(dst, b []byte) []byte { return appendEscape(dst, b, &uriSet) }

// AppendEscapeArgs appends b as an argument's value: as AppendEscapeURI, and
// "&", "+" and ";" too (NGX_ESCAPE_ARGS; captures put into a query string by rewrite).
func AppendEscapeArgs(dst, b []byte) []byte { return appendEscape(dst, b, &argsSet) }

// AppendEscapeComponent appends b with all but RFC 3986's unreserved
// characters escaped (NGX_ESCAPE_URI_COMPONENT).
func AppendEscapeComponent(dst, b []byte) []byte { return appendEscape(dst, b, &componentSet) }

// AppendEscapeRefresh appends a URI as it stands in the page that redirects old
// MSIE: escaped where it would end the attribute (NGX_ESCAPE_REFRESH).
func AppendEscapeRefresh(dst, b []byte) []byte { return appendEscape(dst, b, &refreshSet) }

// NeedsEscapeURI reports whether AppendEscapeURI would change b.
func NeedsEscapeURI(b []byte) bool {
	for _, c := range b {
		if uriSet[c] {
			return true
		}
	}
	return false
}

func appendEscape(dst, b []byte, set *byteSet) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range b {
		if set[c] {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendEscapeHTML appends b with <, >, & and " as character references (ngx_escape_html).
func AppendEscapeHTML(dst, b []byte) []byte {
	for _, c := range b {
		switch c {
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendUnescape appends b with each %XX decoded. Malformed escapes are
// treated as nginx does: "%zz" loses the "%", "%4z" all three bytes, and one
// that is cut off by the end vanishes.
func AppendUnescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			dst = append(dst, b[i])
			continue
		}
		var c byte
		var ok bool
		if c, i, ok = unescapeAt(b, i); ok {
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendUnescapeURI appends the path part of b decoded, and from the first
// "?" (raw or decoded) on the rest unchanged (NGX_UNESCAPE_URI).
func AppendUnescapeURI(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		c, ok := b[i], true
		if c == '%' {
			c, i, ok = unescapeAt(b, i)
		}
		if ok {
			dst = append(dst, c)
		}
		if ok && c == '?' {
			return append(dst, b[i+1:]...)
		}
	}
	return dst
}

// AppendUnescapeRedirect appends b as the target of a redirect: before the
// first "?", escapes of visible characters above "%" are decoded and the rest
// are kept as they are (NGX_UNESCAPE_REDIRECT).
func AppendUnescapeRedirect(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '?' {
			return append(dst, b[i:]...)
		}
		if b[i] != '%' {
			dst = append(dst, b[i])
			continue
		}
		var c byte
		var ok bool
		c, i, ok = unescapeAt(b, i)
		switch {
		case !ok:
		case c == '?':
			dst = append(dst, c)
			return append(dst, b[i+1:]...)
		case c > '%' && c < 0x7f:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', b[i-1], b[i])
		}
	}
	return dst
}

// unescapeAt decodes the escape whose "%" is at b[i]. It returns the byte,
// the index of the last byte it used, and whether there was a byte: see
// AppendUnescape for what becomes of malformed ones.
func unescapeAt(b []byte, i int) (c byte, last int, ok bool) {
	if i+1 >= len(b) {
		return 0, i, false
	}
	high := HexDigit(b[i+1])
	if high < 0 {
		return b[i+1], i + 1, true
	}
	if i+2 >= len(b) {
		return 0, i + 1, false
	}
	low := HexDigit(b[i+2])
	if low < 0 {
		return 0, i + 2, false
	}
	return byte(high<<4 | low), i + 2, true
}
