// Package proxy is nginx's ngx_http_proxy_module: proxy_pass and its directives, over the exchange engine of package
// upstream. It owns what is HTTP about talking to a backend (the request that is sent, the rewriting of Location and
// cookies on the way back); connections, retries and buffering are the engine's.
package proxy

import (
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
	busy    int64
	write   int64 // proxy_temp_file_write_size
	bind    bind

	redirects []redirect
	domains   []attributeRule // proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags
	paths     []attributeRule
	flags     []flagRule

	protocol *http1Protocol // compiled
}

// version is proxy_http_version.
type version int

const (
	http10 version = iota
	http11
)

// bind is proxy_bind.
type bind struct {
	address     *core.Value // nil = off
	transparent bool
}

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
		conf.Enum(map[string]version{"1.0": http10, "1.1": http11}), func(l *location) *version { return &l.version }),
	conf.Field(locations, conf.Directive{Name: "proxy_method", In: conf.ToLocation,
		Doc: "Sends this method instead of the client's."}, core.ParseValue, func(l *location) **core.Value { return &l.method }),
	conf.Field(locations, conf.Directive{Name: "proxy_set_body", In: conf.ToLocation,
		Doc: "Sends this body instead of the client's."}, core.ParseValue, func(l *location) **core.Value { return &l.setBody }),
	conf.List(locations, conf.Directive{Name: "proxy_set_header", In: conf.ToLocation, Args: conf.Take2,
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
	conf.Field(locations, conf.Directive{Name: "proxy_busy_buffers_size", In: conf.ToLocation, Default: "8k", NoEffect: true,
		Doc: "Checked; hearth sends what there is."}, conf.Size, func(l *location) *int64 { return &l.busy }),
	conf.Field(locations, conf.Directive{Name: "proxy_max_temp_file_size", In: conf.ToLocation, Default: "1024m",
		Doc: "How much of a response may go to a temporary file; 0 is nothing."}, conf.Offset, set(func(s *upstream.Settings) *int64 { return &s.MaxTempFile })),
	conf.Field(locations, conf.Directive{Name: "proxy_temp_file_write_size", In: conf.ToLocation, Default: "8k", NoEffect: true,
		Doc: "Checked; hearth writes what one read brought."}, conf.Size, func(l *location) *int64 { return &l.write }),
	conf.Field(locations, conf.Directive{Name: "proxy_temp_path", In: conf.ToLocation, Args: conf.Take1234, Default: "proxy_temp",
		Doc: "Where temporary files of responses are kept."}, core.ParseTempPath, set(func(s *upstream.Settings) *core.TempPath { return &s.TempFilePath })),
	conf.Field(locations, conf.Directive{Name: "proxy_limit_rate", In: conf.ToLocation,
		Doc: "Bytes per second to read from a server; 0 is no limit."}, core.ParseValue, set(func(s *upstream.Settings) **core.Value { return &s.LimitRate })),

	flag("proxy_ignore_client_abort", "off", "Lets a server finish although the client has gone.", func(s *upstream.Settings) *bool { return &s.IgnoreClientAbort }),
	flag("proxy_intercept_errors", "off", "Answers responses of 300 and above with error_page.", func(s *upstream.Settings) *bool { return &s.InterceptErrors }),
	flag("proxy_pass_request_headers", "on", "Passes the client's header fields on.", func(s *upstream.Settings) *bool { return &s.PassRequestHeaders }),
	flag("proxy_pass_request_body", "on", "Passes the client's body on.", func(s *upstream.Settings) *bool { return &s.PassRequestBody }),
	flag("proxy_pass_trailers", "off", "Passes trailer fields of the response on.", func(s *upstream.Settings) *bool { return &s.PassTrailers }),
	flag("proxy_force_ranges", "off", "Cuts byte ranges whatever the server says of them.", func(s *upstream.Settings) *bool { return &s.ForceRanges }),
	flag("proxy_socket_keepalive", "off", "Turns TCP keepalive on for connections to servers.", func(s *upstream.Settings) *bool { return &s.SocketKeepalive }),
	size("proxy_send_lowat", "0", "TCP_NOTSENT_LOWAT of connections to servers.", func(s *upstream.Settings) *int64 { return &s.SendLowat }),
	size("proxy_socket_sndbuf", "0", "Send buffer of connections to servers.", func(s *upstream.Settings) *int64 { return &s.SndBuf }),
	size("proxy_socket_rcvbuf", "0", "Receive buffer of connections to servers.", func(s *upstream.Settings) *int64 { return &s.RcvBuf }),
	conf.Field(locations, conf.Directive{Name: "proxy_bind", In: conf.ToLocation, Args: conf.Take12,
		Doc: "Local address to connect from."}, parseBind, func(l *location) *bind { return &l.bind }),

	conf.List(locations, conf.Directive{Name: "proxy_redirect", In: conf.ToLocation, Args: conf.Take12, Default: "default",
		Doc: "Rewrites the URL in Location and Refresh of a response."}, parseRedirect, func(l *location) *[]redirect { return &l.redirects }),
	conf.List(locations, conf.Directive{Name: "proxy_cookie_domain", In: conf.ToLocation, Args: conf.Take12, Default: "off",
		Doc: "Rewrites the domain of cookies."}, parseAttribute, func(l *location) *[]attributeRule { return &l.domains }),
	conf.List(locations, conf.Directive{Name: "proxy_cookie_path", In: conf.ToLocation, Args: conf.Take12, Default: "off",
		Doc: "Rewrites the path of cookies."}, parseAttribute, func(l *location) *[]attributeRule { return &l.paths }),
	conf.List(locations, conf.Directive{Name: "proxy_cookie_flags", In: conf.ToLocation, Args: conf.OneMore, Default: "off",
		Doc: "Adds flags to cookies, or takes them off."}, parseFlags, func(l *location) *[]flagRule { return &l.flags }),

	conf.Finish(locations, finish),
}

func flag(name, value, doc string, field func(*upstream.Settings) *bool) conf.Directive {
	return conf.Field(locations, conf.Directive{Name: name, In: conf.ToLocation, Default: value, Doc: doc}, conf.Flag, set(field))
}

func size(name, value, doc string, field func(*upstream.Settings) *int64) conf.Directive {
	return conf.Field(locations, conf.Directive{Name: name, In: conf.ToLocation, Default: value, Doc: doc}, conf.Size, set(field))
}

func parseBind(c *conf.Cursor, args []string) (bind, error) {
	if args[0] == "off" {
		return bind{}, nil
	}
	value, err := core.CompileValue(c, args[0])
	if err != nil {
		return bind{}, err
	}
	b := bind{address: value}
	if len(args) == 2 {
		if args[1] != "transparent" {
			return b, c.Errorf("invalid parameter \"%s\"", args[1])
		}
		b.transparent = true
	}
	return b, nil
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
	l.Scope = b.Pos.String()
	l.Hidden = hidden(l.hide, l.show)
	if l.pass == nil && b.Kind&(conf.IfLocation|conf.LimitExcept) != 0 {
		l.pass = locations.Parent(b).pass // these blocks go where the location around them goes
	}
	if l.pass == nil {
		return nil
	}
	l.compileRewrite(b)
	request, err := l.compileRequest(c, b)
	if err != nil {
		return err
	}
	l.protocol = &http1Protocol{request: request, response: http1.ResponseOptions{TotalLimit: int(l.HeadSize)}}
	return nil
}

// compileRewrite settles what happens to headers of responses.
func (l *location) compileRewrite(b *conf.Block) {
	var rules []redirect
	for _, rule := range l.redirects {
		switch {
		case rule.off:
		case rule.byPass:
			if made, ok := l.defaultRedirect(b); ok {
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

// checkBuffers are the rules that nginx has for the sizes.
func checkBuffers(c *conf.Cursor, l *location) error {
	largest := max(l.HeadSize, l.buffers.Size)
	switch {
	case l.buffers.Num < 2:
		return c.Errorf("there must be at least 2 \"proxy_buffers\"")
	case l.busy < largest && l.busy != 8<<10:
		return c.Errorf("\"proxy_busy_buffers_size\" must be equal to or greater than the maximum of the value of \"proxy_buffer_size\" and one of the \"proxy_buffers\"")
	case l.busy > int64(l.buffers.Num-1)*l.buffers.Size && l.busy != 8<<10:
		return c.Errorf("\"proxy_busy_buffers_size\" must be less than the size of all \"proxy_buffers\" minus one buffer")
	}
	return nil
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
