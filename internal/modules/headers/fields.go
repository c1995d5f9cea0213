package headers

import (
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// field is one add_header or add_trailer.
type field struct {
	name   string
	value  *core.Value
	always bool
	// put adds it to a head; some fields of a response are kept apart.
	put func(o *core.ResponseHead, name string, value []byte)
}

func fields(name, doc string, at func(*settings) *[]field) conf.Directive {
	return conf.List(slot, conf.Directive{Name: name, In: places, Args: conf.Take23, Doc: doc, NoInherit: true},
		func(c *conf.Cursor, args []string) (field, error) {
			v, err := core.CompileValue(c, args[1])
			if err == nil && len(args) == 3 && args[2] != "always" {
				err = c.Errorf("invalid parameter \"%s\"", args[2])
			}
			return field{name: args[0], value: v, always: len(args) == 3, put: putter(args[0])}, err
		}, at)
}

func putter(name string) func(*core.ResponseHead, string, []byte) {
	switch strings.ToLower(name) {
	case "etag":
		return putETag
	case "last-modified":
		return putLastModified
	}
	return putField
}

// putField adds a field, unless the value is empty.
func putField(o *core.ResponseHead, name string, value []byte) {
	if len(value) > 0 {
		o.AddHeader(name, value)
	}
}

// putETag replaces the tag; an empty value takes it away.
func putETag(o *core.ResponseHead, _ string, value []byte) {
	o.ETag = nil
	if len(value) > 0 {
		o.ETag = value
	}
}

// putLastModified replaces the time, which need not be in the form of a date.
func putLastModified(o *core.ResponseHead, name string, value []byte) {
	o.LastModified = -1
	o.DelHeader(name)
	var form [32]byte
	t, ok := text.ParseHTTPDate(value)
	if ok && string(text.AppendHTTPDate(form[:0], t)) == string(value) {
		o.LastModified = t.Unix()
	} else {
		putField(o, name, value)
	}
}

// usual are the statuses of answers that get fields without `always`.
func usual(status int) bool {
	switch status {
	case 200, 201, 204, 206, 301, 302, 303, 304, 307, 308:
		return true
	}
	return false
}

// filterHead adds what the location says.
func filterHead(r *core.Request) error {
	if !r.IsMain() {
		return nil
	}
	s := slot.Of(r.Location.Block)
	ok := usual(r.Out.Status)
	if ok && s.expires.kind != expiresOff {
		s.expires.apply(r)
	}
	for i := range s.headers {
		if f := &s.headers[i]; ok || f.always {
			f.put(&r.Out, f.name, f.value.Eval(r))
		}
	}
	if expectTrailers(r, s) {
		r.Out.ExpectTrailers = true
	}
	return nil
}

func expectTrailers(r *core.Request, s *settings) bool {
	if r.Out.HeaderOnly || r.Head.Major == 1 && (r.Head.Minor == 0 || !r.Location.Conf.ChunkedTransfer) || r.Head.Major == 0 {
		return false
	}
	for i := range s.trailers {
		if s.trailers[i].always || usual(r.Out.Status) {
			return true
		}
	}
	return false
}

// filterBody adds the trailers when the body ends, as their values may be known only then.
func filterBody(r *core.Request, c core.Chunk, out core.Next) error {
	if c.Last && r.IsMain() {
		s := slot.Of(r.Location.Block)
		ok := usual(r.Out.Status)
		for i := range s.trailers {
			f := &s.trailers[i]
			if !ok && !f.always {
				continue
			}
			if v := f.value.Eval(r); len(v) > 0 {
				r.Out.AddTrailer([]byte(f.name), v)
			}
		}
	}
	return out.Send(c)
}

// date is an instant as it stands in header fields.
func date(r *core.Request, t time.Time) []byte { return text.AppendHTTPDate(r.Alloc(29)[:0], t) }
