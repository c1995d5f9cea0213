// Package proxy is nginx's ngx_http_proxy_module: proxy_pass and its directives, over the exchange engine of package
// upstream. It owns what is HTTP about talking to a backend (the request that is sent, the rewriting of Location and
// cookies on the way back); connections, retries and buffering are the engine's.
package proxy

import (
	"errors"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/upstream"
)

// Module is the proxy module.
var Module = core.Module{
	Name:       "ngx_http_proxy_module",
	Directives: directives,
	Variables:  variables,
}

// location is what a block says about proxying. The engine's part is in Settings.
type location struct {
	upstream.Settings

	pass    *pass
	version version
	method  *core.Value
	setBody *core.Value
	fields  []fieldLine // proxy_set_header
	hide    []string    // proxy_hide_header
	show    []string    // proxy_pass_header
	buffers conf.Bufs
	busy    optional // proxy_busy_buffers_size
	write   optional // proxy_temp_file_write_size
	bind    bind

	redirects []redirect
	domains   []attributeRule // proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags
	paths     []attributeRule
	flags     []flagRule
	only      map[string]bool // those of the four that are off in this block

	lowat int64 // proxy_send_lowat; always 0

	protocol *http1Protocol // compiled
}

// version is proxy_http_version.
type version int

const (
	http10 version = iota
	http11
)

// fieldLine is one line of proxy_set_header.
type fieldLine struct {
	name  string
	value *core.Value
}

var locations = conf.NewSlot[location](conf.LocationLevel)

// set is the engine's settings as rows see them.
func set[T any](field func(*upstream.Settings) *T) func(*location) *T {
	return func(l *location) *T { return field(&l.Settings) }
}

var directives = []conf.Directive{
	conf.Custom(locations, conf.Directive{Name: "proxy_pass", In: conf.Location | conf.IfLocation | conf.LimitExcept,
		Doc: "Passes requests to a server or an upstream; with a URI, that replaces the part matching the location."}, setPass),
	conf.Field(locations, conf.Directive{Name: "proxy_http_version", In: conf.ToLocation, Default: "1.1",
		Doc: "The version of HTTP spoken with the server."},
		parseVersion, func(l *location) *version { return &l.version }),
	conf.Field(locations, conf.Directive{Name: "proxy_method", In: conf.ToLocation,
		Doc: "Sends this method instead of the client's."}, core.ParseValue, func(l *location) **core.Value { return &l.method }),
	conf.Field(locations, conf.Directive{Name: "proxy_set_body", In: conf.ToLocation,
		Doc: "Sends this body instead of the client's."}, core.ParseValue, func(l *location) **core.Value { return &l.setBody }),
	conf.List(locations, conf.Directive{Name: "proxy_set_header", In: conf.ToLocation, Args: conf.Take2, Default: "Host $proxy_host",
		Doc: "Sets a header field of the request; an empty value leaves it out."},
		parseSetHeader, func(l *location) *[]fieldLine { return &l.fields }),
	conf.ListAll(locations, conf.Directive{Name: "proxy_hide_header", In: conf.ToLocation,
		Doc: "Does not pass a response header on."}, conf.Strings, func(l *location) *[]string { return &l.hide }),
	conf.ListAll(locations, conf.Directive{Name: "proxy_pass_header", In: conf.ToLocation,
		Doc: "Passes on a response header that is hidden by default."}, conf.Strings, func(l *location) *[]string { return &l.show }),
	conf.BitSet(locations, conf.Directive{Name: "proxy_ignore_headers", In: conf.ToLocation, Args: conf.OneMore,
		Doc: "Ignores the meaning of these response headers."}, upstream.IgnoredNames,
		set(func(s *upstream.Settings) *upstream.Ignored { return &s.IgnoreHeaders })),

	conf.Field(locations, conf.Directive{Name: "proxy_connect_timeout", In: conf.ToLocation, Default: "60s",
		Doc: "How long connecting to a server may take."}, conf.Msec, set(func(s *upstream.Settings) *time.Duration { return &s.ConnectTimeout })),
	conf.Field(locations, conf.Directive{Name: "proxy_send_timeout", In: conf.ToLocation, Default: "60s",
		Doc: "How long a server may take nothing of the request."}, conf.Msec, set(func(s *upstream.Settings) *time.Duration { return &s.SendTimeout })),
	conf.Field(locations, conf.Directive{Name: "proxy_read_timeout", In: conf.ToLocation, Default: "60s",
		Doc: "How long a server may send nothing."}, conf.Msec, set(func(s *upstream.Settings) *time.Duration { return &s.ReadTimeout })),

	conf.BitSet(locations, conf.Directive{Name: "proxy_next_upstream", In: conf.ToLocation, Args: conf.OneMore, Default: "error timeout",
		Doc: "After which failures the request is passed to the next server."}, upstream.NextNames,
		set(func(s *upstream.Settings) *upstream.NextOn { return &s.Next })),
	conf.Field(locations, conf.Directive{Name: "proxy_next_upstream_tries", In: conf.ToLocation, Default: "0",
		Doc: "How many servers a request may be passed to; 0 is no limit."}, conf.Num, set(func(s *upstream.Settings) *int { return &s.NextTries })),
	conf.Field(locations, conf.Directive{Name: "proxy_next_upstream_timeout", In: conf.ToLocation, Default: "0",
		Doc: "How long a request may be passed on to further servers; 0 is no limit."}, conf.Msec, set(func(s *upstream.Settings) *time.Duration { return &s.NextTimeout })),

	conf.Field(locations, conf.Directive{Name: "proxy_buffering", In: conf.ToLocation, Default: "on",
		Doc: "Reads a response as fast as the server sends it, keeping what the client does not take yet."}, conf.Flag,
		set(func(s *upstream.Settings) *bool { return &s.Buffering })),
	conf.Field(locations, conf.Directive{Name: "proxy_request_buffering", In: conf.ToLocation, Default: "on",
		Doc: "Reads the whole request body before a server is asked."}, conf.Flag,
		set(func(s *upstream.Settings) *bool { return &s.RequestBuffering })),
	conf.Field(locations, conf.Directive{Name: "proxy_buffer_size", In: conf.ToLocation, Default: "4k",
		Doc: "The longest response head."}, conf.Size, set(func(s *upstream.Settings) *int64 { return &s.HeadSize })),
	conf.Field(locations, conf.Directive{Name: "proxy_buffers", In: conf.ToLocation, Args: conf.Take2, Default: "8 4k",
		Doc: "Memory for a response that the client takes slowly."}, conf.Buffers, func(l *location) *conf.Bufs { return &l.buffers }),
	conf.Field(locations, conf.Directive{Name: "proxy_busy_buffers_size", In: conf.ToLocation, NoEffect: true,
		Doc: "Checked; hearth sends what there is."}, parseOptional, func(l *location) *optional { return &l.busy }),
	conf.Field(locations, conf.Directive{Name: "proxy_max_temp_file_size", In: conf.ToLocation, Default: "1024m",
		Doc: "How much of a response may go to a temporary file; 0 is nothing."}, conf.Size, set(func(s *upstream.Settings) *int64 { return &s.MaxTempFile })),
	conf.Field(locations, conf.Directive{Name: "proxy_temp_file_write_size", In: conf.ToLocation, NoEffect: true,
		Doc: "Checked; hearth writes what one read brought."}, parseOptional, func(l *location) *optional { return &l.write }),
	conf.Field(locations, conf.Directive{Name: "proxy_temp_path", In: conf.ToLocation, Args: conf.Take1234, Default: "proxy_temp",
		Doc: "Where temporary files of responses are kept."}, core.ParseTempPath, set(func(s *upstream.Settings) *core.TempPath { return &s.TempFilePath })),
	conf.Field(locations, conf.Directive{Name: "proxy_limit_rate", In: conf.ToLocation, Default: "0",
		Doc: "Bytes per second to read from a server; 0 is no limit."}, core.ParseRate, set(func(s *upstream.Settings) **core.Value { return &s.LimitRate })),

	flag("proxy_request_dynamic", "off", "Makes the request anew for each server it is passed to, with variables such as $upstream_last_server_name.",
		func(s *upstream.Settings) *bool { return &s.RequestDynamic }),
	flag("proxy_ignore_client_abort", "off", "Lets a server finish although the client has gone.", func(s *upstream.Settings) *bool { return &s.IgnoreClientAbort }),
	flag("proxy_intercept_errors", "off", "Answers responses of 300 and above with error_page.", func(s *upstream.Settings) *bool { return &s.InterceptErrors }),
	flag("proxy_pass_request_headers", "on", "Passes the client's header fields on.", func(s *upstream.Settings) *bool { return &s.PassRequestHeaders }),
	flag("proxy_pass_request_body", "on", "Passes the client's body on.", func(s *upstream.Settings) *bool { return &s.PassRequestBody }),
	flag("proxy_pass_trailers", "off", "Passes trailer fields of the response on.", func(s *upstream.Settings) *bool { return &s.PassTrailers }),
	flag("proxy_force_ranges", "off", "Cuts byte ranges whatever the server says of them.", func(s *upstream.Settings) *bool { return &s.ForceRanges }),
	flag("proxy_socket_keepalive", "off", "Turns TCP keepalive on for connections to servers.", func(s *upstream.Settings) *bool { return &s.SocketKeepalive }),
	conf.Field(locations, conf.Directive{Name: "proxy_send_lowat", In: conf.ToLocation, Default: "0", NoEffect: true,
		Doc: "Ignored on Linux, as by nginx."}, parseLowat, func(l *location) *int64 { return &l.lowat }),
	size("proxy_socket_sndbuf", "0", "Send buffer of connections to servers.", func(s *upstream.Settings) *int64 { return &s.SndBuf }),
	size("proxy_socket_rcvbuf", "0", "Receive buffer of connections to servers.", func(s *upstream.Settings) *int64 { return &s.RcvBuf }),
	conf.Field(locations, conf.Directive{Name: "proxy_bind", In: conf.ToLocation, Args: conf.Take12,
		Doc: "Local address to connect from."}, parseBind, func(l *location) *bind { return &l.bind }),
	flag("proxy_bind_dynamic", "off", "Evaluates proxy_bind for each connection.", func(s *upstream.Settings) *bool { return &s.BindDynamic }),
	conf.ListAll(locations, conf.Directive{Name: "proxy_allow_upstream", In: conf.ToLocation, Args: conf.OneMore,
		Doc: "A server is used only if none of these values, evaluated for it, is empty or 0."}, parseConditions,
		func(l *location) *[]*core.Value { return &l.Allow }),

	orOff("proxy_redirect", conf.Take12, "default", "Rewrites the URL in Location and Refresh of a response.",
		parseRedirect, func(l *location) *[]redirect { return &l.redirects }),
	orOff("proxy_cookie_domain", conf.Take12, "off", "Rewrites the domain of cookies.",
		parseAttribute, func(l *location) *[]attributeRule { return &l.domains }),
	orOff("proxy_cookie_path", conf.Take12, "off", "Rewrites the path of cookies.",
		parseAttribute, func(l *location) *[]attributeRule { return &l.paths }),
	orOff("proxy_cookie_flags", conf.Take1234, "off", "Adds flags to cookies, or takes them off.",
		parseFlags, func(l *location) *[]flagRule { return &l.flags }),

	conf.Finish(locations, finish),
}

func flag(name, value, doc string, field func(*upstream.Settings) *bool) conf.Directive {
	return conf.Field(locations, conf.Directive{Name: name, In: conf.ToLocation, Default: value, Doc: doc}, conf.Flag, set(field))
}

func size(name, value, doc string, field func(*upstream.Settings) *int64) conf.Directive {
	return conf.Field(locations, conf.Directive{Name: name, In: conf.ToLocation, Default: value, Doc: doc}, conf.Size, set(field))
}

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
	if args[0] == "2" {
		return 0, c.Errorf("HTTP/2 to servers is not supported by hearth yet, in \"proxy_http_version\" directive")
	}
	return conf.Enum(map[string]version{"1.0": http10, "1.1": http11})(c, args)
}

// parseLowat reads proxy_send_lowat, which means nothing on Linux (its documentation says so).
func parseLowat(c *conf.Cursor, args []string) (int64, error) {
	n, err := conf.Size(c, args)
	if err == nil && n > 0 {
		c.Warnf("\"proxy_send_lowat\" is not supported, ignored")
	}
	return 0, err
}

// parseConditions reads proxy_allow_upstream.
func parseConditions(c *conf.Cursor, args []string) (values []*core.Value, err error) {
	for _, arg := range args {
		v, err := core.CompileValue(c, arg)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func parseSetHeader(c *conf.Cursor, args []string) (fieldLine, error) {
	value, err := core.CompileValue(c, args[1])
	return fieldLine{args[0], value}, err
}

// finish checks what concerns several directives, and compiles what a request needs.
func finish(c *conf.Cursor, b *conf.Block, l *location) error {
	if err := checkBuffers(c, l); err != nil {
		return err
	}
	l.BufferCount, l.BufferSize = l.buffers.Num, l.buffers.Size
	l.Bind, l.BindTransparent = l.bind.address, l.bind.transparent
	l.Scheme, l.Proto = "http", "http/1.1"
	l.Scope = upstream.ScopeOf(b)
	l.Hidden = hidden(l.hide, l.show)
	if l.pass == nil && b.Kind&(conf.IfLocation|conf.LimitExcept) != 0 {
		l.pass = locations.Parent(b).pass // these blocks go where the location around them goes
	}
	if l.pass == nil {
		return nil
	}
	if l.pass.group != nil && b.Kind == conf.Location {
		l.pass.group.UsedBy(&l.Settings)
	}
	l.compileRewrite()
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

// hiddenByDefault are the response headers that are not passed on unless proxy_pass_header says so.
var hiddenByDefault = []string{"Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"}

func hidden(hide, show []string) upstream.HeaderSet {
	var s upstream.HeaderSet
	for _, name := range append(hide, hiddenByDefault...) {
		s.Add(name)
	}
	for _, name := range show {
		s.Remove(name)
	}
	return s
}
