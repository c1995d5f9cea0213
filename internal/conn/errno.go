package conn

import (
	"errors"
	"strconv"
	"syscall"
)

// ErrnoText is the number and the C library's text of a system call's error, "(111: Connection
// refused)", as nginx's messages end.
func ErrnoText(err error) string {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return "(" + err.Error() + ")"
	}
	text := e.Error() // the C library's, but for the first letter
	if text != "" && 'a' <= text[0] && text[0] <= 'z' {
		text = string(text[0]-'a'+'A') + text[1:]
	}
	return "(" + strconv.Itoa(int(e)) + ": " + text + ")"
}
