package core

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/text"
)

// Types are content types by extension, which is in lower case and without dot.
type Types struct{ byExtension map[string][]byte }

// Lookup returns the type of an extension, in any case; nil = not known.
func (t *Types) Lookup(extension []byte) []byte {
	if !text.HasUpper(extension) {
		return t.byExtension[string(extension)]
	}
	var buf [32]byte
	return t.byExtension[string(text.AppendLower(buf[:0], extension))]
}

// defaultTypes are those of a configuration without `types`.
var defaultTypes = &Types{map[string][]byte{
	"html": []byte("text/html"), "gif": []byte("image/gif"), "jpg": []byte("image/jpeg"),
}}

// setTypes reads `types { type extension ...; }`. Several blocks on one level add up.
func setTypes(c *conf.Cursor, b *conf.Block, l *LocationConf, _ []string) error {
	if !Settings.IsSet(b, &l.Types) {
		l.Types = &Types{map[string][]byte{}}
		Settings.Mark(b, &l.Types)
	}
	return c.Free(func(name string, args []string) error {
		for _, extension := range args {
			extension = strings.ToLower(extension)
			if old := l.Types.byExtension[extension]; old != nil {
				c.Warnf("duplicate extension \"%s\", content type: \"%s\", previous content type: \"%s\"", extension, name, old)
			}
			l.Types.byExtension[extension] = []byte(name)
		}
		return nil
	})
}

func finishTypes(b *conf.Block, l *LocationConf) error {
	if l.Types != nil {
		return nil
	}
	l.Types = defaultTypes
	if outer := Settings.Parent(b); outer != nil {
		l.Types = outer.Types
	}
	return nil
}

// Extension is the part of the last path component after its last dot, or nil.
func Extension(path []byte) []byte {
	for i := len(path) - 1; i > 0; i-- {
		switch path[i] {
		case '.':
			if path[i-1] == '/' {
				return nil // a hidden file
			}
			return path[i+1:]
		case '/':
			return nil
		}
	}
	return nil
}

// ContentTypeOf is the content type for a path, by its extension: default_type where types has none. One that the answer
// has already stays (X-Accel-Redirect brings that of the first response).
func (r *Request) ContentTypeOf(path []byte) []byte {
	if len(r.Out.ContentType) > 0 {
		return r.Out.ContentType
	}
	c := r.Location.Conf
	if ext := Extension(path); ext != nil {
		if t := c.Types.Lookup(ext); t != nil {
			return t
		}
	}
	if len(c.DefaultType) == 0 {
		return nil
	}
	return c.DefaultType
}
