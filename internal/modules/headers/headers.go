// Package headers is ngx_http_headers_module: add_header, add_trailer and expires.
package headers

import (
	"hearth/internal/conf"
	"hearth/internal/core"
)

const places = conf.ToLocation | conf.IfLocation

// Module is the headers module.
var Module = core.Module{
	Name: "ngx_http_headers_module",
	Directives: []conf.Directive{
		fields("add_header", "Add a field to answers of certain statuses, or of all with `always`.",
			func(s *settings) *[]field { return &s.headers }),
		fields("add_trailer", "Add a field after the body of answers of certain statuses, or of all with `always`.",
			func(s *settings) *[]field { return &s.trailers }),
		inheritance("add_header_inherit", "Whether add_header of outer levels count here, or are put after those here.",
			func(s *settings) *inherit { return &s.inheritHeaders }),
		inheritance("add_trailer_inherit", "Whether add_trailer of outer levels count here, or are put after those here.",
			func(s *settings) *inherit { return &s.inheritTrailers }),
		conf.Field(slot, conf.Directive{Name: "expires", In: places, Args: conf.Take12, Default: "off",
			Doc: "Add Expires and Cache-Control to answers of certain statuses."},
			parseExpires, func(s *settings) *expires { return &s.expires }),
		conf.Finish(slot, finish),
	},
	Headers: []core.HeaderFilter{{Run: filterHead, On: func(b *conf.Block) bool {
		s := slot.Of(b)
		return len(s.headers) > 0 || len(s.trailers) > 0 || s.expires.kind != expiresOff
	}}},
	Bodies: []core.BodyFilter{{Run: filterBody, On: func(b *conf.Block) bool { return len(slot.Of(b).trailers) > 0 }}},
}

// settings are those of one block.
type settings struct {
	headers, trailers               []field
	inheritHeaders, inheritTrailers inherit
	expires                         expires
}

var slot = conf.NewSlot[settings](conf.LocationLevel)

// inherit is what becomes of the fields of the level around.
type inherit uint8

const (
	inheritOn    inherit = iota // they count where there are none
	inheritOff                  // they do not count
	inheritMerge                // they follow those that are there
)

func inheritance(name, doc string, at func(*settings) *inherit) conf.Directive {
	return conf.Field(slot, conf.Directive{Name: name, In: places, Default: "on", Doc: doc},
		conf.Enum(map[string]inherit{"on": inheritOn, "off": inheritOff, "merge": inheritMerge}), at)
}

// finish carries out the inheritance of fields.
func finish(b *conf.Block, s *settings) error {
	if outer := slot.Parent(b); outer != nil {
		s.headers = s.inheritHeaders.join(s.headers, outer.headers)
		s.trailers = s.inheritTrailers.join(s.trailers, outer.trailers)
	}
	return nil
}

func (i inherit) join(own, outer []field) []field {
	switch {
	case i == inheritMerge:
		return append(own[:len(own):len(own)], outer...)
	case i == inheritOn && len(own) == 0:
		return outer
	}
	return own
}
