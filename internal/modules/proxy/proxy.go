// Package proxy is nginx's ngx_http_proxy_module: proxy_pass and its directives, over the exchange engine of package
// upstream. It owns what is HTTP about talking to a backend (the request that is sent, the rewriting of Location and
// cookies on the way back); connections, retries and buffering are the engine's.
package proxy

import (
	"errors"
	"slices"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/upstream"
	"hearth/internal/upstream/passing"
)

// Module is the proxy module.
var Module = core.Module{
	Name:       "ngx_http_proxy_module",
	Directives: directives,
	Variables:  variables,
}

// location is what a block says about proxying.
type location struct {
	passing.Location

	pass    *pass
	version version
	method  *core.Value
	setBody *core.Value

	redirects []redirect
	domains   []attributeRule // proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags
	paths     []attributeRule
	flags     []flagRule
	only      map[string]bool // those of the four that are off in this block

	protocol upstream.Protocol // compiled
}

// version is proxy_http_version.
type version int

const (
	http10 version = iota
	http11
	overHTTP2
)

var (
	locations = conf.NewSlot[location](conf.LocationLevel)
	table     = passing.Table[location]{Slot: locations, Prefix: "proxy", Caches: true, At: func(l *location) *passing.Location { return &l.Location }}
)

var directives = slices.Concat(table.Rows(), table.BufferRows(), table.TLSRows(), []conf.Directive{
	conf.Custom(locations, conf.Directive{Name: "proxy_pass", In: conf.Location | conf.IfLocation | conf.LimitExcept,
		Doc: "Passes requests to a server or an upstream; with a URI, that replaces the part matching the location."}, setPass),
	conf.Field(locations, conf.Directive{Name: "proxy_http_version", In: conf.ToLocation, Default: "1.1",
		Doc: "The version of HTTP spoken with the server."},
		parseVersion, func(l *location) *version { return &l.version }),
	conf.Field(locations, conf.Directive{Name: "proxy_method", In: conf.ToLocation,
		Doc: "Sends this method instead of the client's."}, core.ParseValue, func(l *location) **core.Value { return &l.method }),
	conf.Field(locations, conf.Directive{Name: "proxy_set_body", In: conf.ToLocation,
		Doc: "Sends this body instead of the client's."}, core.ParseValue, func(l *location) **core.Value { return &l.setBody }),
	table.SetHeader("Host $proxy_host"),
	conf.Field(locations, conf.Directive{Name: "proxy_pass_trailers", In: conf.ToLocation, Default: "off",
		Doc: "Passes trailer fields of the response on."}, conf.Flag, func(l *location) *bool { return &l.PassTrailers }),

	orOff("proxy_redirect", conf.Take12, "default", "Rewrites the URL in Location and Refresh of a response.",
		parseRedirect, func(l *location) *[]redirect { return &l.redirects }),
	orOff("proxy_cookie_domain", conf.Take12, "off", "Rewrites the domain of cookies.",
		parseAttribute, func(l *location) *[]attributeRule { return &l.domains }),
	orOff("proxy_cookie_path", conf.Take12, "off", "Rewrites the path of cookies.",
		parseAttribute, func(l *location) *[]attributeRule { return &l.paths }),
	orOff("proxy_cookie_flags", conf.Take1234, "off", "Adds flags to cookies, or takes them off.",
		parseFlags, func(l *location) *[]flagRule { return &l.flags }),

	conf.Finish(locations, finish),
})

// orOff is a row of rules of which `off` must be the only one in its block.
func orOff[T any](name string, arity conf.Arity, value, doc string, parse func(*conf.Cursor, []string) (T, error), field func(*location) *[]T) conf.Directive {
	row := conf.List(locations, conf.Directive{Name: name, In: conf.ToLocation, Args: arity, Default: value, Doc: doc}, parse, field)
	add := row.Set
	row.Set = func(c *conf.Cursor, b *conf.Block, args []string) error {
		l := locations.Of(b)
		off := len(args) == 1 && args[0] == "off"
		if l.only[name] || off && len(*field(l)) > 0 {
			return errDuplicate
		}
		if off {
			if l.only == nil {
				l.only = map[string]bool{}
			}
			l.only[name] = true
		}
		if name == "proxy_redirect" && len(args) == 1 && args[0] == "default" {
			if err := l.mayDefault(c); err != nil {
				return err
			}
		}
		return add(c, b, args)
	}
	return row
}

var errDuplicate = errors.New("is duplicate")

// parseVersion reads proxy_http_version.
func parseVersion(c *conf.Cursor, args []string) (version, error) {
	return conf.Enum(map[string]version{"1.0": http10, "1.1": http11, "2": overHTTP2})(c, args)
}

// finish checks what concerns several directives, and compiles what a request needs.
func finish(c *conf.Cursor, b *conf.Block, l *location) error {
	if err := l.CheckBuffers(c, table.Prefix); err != nil {
		return err
	}
	l.Settle(b, hidden)
	l.Scheme, l.Proto = "http", "http/1.1"
	if l.pass == nil && b.Kind&(conf.IfLocation|conf.LimitExcept) != 0 {
		l.pass = locations.Parent(b).pass // these blocks go where the location around them goes
	}
	if l.pass == nil {
		return nil
	}
	if l.pass.secured || !l.pass.literal {
		var offered []string
		if l.version == overHTTP2 {
			offered = []string{"h2"}
		}
		if err := table.Secure(c, b, l, offered...); err != nil {
			return err
		}
	}
	if why := l.notKept(); why != "" {
		l.NotKept = &upstream.NotKept{Location: strings.Join(b.Args, " "), Directive: why, Pos: b.Pos}
	}
	if l.pass.group != nil && b.Kind == conf.Location {
		l.pass.group.UsedBy(&l.Settings)
	}
	l.compileRewrite()
	if l.version == overHTTP2 {
		return l.useHTTP2(c, b)
	}
	request, err := l.compileRequest(c, b)
	if err != nil {
		return err
	}
	l.NoChunks = l.version == http10
	l.protocol = &http1Protocol{request: request, response: http1.ResponseOptions{TotalLimit: int(l.HeadSize)}}
	return nil
}

// compileRewrite settles what happens to headers of responses.
func (l *location) compileRewrite() {
	var rules []redirect
	for _, rule := range l.redirects {
		switch {
		case rule.off:
		case rule.byPass:
			if made, ok := l.defaultRedirect(); ok {
				rules = append(rules, made)
			}
		default:
			rules = append(rules, rule)
		}
	}
	l.redirects = rules
	if len(rules)+len(l.domains)+len(l.paths)+len(l.flags) > 0 {
		l.Rewrite = l.rewrite
	}
}

// hidden are the response headers that are not passed on unless proxy_pass_header says so.
var hidden = []string{"Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"}
