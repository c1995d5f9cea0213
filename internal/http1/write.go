package http1

import "hearth/internal/text"

// AppendRequestLine appends a request line with its line end. HTTP/1.minor.
func AppendRequestLine(dst, method, target []byte, minor int) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	if minor == 0 {
		return append(dst, " HTTP/1.0\r\n"...)
	}
	return append(dst, " HTTP/1.1\r\n"...)
}

// AppendStatusLine appends an HTTP/1.1 status line with its line end. Without
// a reason it writes nginx's phrase for the status, or none when it has none.
func AppendStatusLine(dst []byte, status int, reason []byte) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = text.AppendPadded(dst, status, 3)
	dst = append(dst, ' ')
	if reason == nil {
		dst = append(dst, StatusText(status)...)
	} else {
		dst = append(dst, reason...)
	}
	return append(dst, "\r\n"...)
}

// AppendField appends "Name: value" with its line end. Name and value must be
// valid: parsed ones are; others are checked with ValidName and ValidValue.
func AppendField(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendFieldString is AppendField for a name and value known when compiled.
func AppendFieldString(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendFieldInt is AppendField for a number.
func AppendFieldInt(dst []byte, name string, n int64) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = text.AppendInt(dst, n)
	return append(dst, "\r\n"...)
}

// EndHead ends a head. EndChunk follows each chunk's data.
const (
	EndHead  = "\r\n"
	EndChunk = "\r\n"
)

// AppendChunkHead appends the line before a chunk of n bytes; n = 0 would end the body.
func AppendChunkHead(dst []byte, n int64) []byte {
	dst = text.AppendHex(dst, uint64(n))
	return append(dst, "\r\n"...)
}

// AppendLastChunk ends a chunked body, with trailers if there are any.
func AppendLastChunk(dst []byte, trailers []Field) []byte {
	dst = append(dst, "0\r\n"...)
	for _, f := range trailers {
		dst = AppendField(dst, f.Name, f.Value)
	}
	return append(dst, "\r\n"...)
}

// ValidName reports whether b is a field name (RFC 9110, section 5.6.2: token).
func ValidName(b []byte) bool {
	for _, c := range b {
		if nameByte[c] >= oddByte {
			return false
		}
	}
	return len(b) > 0
}

// ValidValue reports whether b can be written as a field value, or as a reason
// phrase: no control characters other than the tab.
func ValidValue(b []byte) bool { return indexControl(b) < 0 }

// ValidTarget reports whether b can be written as a request target: not empty, no spaces or controls.
func ValidTarget(b []byte) bool {
	for _, c := range b {
		if targetByte[c] >= targetSpace {
			return false
		}
	}
	return len(b) > 0
}

// StatusText returns the phrase nginx writes after the status, or "".
func StatusText(status int) string {
	if status < 100 || status-100 >= len(statusText) {
		return ""
	}
	return statusText[status-100]
}

var statusText = [...]string{
	0: "Continue", 1: "Switching Protocols", 3: "Early Hints",

	100: "OK",
	101: "Created",
	102: "Accepted",
	104: "No Content",
	106: "Partial Content",

	201: "Moved Permanently",
	202: "Moved Temporarily",
	203: "See Other",
	204: "Not Modified",
	207: "Temporary Redirect",
	208: "Permanent Redirect",

	300: "Bad Request",
	301: "Unauthorized",
	302: "Payment Required",
	303: "Forbidden",
	304: "Not Found",
	305: "Not Allowed",
	306: "Not Acceptable",
	308: "Request Time-out",
	309: "Conflict",
	310: "Gone",
	311: "Length Required",
	312: "Precondition Failed",
	313: "Request Entity Too Large",
	314: "Request-URI Too Large",
	315: "Unsupported Media Type",
	316: "Requested Range Not Satisfiable",
	321: "Misdirected Request",
	329: "Too Many Requests",

	400: "Internal Server Error",
	401: "Not Implemented",
	402: "Bad Gateway",
	403: "Service Temporarily Unavailable",
	404: "Gateway Time-out",
	405: "HTTP Version Not Supported",
	407: "Insufficient Storage",
}
