package proxy

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/upstream"
	"hearth/internal/upstream/passing"
)

// pass is a proxy_pass: where requests go and which URI they ask for there.
type pass struct {
	destination             // of all requests; its group is nil if the URL has variables
	url         *core.Value // with variables
	path        string      // the URI part; "" = none was given
	name        string      // the location's, which path replaces
}

// setPass reads proxy_pass.
func setPass(c *conf.Cursor, b *conf.Block, l *location, args []string) error {
	if l.pass != nil {
		return c.Errorf("\"proxy_pass\" directive is duplicate")
	}
	url, err := passing.Begin(c, b, args[0], serve)
	if err != nil {
		return err
	}
	l.pass = &pass{url: url}
	literal, ok := url.Literal()
	if !ok {
		return nil
	}
	scheme, rest := cutScheme(literal)
	if scheme == nil {
		return c.Errorf("invalid URL prefix")
	}
	return l.pass.fixed(c, b, scheme, rest)
}

// scheme is what a URL begins with.
type scheme struct {
	prefix  string
	port    string // the default
	secured bool
}

var urlSchemes = []*scheme{{"http://", "80", false}, {"https://", "443", true}}

// cutScheme takes the scheme off; nil = it is none of ours.
func cutScheme(url string) (s *scheme, rest string) {
	for _, s := range urlSchemes {
		if n := len(s.prefix); len(url) >= n && strings.EqualFold(url[:n], s.prefix) {
			return s, url[n:]
		}
	}
	return nil, url
}

// fixed prepares a pass without variables. rest is the URL without its scheme.
func (p *pass) fixed(c *conf.Cursor, b *conf.Block, scheme *scheme, rest string) error {
	address, uri := splitURL(rest)
	group, err := upstream.Use(c, address, uri, scheme.port)
	if err != nil {
		return err
	}
	p.destination = scheme.destination(group, address, uri)
	p.literal = true
	p.path = uri
	at := core.LocationOf(b)
	if uri != "" && (at.Kind == core.RegexLocation || at.Kind == core.NamedLocation || b.Kind&(conf.IfLocation|conf.LimitExcept) != 0) {
		return c.Errorf("\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named location, or inside \"if\" statement, or inside \"limit_except\" block")
	}
	p.name = at.Name
	return nil
}

// splitURL cuts an URL without scheme into address and URI. "unix:/path:/uri" has its URI behind a second colon.
func splitURL(rest string) (address, uri string) {
	if strings.HasPrefix(rest, "unix:") {
		if i := strings.IndexByte(rest[len("unix:"):], ':'); i >= 0 {
			i += len("unix:")
			return rest[:i], rest[i+1:]
		}
		return rest, ""
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

func cutPort(address string) (host, port string, ok bool) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 || i < strings.LastIndexByte(address, ']') {
		return address, "", false
	}
	return address[:i], address[i+1:], true
}

// destination is where one request goes: known from the configuration, or evaluated.
type destination struct {
	group      *upstream.Group
	host, port []byte // $proxy_host, $proxy_port
	uri        []byte // the URI part of an evaluated URL
	bare       bool   // no URI part: the client's is passed on as it is
	literal    bool
	secured    bool
}

func (s *scheme) destination(group *upstream.Group, address, uri string) destination {
	host, port := hostPort(address, s.port)
	return destination{group: group, host: []byte(host), port: []byte(port), uri: []byte(uri), bare: uri == "", secured: s.secured}
}

// targets has the destination of requests for whom it has been settled.
var targets = core.NewState[struct{ *destination }]()

// targetOf is the destination of r, or an empty one.
func targetOf(r *core.Request) *destination {
	if d := targets.Of(r).destination; d != nil {
		return d
	}
	return &nowhere
}

var nowhere destination

// settle finds out where the request goes.
func (p *pass) settle(r *core.Request) (*destination, core.Verdict) {
	if p.group != nil {
		return &p.destination, core.OK
	}
	url := p.url.Eval(r)
	scheme, rest := cutScheme(string(url))
	if scheme == nil || rest == "" {
		r.Error(logs.Error, "invalid URL prefix in \"%s\"", url)
		return nil, 500
	}
	address, uri := splitURL(rest)
	group, err := upstream.Find(r, address, uri, scheme.port)
	if err != nil {
		r.Error(logs.Error, "%s", err)
		return nil, core.Verdict(upstream.FindStatus(err))
	}
	d := scheme.destination(group, address, uri)
	return &d, core.OK
}

// hostPort are $proxy_host and $proxy_port for an address as written.
func hostPort(address, standard string) (host, port string) {
	if strings.HasPrefix(address, "unix:") {
		return "localhost", ""
	}
	_, port, ok := cutPort(address)
	if !ok {
		return address, standard
	}
	return strings.TrimSuffix(address, ":"+standard), port
}

// target appends the request target (ngx_http_proxy_module, "proxy_pass"): with no URI part the client's target as it
// came, or the normalised one if it was changed meanwhile; else the URI part in place of the location's name. A URL
// with variables that has a URI part is sent as it is.
func (p *pass) target(r *core.Request, dst []byte) []byte {
	d := targetOf(r)
	from := len(dst)
	path := r.URI
	switch {
	case d.bare && r.ValidUnparsed && r.IsMain():
		if len(r.Unparsed) > 0 && r.Unparsed[0] == '?' { // http://host?args
			dst = append(dst, '/')
		}
		return append(dst, r.Unparsed...)
	case !d.literal && !d.bare:
		if d.uri[0] != '/' {
			dst = append(dst, '/')
		}
		return append(dst, d.uri...)
	case !d.bare && !r.Displaced:
		dst = append(dst, p.path...)
		path = path[min(len(p.name), len(path)):]
	}
	dst = passing.AppendPath(dst, r, path)
	if len(dst) == from {
		dst = append(dst, '/')
	}
	return dst
}

// serve is the content handler of a location with proxy_pass.
func serve(r *core.Request) core.Verdict {
	l := locations.Of(r.Location.Block)
	d, verdict := l.pass.settle(r)
	if verdict != core.OK {
		return verdict
	}
	targets.Of(r).destination = d
	if !d.secured {
		return upstream.RunPlain(r, &l.Settings, d.group, l.protocol)
	}
	return upstream.Run(r, &l.Settings, d.group, l.protocol)
}
