package passing

import (
	"bytes"

	"hearth/internal/http1"
)

// Variables may hold what a client has written percent-encoded ($uri, a capture): a line end in it would begin a field,
// or a request, of the client's making. nginx passes it on. Here the request that goes out has the lines that were
// meant, whatever was in the variables.

// CleanTarget makes dst[from:] a target: white space and control characters are percent-encoded.
func CleanTarget(dst []byte, from int) []byte {
	if http1.ValidTarget(dst[from:]) {
		return dst
	}
	const hex = "0123456789ABCDEF"
	raw := bytes.Clone(dst[from:])
	dst = dst[:from]
	for _, c := range raw {
		if c <= ' ' || c == 0x7f {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// CleanValue makes dst[from:] a field's value: control characters become blanks, as in a response's fields.
func CleanValue(dst []byte, from int) {
	if http1.ValidValue(dst[from:]) {
		return
	}
	for i := from; i < len(dst); i++ {
		if c := dst[i]; c < ' ' && c != '\t' || c == 0x7f {
			dst[i] = ' '
		}
	}
}
