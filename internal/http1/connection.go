package http1

import (
	"bytes"

	"hearth/internal/text"
)

// connectionOptions is what Connection fields ask for (RFC 9110, section 7.6.1).
type connectionOptions struct {
	close, keepAlive, upgrade bool
}

func (o *connectionOptions) read(list []byte) {
	switch string(list) { // as they nearly always are
	case "keep-alive":
		o.keepAlive = true
		return
	case "close":
		o.close = true
		return
	}
	for option := range listElements(list) {
		switch len(option) {
		case len("close"):
			o.close = o.close || text.EqualFold(option, "close")
		case len("keep-alive"):
			o.keepAlive = o.keepAlive || text.EqualFold(option, "keep-alive")
		case len("upgrade"):
			o.upgrade = o.upgrade || text.EqualFold(option, "upgrade")
		}
	}
}

// KeepAliveHint is what a server's Keep-Alive field announces.
type KeepAliveHint struct {
	Timeout int64 // seconds it keeps an idle connection; -1 = not told
	Max     int64 // requests it still serves on this connection; -1 = not told
}

// ParseKeepAlive reads "timeout=5, max=100". What it does not understand it skips.
func ParseKeepAlive(value []byte) KeepAliveHint {
	hint := KeepAliveHint{-1, -1}
	for param := range listElements(value) {
		name, arg, found := bytes.Cut(param, []byte("="))
		if !found {
			continue
		}
		n, ok := text.ParseInt(bytes.Trim(TrimSpace(arg), `"`))
		if !ok {
			continue
		}
		switch name = TrimSpace(name); {
		case text.EqualFold(name, "timeout"):
			hint.Timeout = n
		case text.EqualFold(name, "max"):
			hint.Max = n
		}
	}
	return hint
}

// listElements iterates over the elements of a comma-separated list that
// holds no quoted strings with commas; empty elements are skipped.
func listElements(list []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(list) > 0 {
			element := list
			if i := bytes.IndexByte(list, ','); i >= 0 {
				element, list = list[:i], list[i+1:]
			} else {
				list = nil
			}
			if element = TrimSpace(element); len(element) > 0 && !yield(element) {
				return
			}
		}
	}
}

// TrimSpace removes spaces and tabs (OWS) at both ends.
func TrimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
