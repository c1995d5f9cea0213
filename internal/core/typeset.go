package core

import (
	"bytes"
	"slices"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/text"
)

// TypeSet is a set of content types that a filter works on: the value of charset_types, gzip_types and the like.
type TypeSet struct {
	Any   bool     // "*"
	Types []string // in lower case
}

// AddTypes is an add function for conf.Adding. text/html is always in the set.
func AddTypes(c *conf.Cursor, s *TypeSet, args []string) error {
	if s.Types == nil {
		s.Types = []string{"text/html"}
	}
	for _, arg := range args {
		name := strings.ToLower(arg)
		switch {
		case arg == "*":
			s.Any = true
		case slices.Contains(s.Types, name):
			c.Warnf("duplicate MIME type \"%s\"", name)
		default:
			s.Types = append(s.Types, name)
		}
	}
	return nil
}

// Has tells whether a Content-Type is in the set. A charset parameter does not count, any other does, as in nginx.
func (s *TypeSet) Has(contentType []byte) bool {
	if len(contentType) == 0 {
		return false
	}
	if s.Any {
		return true
	}
	contentType, _ = SplitCharset(contentType)
	for _, name := range s.Types {
		if text.EqualFold(contentType, name) {
			return true
		}
	}
	return false
}

// SplitCharset takes a Content-Type apart: what stands before its charset parameter, and the charset; nil = none.
func SplitCharset(contentType []byte) (name, charset []byte) {
	const parameter = "charset="
	for i := 0; ; {
		n := bytes.IndexByte(contentType[i:], ';')
		if n < 0 {
			return contentType, nil
		}
		i += n + 1
		value := bytes.TrimLeft(contentType[i:], " ")
		if text.HasPrefixFold(value, parameter) {
			value = value[len(parameter):]
			value = bytes.TrimSuffix(bytes.TrimPrefix(value, quote), quote)
			return contentType[:i-1], value
		}
	}
}

var quote = []byte(`"`)
