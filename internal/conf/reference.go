package conf

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed reference/nginx-directives.tsv
var directivesTSV string

// undocumented has the directives that nginx has and its documentation, and so the list, has
// not. The mail modules are named by the directive that opens their block.
const undocumented = `
ngx_mail_core_module	mail	main	{ ... }	-		
ngx_http_core_module	post_action	http,server,location,if in location	uri	-		
ngx_http_core_module	open_file_cache_events	http,server,location	on | off	off		
ngx_http_gzip_module	gzip_hash	http,server,location	size	-		
ngx_http_gzip_module	gzip_window	http,server,location	size	-		
ngx_http_gzip_module	gzip_no_buffer	http,server,location	on | off	off		
ngx_http_gzip_module	postpone_gzipping	http,server,location	size	0		
`

// known is one line of the list of nginx's directives.
type known struct {
	module, name, syntax, deflt, since string
	contexts                           string
	in                                 Context
	commercial                         bool
}

// knownDirectives returns the list of nginx's directives, in its order.
var knownDirectives = sync.OnceValue(func() []known {
	var list []known
	for _, line := range strings.Split(directivesTSV+undocumented, "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			continue
		}
		list = append(list, known{
			module: f[0], name: f[1], contexts: f[2], in: contextsOf(f[0], f[2]),
			syntax: f[3], deflt: f[4], since: f[5], commercial: f[6] == "commercial",
		})
	}
	return list
})

var knownByName = sync.OnceValue(func() map[string][]known {
	m := map[string][]known{}
	for _, k := range knownDirectives() {
		m[k.name] = append(m[k.name], k)
	}
	return m
})

// contextsOf translates the words of the list. Kinds of block that only modules absent
// from hearth have (acme_issuer, mgmt) translate to nothing.
func contextsOf(module, words string) Context {
	stream := strings.HasPrefix(module, "ngx_stream_")
	var in Context
	for _, w := range strings.Split(words, ",") {
		switch w {
		case "main":
			in |= Main
		case "events":
			in |= Events
		case "http":
			in |= HTTP
		case "stream":
			in |= Stream
		case "mail":
			in |= Mail
		case "location":
			in |= Location
		case "if":
			in |= If
		case "if in location":
			in |= IfLocation
		case "limit_except":
			in |= LimitExcept
		case "server":
			in |= choose(stream, StreamServer, Server)
		case "upstream":
			in |= choose(stream, StreamUpstream, Upstream)
		}
	}
	return in
}

func choose(b bool, x, y Context) Context {
	if b {
		return x
	}
	return y
}

// knownIn returns what nginx has of that name in a kind of block, or nil.
func knownIn(name string, in Context) *known {
	list := knownByName()[name]
	if i := slices.IndexFunc(list, func(k known) bool { return k.in&in != 0 }); i >= 0 {
		return &list[i]
	}
	return nil
}

// hasAnyway says whether hearth does what the directive asks for without having it: nginx has it, and it is set to the `off` that
// it is without being set, as `gzip off`.
func hasAnyway(name string, in Context, args []string) bool {
	k := knownIn(name, in)
	return k != nil && k.offByDefault() && len(args) == 1 && args[0] == "off"
}

func (k *known) offByDefault() bool { return k.deflt == "off" && !k.commercial }

func knownAnywhere(name string) bool {
	return slices.ContainsFunc(knownByName()[name], func(k known) bool { return k.in != 0 })
}
