package logs

import (
	"errors"
	"strconv"
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
	dst = append(dst, e.Error()...)
	// Go has the C library's texts with a small first letter.
	if c := dst[at]; c >= 'a' && c <= 'z' {
		dst[at] = c - 'a' + 'A'
	}
	return dst
}
