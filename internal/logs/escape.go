package logs

// Escape is how log_format writes the values of variables.
type Escape uint8

const (
	EscapeDefault Escape = iota // \xXX for '"', '\', control bytes and bytes above 126
	EscapeJSON                  // what a JSON string needs
	EscapeNone
)

const upperHex = "0123456789ABCDEF"

// plain marks the bytes that a mode copies as they are.
type plain [256]bool

var plainDefault, plainJSON = func() (d, j plain) {
	for c := range 256 {
		special := c < 0x20 || c == '"' || c == '\\'
		d[c] = !special && c < 0x7f
		j[c] = !special
	}
	return
}()

// AppendEscape appends v as mode writes a value that is there.
func AppendEscape(dst, v []byte, mode Escape) []byte {
	switch mode {
	case EscapeDefault:
		return appendRuns(dst, v, &plainDefault, appendHex)
	case EscapeJSON:
		return appendRuns(dst, v, &plainJSON, appendJSON)
	}
	return append(dst, v...)
}

// AppendMissing appends what mode writes for a variable that is not found.
func AppendMissing(dst []byte, mode Escape) []byte {
	if mode == EscapeDefault {
		return append(dst, '-')
	}
	return dst
}

// appendRuns copies runs of plain bytes and lets special write the others.
func appendRuns(dst, v []byte, p *plain, special func([]byte, byte) []byte) []byte {
	from := 0
	for i, c := range v {
		if p[c] {
			continue
		}
		dst = append(dst, v[from:i]...)
		dst = special(dst, c)
		from = i + 1
	}
	return append(dst, v[from:]...)
}

func appendHex(dst []byte, c byte) []byte {
	return append(dst, '\\', 'x', upperHex[c>>4], upperHex[c&15])
}

func appendJSON(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
}
