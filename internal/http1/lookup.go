package http1

import (
	"bytes"

	"hearth/internal/text"
)

// CookieValue finds a cookie in a Cookie field's value, as nginx does for
// $cookie_NAME: names compare without case, the first one wins, pairs are
// separated by ";" (or ","), and the value runs up to the next ";".
func CookieValue(cookies []byte, name string) (value []byte, ok bool) {
	for len(cookies) > 0 {
		if text.HasPrefixFold(cookies, name) {
			rest := bytes.TrimLeft(cookies[len(name):], " ")
			if len(rest) > 0 && rest[0] == '=' {
				rest = bytes.TrimLeft(rest[1:], " ")
				if end := bytes.IndexByte(rest, ';'); end >= 0 {
					rest = rest[:end]
				}
				return rest, true
			}
		}
		next := bytes.IndexAny(cookies, ";,")
		if next < 0 {
			break
		}
		cookies = bytes.TrimLeft(cookies[next+1:], " ")
	}
	return nil, false
}

// ArgValue finds an argument in a query string, as nginx does for $arg_NAME:
// names compare without case and are not decoded, the first "name=" wins, and
// a name without "=" is not found.
func ArgValue(args []byte, name string) (value []byte, ok bool) {
	for len(args) > 0 {
		arg := args
		if end := bytes.IndexByte(args, '&'); end >= 0 {
			arg, args = args[:end], args[end+1:]
		} else {
			args = nil
		}
		if len(arg) > len(name) && arg[len(name)] == '=' && text.EqualFold(arg[:len(name)], name) {
			return arg[len(name)+1:], true
		}
	}
	return nil, false
}
