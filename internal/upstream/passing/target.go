package passing

import (
	"bytes"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// Begin reads the argument of a *_pass, and makes handler answer what comes to its location. As in nginx a location whose
// name ends in a slash then redirects those who leave it out.
func Begin(c *conf.Cursor, b *conf.Block, arg string, handler core.Handler) (*core.Value, error) {
	value, err := core.CompileValue(c, arg)
	if err != nil {
		return nil, err
	}
	core.SetContent(b, handler)
	at := core.LocationOf(b)
	at.AutoRedirect = strings.HasSuffix(at.Name, "/")
	return value, nil
}

// AppendTarget appends the request target where the *_pass has no URI part: what the client asked for as it wrote it or,
// if that was changed meanwhile, as it is now.
func AppendTarget(dst []byte, r *core.Request) []byte {
	if !r.ValidUnparsed || !r.IsMain() {
		return AppendPath(dst, r, r.URI)
	}
	if len(r.Unparsed) > 0 && r.Unparsed[0] == '?' { // http://host?args
		dst = append(dst, '/')
	}
	return append(dst, r.Unparsed...)
}

// AppendPath appends a decoded path, quoted anew where it may need that, and the arguments.
func AppendPath(dst []byte, r *core.Request, path []byte) []byte {
	if r.Internal || quoted(r.Unparsed) {
		dst = text.AppendEscapeURI(dst, path)
	} else {
		dst = append(dst, path...)
	}
	if len(r.Args) > 0 {
		dst = append(append(dst, '?'), r.Args...)
	}
	return dst
}

// quoted says whether the path of a request target has quoted octets: if not, nothing had to be decoded, and what the
// client wrote can be sent as it is.
func quoted(target []byte) bool {
	path, _, _ := bytes.Cut(target, []byte("?"))
	return bytes.IndexByte(path, '%') >= 0
}
