package http1

import (
	"bytes"

	"hearth/internal/text"
)

// ErrPath refuses a path that climbs above the root, or has a malformed
// escape or a NUL.
var ErrPath = badRequest("client sent invalid request" + readingLine)

// NormalizePath turns a path as sent into the path that locations are matched
// against ($uri): escapes are decoded, "." and ".." segments resolved, after
// decoding, and runs of slashes merged if asked (merge_slashes). Everything
// from "#" or "?" on is left out.
//
// When nothing has to change, it returns raw itself and changed is false;
// otherwise the result is appended to dst, which must not overlap raw.
func NormalizePath(dst, raw []byte, mergeSlashes bool) (path []byte, changed bool, err error) {
	if isNormal(raw, mergeSlashes) {
		return raw, false, nil
	}
	n := pathNormalizer{out: dst, root: len(dst), merge: mergeSlashes}
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '?' || c == '#' {
			break
		}
		if c == '%' {
			if i+2 >= len(raw) {
				return nil, false, ErrPath
			}
			high, low := text.HexDigit(raw[i+1]), text.HexDigit(raw[i+2])
			if c = byte(high<<4 | low); high < 0 || low < 0 {
				return nil, false, ErrPath
			}
			i += 2
		}
		if c == 0 {
			return nil, false, ErrPath
		}
		if c != '/' {
			n.out = append(n.out, c)
		} else if !n.slash() {
			return nil, false, ErrPath
		}
	}
	if !n.endSegment() {
		return nil, false, ErrPath
	}
	return n.out[len(dst):], true, nil
}

// isNormal reports whether normalizing raw changes nothing.
func isNormal(raw []byte, mergeSlashes bool) bool {
	for i, c := range raw {
		switch targetByte[c] {
		case targetPlain:
		case targetSlash:
			if i+1 < len(raw) && (raw[i+1] == '.' && dotSegment(raw[i+1:]) || mergeSlashes && raw[i+1] == '/') {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// dotSegment reports whether b begins with the segment "." or "..".
func dotSegment(b []byte) bool {
	n := bytes.IndexAny(b, "/%?#")
	if n < 0 {
		n = len(b)
	}
	return string(b[:n]) == "." || string(b[:n]) == ".."
}

// pathNormalizer builds the path in out[root:]. The segment being written
// begins after the last slash there.
type pathNormalizer struct {
	out   []byte
	root  int
	merge bool
}

func (n *pathNormalizer) slash() bool {
	before := len(n.out)
	if !n.endSegment() {
		return false
	}
	resolved := len(n.out) != before // "." or "..": out ends with the slash already
	if resolved || n.merge && n.endsWithSlash() {
		return true
	}
	n.out = append(n.out, '/')
	return true
}

func (n *pathNormalizer) endsWithSlash() bool {
	return len(n.out) > n.root && n.out[len(n.out)-1] == '/'
}

// endSegment resolves the last segment if it is "." or "..": out then ends
// with the slash before it, or before its parent. It reports false when there is no parent.
func (n *pathNormalizer) endSegment() bool {
	start := n.root + bytes.LastIndexByte(n.out[n.root:], '/') + 1
	switch string(n.out[start:]) {
	case ".":
		n.out = n.out[:start]
	case "..":
		if start-1 <= n.root {
			return false
		}
		parent := bytes.LastIndexByte(n.out[n.root:start-1], '/')
		n.out = n.out[:n.root+parent+1]
	}
	return true
}
