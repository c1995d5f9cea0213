package autoindex

import (
	"fmt"
	"time"
	"unicode/utf8"

	"hearth/internal/core"
	"hearth/internal/text"
)

// page is how a listing in HTML is written, byte for byte as nginx's, which scripts take apart.
type page struct {
	exact, local bool
	utf8         bool // names are counted in characters
}

// nameWidth is the width of the column of names.
const nameWidth = 50

func (p page) write(uri []byte, entries []core.DirEntry) []byte {
	dst := make([]byte, 0, 512+2*len(uri)+128*len(entries))
	dst = append(dst, "<html>\r\n<head><title>Index of "...)
	dst = text.AppendEscapeHTML(dst, uri)
	dst = append(dst, "</title></head>\r\n<body>\r\n<h1>Index of "...)
	dst = text.AppendEscapeHTML(dst, uri)
	dst = append(dst, "</h1><hr><pre><a href=\"../\">../</a>\r\n"...)
	for i := range entries {
		dst = p.appendEntry(dst, &entries[i])
	}
	return append(dst, "</pre><hr></body>\r\n</html>\r\n"...)
}

func (p page) appendEntry(dst []byte, e *core.DirEntry) []byte {
	dst = append(dst, "<a href=\""...)
	dst = text.AppendEscapeComponent(dst, []byte(e.Name))
	if e.Dir {
		dst = append(dst, '/')
	}
	dst = p.appendName(append(dst, "\">"...), e)
	at := time.Unix(e.ModTime, 0)
	if !p.local {
		at = at.UTC()
	}
	dst = at.AppendFormat(append(dst, ' '), "02-Jan-2006 15:04 ")
	return append(p.appendSize(dst, e), "\r\n"...)
}

// appendName appends the name in its column, cut if it is too long, and the end of the link.
func (p page) appendName(dst []byte, e *core.DirEntry) []byte {
	width := len(e.Name)
	wide := p.utf8 && utf8.ValidString(e.Name)
	if wide {
		width = utf8.RuneCountInString(e.Name)
	}
	if width > nameWidth {
		cut := nameWidth - 3
		if wide {
			cut = bytesOfRunes(e.Name, cut)
		}
		dst = text.AppendEscapeHTML(dst, []byte(e.Name[:cut]))
		return append(dst, "..&gt;</a>"...)
	}
	dst = text.AppendEscapeHTML(dst, []byte(e.Name))
	if e.Dir && width < nameWidth {
		dst = append(dst, '/')
		width++
	}
	dst = append(dst, "</a>"...)
	for ; width < nameWidth; width++ {
		dst = append(dst, ' ')
	}
	return dst
}

// bytesOfRunes is how many bytes the first n characters have.
func bytesOfRunes(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func (p page) appendSize(dst []byte, e *core.DirEntry) []byte {
	switch {
	case p.exact && e.Dir:
		return fmt.Appendf(dst, "%19s", "-")
	case p.exact:
		return fmt.Appendf(dst, "%19d", e.Size)
	case e.Dir:
		return append(dst, "      -"...)
	}
	size, unit := rounded(e.Size)
	if unit == 0 {
		return fmt.Appendf(dst, " %6d", size)
	}
	return fmt.Appendf(dst, "%6d%c", size, unit)
}

// rounded is a size in units of 1024^n bytes; unit 0 = in bytes.
func rounded(size int64) (n int64, unit byte) {
	switch {
	case size >= 1<<30:
		return (size + 1<<29) >> 30, 'G'
	case size >= 1<<20:
		return (size + 1<<19) >> 20, 'M'
	case size > 9999:
		return (size + 1<<9) >> 10, 'K'
	}
	return size, 0
}
