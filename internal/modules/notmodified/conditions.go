package notmodified

import (
	"bytes"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/text"
)

// unmodified tests If-Unmodified-Since. A response without a date counts as modified, and so does a date that cannot
// be read, as in nginx.
func unmodified(r *core.Request, since []byte) bool {
	return r.Out.LastModified >= 0 && seconds(since) >= r.Out.LastModified
}

// modified tests If-Modified-Since, as if_modified_since has it.
func modified(r *core.Request, since []byte) bool {
	if r.Out.LastModified < 0 {
		return true
	}
	switch r.Location.Conf.IfModifiedSince {
	case core.ModifiedOff:
		return true
	case core.ModifiedExact:
		return seconds(since) != r.Out.LastModified
	}
	return seconds(since) < r.Out.LastModified
}

// seconds is a date of HTTP in Unix seconds, -1 for anything else.
func seconds(date []byte) int64 {
	t, ok := text.ParseHTTPDate(date)
	if !ok {
		return -1
	}
	return t.Unix()
}

// matches tells whether a list of entity tags, or "*", has the response's (RFC 9110, 8.8.3.2). In the weak comparison
// the mark W/ does not count; in the strong one a weak tag of the response is compared as it is written.
func matches(list, tag []byte, weak bool) bool {
	if string(list) == "*" {
		return true
	}
	if len(tag) == 0 {
		return false
	}
	if weak {
		tag = strong(tag)
	}
	for {
		list = bytes.TrimLeft(list, ", \t")
		if len(list) == 0 {
			return false
		}
		if weak {
			list = strong(list)
		}
		if rest, ok := bytes.CutPrefix(list, tag); ok {
			if rest = bytes.TrimLeft(rest, " \t"); len(rest) == 0 || rest[0] == ',' {
				return true
			}
		}
		comma := bytes.IndexByte(list, ',')
		if comma < 0 {
			return false
		}
		list = list[comma:]
	}
}

// strong is a tag without the mark of weak ones.
func strong(tag []byte) []byte {
	if len(tag) > 2 && tag[0] == 'W' && tag[1] == '/' {
		return tag[2:]
	}
	return tag
}

// get is a request header field; nil = not there.
func get(r *core.Request, id http1.ID) []byte {
	if v, ok := r.Head.Get(id); ok {
		if v == nil {
			return []byte{}
		}
		return v
	}
	return nil
}
