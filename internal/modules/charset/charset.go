// Package charset names the character set of responses in Content-Type (the part of nginx's ngx_http_charset_module
// that does not recode: charset_map is not supported yet, so no two character sets can be turned into one another).
package charset

import (
	"bytes"
	"slices"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// Module is a header filter.
var Module = core.Module{
	Name: "ngx_http_charset_module",
	Directives: []conf.Directive{
		conf.Field(locations, conf.Directive{
			Name: "charset", In: conf.ToLocation | conf.IfLocation, Default: "off",
			Doc: "The character set that is named in Content-Type.",
		}, parseName, func(l *location) **core.Value { return &l.charset }),
		conf.Field(locations, conf.Directive{
			Name: "source_charset", In: conf.ToLocation | conf.IfLocation,
			Doc: "The character set of what is served; it must be that of charset, since hearth does not recode yet.",
		}, parseName, func(l *location) **core.Value { return &l.source }),
		conf.Field(locations, conf.Directive{
			Name: "override_charset", In: conf.ToLocation | conf.IfLocation, Default: "off",
			Doc: "Whether the character set that a backend names is recoded, too.",
		}, conf.Flag, func(l *location) *bool { return &l.override }),
		conf.Adding(locations, conf.Directive{
			Name: "charset_types", In: conf.ToLocation, Args: conf.OneMore,
			Default: "text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml",
			Doc:     "Content types, besides text/html, whose character set is named.",
		}, core.AddTypes, func(l *location) *core.TypeSet { return &l.types }),
		conf.Finish(locations, checkPair),
	},
	// Where no charset is set, a backend may ask for one that is known.
	Headers: []core.HeaderFilter{{Run: filter, On: func(b *conf.Block) bool { return len(known.Of(b).names) > 0 }}},
}

type location struct {
	charset, source *core.Value // nil = off
	override        bool
	types           core.TypeSet
}

var locations = conf.NewSlot[location](conf.LocationLevel)

// charsets are the names that the configuration has anywhere: what X-Accel-Charset may ask for.
type charsets struct{ names []string }

var known = conf.NewSlot[charsets](conf.MainLevel)

// Has compares without case.
func (c *charsets) Has(name []byte) bool {
	return slices.ContainsFunc(c.names, func(s string) bool { return text.EqualFold(name, s) })
}

func parseName(c *conf.Cursor, args []string) (*core.Value, error) {
	if c.Name() == "charset" && args[0] == "off" {
		return nil, nil
	}
	value, err := core.CompileValue(c, args[0])
	if err == nil {
		all := known.Of(c.In())
		all.names = append(all.names, args[0]) // with a variable, it is the name of none
	}
	return value, err
}

// checkPair refuses two known character sets that differ: they would have to be recoded.
func checkPair(_ *conf.Block, l *location) error {
	if l.charset == nil || l.source == nil {
		return nil
	}
	to, ok := l.charset.Literal()
	from, known := l.source.Literal()
	if !ok || !known || strings.EqualFold(from, to) {
		return nil
	}
	return &conf.Error{Msg: "no \"charset_map\" between the charsets \"" + from + "\" and \"" + to + "\""}
}

func filter(r *core.Request) error {
	o := &r.Out
	if len(o.ContentType) == 0 || !r.IsMain() {
		return nil
	}
	l := locations.Of(r.Location.Block)
	bare, source := core.SplitCharset(o.ContentType)
	charset, named, asked := o.Charset, len(source) > 0, len(o.Charset) > 0
	switch {
	case asked && !known.Of(r.Location.Block).Has(charset):
		r.Error(logs.Error, "unknown charset \"%s\" to override", charset)
		return nil
	case asked:
	case l.charset == nil || named && !l.override || !named && !l.types.Has(o.ContentType):
		return nil
	default:
		charset = l.charset.Eval(r)
	}
	if !named && l.source != nil {
		source = l.source.Eval(r)
	}
	moved := o.Status == 301 || o.Status == 302 // old browsers took it for that of the page they were sent to
	_, encoded := o.Get("Content-Encoding")     // what is compressed cannot be recoded
	switch {
	case len(source) > 0 && encoded && !bytes.EqualFold(source, charset) && known.Of(r.Location.Block).Has(source):
	case len(source) > 0 && !bytes.EqualFold(source, charset):
		r.Error(logs.Error, "no \"charset_map\" between the charsets \"%s\" and \"%s\"", source, charset)
	case len(charset) == 0 || named && !asked:
	case moved && named:
		o.ContentType = bare
	case moved:
	default:
		o.ContentType = r.Concat(bare, parameter, charset)
	}
	return nil
}

var parameter = []byte("; charset=")
