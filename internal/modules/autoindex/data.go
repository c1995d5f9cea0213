package autoindex

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/text"
)

// appendJSON appends the listing as an array of objects.
func appendJSON(dst []byte, entries []core.DirEntry) []byte {
	dst = append(dst, '[')
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, "\r\n{ \"name\":\""...)
		dst = appendEscapeJSON(dst, e.Name)
		dst = append(dst, "\", \"type\":\""...)
		dst = append(dst, kind(e)...)
		dst = append(dst, "\", \"mtime\":\""...)
		dst = append(text.AppendHTTPDate(dst, time.Unix(e.ModTime, 0)), '"')
		if e.Regular {
			dst = text.AppendInt(append(dst, ", \"size\":"...), e.Size)
		}
		dst = append(dst, " }"...)
	}
	return append(dst, "\r\n]"...)
}

func kind(e *core.DirEntry) string {
	switch {
	case e.Dir:
		return "directory"
	case e.Regular:
		return "file"
	}
	return "other"
}

// appendEscapeJSON appends a name as it stands between the quotes of a JSON string. Bytes that are not UTF-8 pass.
func appendEscapeJSON(dst []byte, name string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// appendXML appends the listing as a document.
func appendXML(dst []byte, entries []core.DirEntry) []byte {
	dst = append(dst, "<?xml version=\"1.0\"?>\r\n<list>\r\n"...)
	for i := range entries {
		e := &entries[i]
		dst = append(append(dst, '<'), kind(e)...)
		dst = append(dst, " mtime=\""...)
		dst = time.Unix(e.ModTime, 0).UTC().AppendFormat(dst, "2006-01-02T15:04:05Z")
		if e.Regular {
			dst = text.AppendInt(append(dst, "\" size=\""...), e.Size)
		}
		dst = text.AppendEscapeHTML(append(dst, "\">"...), []byte(e.Name))
		dst = append(append(dst, "</"...), kind(e)...)
		dst = append(dst, ">\r\n"...)
	}
	return append(dst, "</list>\r\n"...)
}
