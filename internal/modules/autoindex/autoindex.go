// Package autoindex lists directories that have no index file (nginx's ngx_http_autoindex_module): as HTML, JSON, JSONP
// or XML.
package autoindex

import (
	"bytes"
	"slices"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// Module runs between index and static.
var Module = core.Module{
	Name: "ngx_http_autoindex_module",
	Directives: []conf.Directive{
		conf.Field(locations, conf.Directive{Name: "autoindex", In: conf.ToLocation, Default: "off",
			Doc: "Lists directories that have no index file."}, conf.Flag, func(l *location) *bool { return &l.on }),
		conf.Field(locations, conf.Directive{Name: "autoindex_exact_size", In: conf.ToLocation, Default: "on",
			Doc: "In HTML, sizes in bytes, or rounded."}, conf.Flag, func(l *location) *bool { return &l.exact }),
		conf.Field(locations, conf.Directive{Name: "autoindex_localtime", In: conf.ToLocation, Default: "off",
			Doc: "In HTML, times of the local zone, or UTC."}, conf.Flag, func(l *location) *bool { return &l.local }),
		conf.Field(locations, conf.Directive{Name: "autoindex_format", In: conf.ToLocation, Default: "html",
			Doc: "What listings are written in: html, xml, json, jsonp."},
			conf.Enum(map[string]format{"html": asHTML, "json": asJSON, "jsonp": asJSONP, "xml": asXML}),
			func(l *location) *format { return &l.format }),
	},
	Phases: []core.Phase{{At: core.Content, Run: list, On: func(b *conf.Block) bool { return locations.Of(b).on }}},
}

type location struct {
	on, exact, local bool
	format           format
}

type format uint8

const (
	asHTML format = iota
	asJSON
	asJSONP
	asXML
)

var locations = conf.NewSlot[location](conf.LocationLevel)

var contentTypes = [...][]byte{
	asHTML:  []byte("text/html"),
	asJSON:  []byte("application/json"),
	asJSONP: []byte("application/javascript"),
	asXML:   []byte("text/xml; charset=utf-8"),
}

func list(r *core.Request) core.Verdict {
	if m := string(r.Method); m != "GET" && m != "HEAD" || len(r.URI) == 0 || r.URI[len(r.URI)-1] != '/' {
		return core.Declined
	}
	if err := r.DiscardBody(); err != nil {
		return core.BodyVerdict(err)
	}
	l := locations.Of(r.Location.Block)
	kind := l.format
	var callback []byte
	if kind == asJSONP {
		var ok bool
		if callback, ok = callbackOf(r); !ok {
			return 400
		}
		if len(callback) == 0 {
			kind = asJSON
		}
	}
	if r.AliasMisplaced() {
		return 500
	}
	entries, verdict := r.ReadDir()
	if verdict != core.OK {
		return verdict
	}
	slices.SortFunc(entries, inOrder)
	r.Out.Status, r.Out.ContentType = 200, contentTypes[kind]
	if r.SendHead() != nil {
		return core.Done
	}
	if r.Out.HeaderOnly {
		return core.OK
	}
	if r.Write(l.write(r, kind, callback, entries)) != nil {
		return core.Done
	}
	return core.OK
}

func (l *location) write(r *core.Request, kind format, callback []byte, entries []core.DirEntry) []byte {
	switch kind {
	case asHTML:
		p := page{exact: l.exact, local: l.local}
		_, charset := core.SplitCharset(r.Out.ContentType) // that of the charset module, which has run
		p.utf8 = text.EqualFold(charset, "utf-8")
		return p.write(r.URI, entries)
	case asXML:
		return appendXML(nil, entries)
	case asJSONP:
		dst := append(append([]byte("/* callback */\r\n"), callback...), '(')
		return append(appendJSON(dst, entries), ");"...)
	}
	return appendJSON(nil, entries)
}

// inOrder puts directories first, then goes by name.
func inOrder(a, b core.DirEntry) int {
	if a.Dir != b.Dir {
		if a.Dir {
			return -1
		}
		return 1
	}
	return strings.Compare(a.Name, b.Name)
}

// callbackOf is the name of the function that a JSONP listing calls. Only names of functions and their members will do,
// since anything else would be a way to have this server send someone else's script.
func callbackOf(r *core.Request) ([]byte, bool) {
	name := argument(r.Args, "callback")
	if len(name) >= maxCallback {
		r.Error(logs.Info, "client sent too long callback name: \"%s\"", name)
		return nil, false
	}
	for _, c := range name {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' {
			continue
		}
		r.Error(logs.Info, "client sent invalid callback name: \"%s\"", name)
		return nil, false
	}
	return name, true
}

const maxCallback = 128

// argument is the value of the first argument of that name in a query string.
func argument(args []byte, name string) []byte {
	for len(args) > 0 {
		var arg []byte
		arg, args, _ = bytes.Cut(args, []byte("&"))
		if key, value, ok := bytes.Cut(arg, []byte("=")); ok && text.EqualFold(key, name) {
			return value
		}
	}
	return nil
}
