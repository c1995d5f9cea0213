package logs

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
)

// ErrnoText returns "2: No such file or directory" for an error that is or wraps
// an errno, as nginx puts it into brackets; the error's own text otherwise.
func ErrnoText(err error) string {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return err.Error()
	}
	return string(AppendErrno(nil, e))
}

// AppendErrno appends "111: Connection refused".
func AppendErrno(dst []byte, e syscall.Errno) []byte {
	dst = strconv.AppendInt(dst, int64(e), 10)
	dst = append(dst, ": "...)
	at := len(dst)
	text := e.Error()
	if strings.HasPrefix(text, "errno ") {
		text = "Unknown error " + text[len("errno "):]
	}
	dst = append(dst, text...)
	// Go has the C library's texts with a small first letter.
	if c := dst[at]; c >= 'a' && c <= 'z' {
		dst[at] = c - 'a' + 'A'
	}
	return dst
}
