// Package passing is what the modules that pass requests on have in common (proxy_*, grpc_*, and what else has a *_pass):
// the rows of the directives that mean the same in all of them, and the fields that *_set_header makes. It knows no
// protocol and opens no connection; where a request goes and how it is put on the wire is its module's.
package passing

import (
	"maps"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/upstream"
	"hearth/internal/upstream/peertls"
)

// Location is what a block says by these directives. A module keeps it in its own slot. The engine's part is in Settings.
type Location struct {
	upstream.Settings

	Fields []Field // *_set_header

	ssl     peertls.Settings // *_ssl_*; what they come to is Settings.TLS
	hide    []string         // *_hide_header
	show    []string         // *_pass_header
	bind    bind
	buffers conf.Bufs
	busy    optional // *_busy_buffers_size
	write   optional // *_temp_file_write_size
	lowat   int64    // *_send_lowat; always 0
}

// Table makes the rows of one module.
type Table[C any] struct {
	Slot   *conf.Slot[C]
	Prefix string             // what its directives begin with: "proxy"
	At     func(*C) *Location // where a block keeps what they say
	Caches bool               // whether it has a cache, and so knows the word "updating"
}

// Rows are the directives that every module has.
func (t Table[C]) Rows() []conf.Directive {
	return []conf.Directive{
		conf.ListAll(t.Slot, t.row("hide_header", "", "Does not pass a response header on."),
			conf.Strings, func(c *C) *[]string { return &t.At(c).hide }),
		conf.ListAll(t.Slot, t.row("pass_header", "", "Passes on a response header that is hidden by default."),
			conf.Strings, func(c *C) *[]string { return &t.At(c).show }),
		t.bits("ignore_headers", "", "Ignores the meaning of these response headers."),

		t.time("connect_timeout", "60s", "How long connecting to a server may take.", func(s *upstream.Settings) *time.Duration { return &s.ConnectTimeout }),
		t.time("send_timeout", "60s", "How long a server may take nothing of the request.", func(s *upstream.Settings) *time.Duration { return &s.SendTimeout }),
		t.time("read_timeout", "60s", "How long a server may send nothing.", func(s *upstream.Settings) *time.Duration { return &s.ReadTimeout }),

		t.nextUpstream(),
		conf.Field(t.Slot, t.row("next_upstream_tries", "0", "How many servers a request may be passed to; 0 is no limit."),
			conf.Num, set(t, func(s *upstream.Settings) *int { return &s.NextTries })),
		t.time("next_upstream_timeout", "0", "How long a request may be passed on to further servers; 0 is no limit.", func(s *upstream.Settings) *time.Duration { return &s.NextTimeout }),

		t.size("buffer_size", "4k", "The longest response head.", func(s *upstream.Settings) *int64 { return &s.HeadSize }),
		t.flag("intercept_errors", "off", "Answers responses of 300 and above with error_page.", func(s *upstream.Settings) *bool { return &s.InterceptErrors }),
		t.flag("request_dynamic", "off", "Makes the request anew for each server it is passed to, with variables such as $upstream_last_server_name.",
			func(s *upstream.Settings) *bool { return &s.RequestDynamic }),

		t.flag("socket_keepalive", "off", "Turns TCP keepalive on for connections to servers.", func(s *upstream.Settings) *bool { return &s.SocketKeepalive }),
		t.size("socket_sndbuf", "0", "Send buffer of connections to servers.", func(s *upstream.Settings) *int64 { return &s.SndBuf }),
		t.size("socket_rcvbuf", "0", "Receive buffer of connections to servers.", func(s *upstream.Settings) *int64 { return &s.RcvBuf }),
		conf.Field(t.Slot, t.wide("bind", conf.Take12, "Local address to connect from."),
			parseBind, func(c *C) *bind { return &t.At(c).bind }),
		t.flag("bind_dynamic", "off", "Evaluates "+t.Prefix+"_bind for each connection.", func(s *upstream.Settings) *bool { return &s.BindDynamic }),
		conf.ListAll(t.Slot, t.wide("allow_upstream", conf.OneMore, "A server is used only if none of these values, evaluated for it, is empty or 0."),
			parseConditions, set(t, func(s *upstream.Settings) *[]*core.Value { return &s.Allow })),
	}
}

func (t Table[C]) bits(name, value, doc string) conf.Directive {
	row := t.row(name, value, doc)
	row.Args = conf.OneMore
	return conf.BitSet(t.Slot, row, upstream.IgnoredNames, set(t, func(s *upstream.Settings) *upstream.Ignored { return &s.IgnoreHeaders }))
}

func (t Table[C]) nextUpstream() conf.Directive {
	row := t.row("next_upstream", "error timeout", "After which failures the request is passed to the next server.")
	row.Args = conf.OneMore
	names := upstream.NextNames
	if !t.Caches {
		names = maps.Clone(names)
		delete(names, "updating")
	}
	return conf.BitSet(t.Slot, row, names, set(t, func(s *upstream.Settings) *upstream.NextOn { return &s.Next }))
}

// TLSRows are the directives *_ssl_*.
func (t Table[C]) TLSRows() []conf.Directive {
	return peertls.Rows(t.Slot, t.Prefix, func(c *C) *peertls.Settings { return &t.At(c).ssl })
}

// Secure has the location's connections secured as *_ssl_* say, in a Finish row. alpn are the protocols offered.
func (t Table[C]) Secure(c *conf.Cursor, b *conf.Block, at *C, alpn ...string) (err error) {
	l := t.At(at)
	l.TLS, err = l.ssl.Rules(c, b, t.Prefix, alpn...)
	return err
}

// row begins a row: everything stands in http, server and location.
func (t Table[C]) row(name, value, doc string) conf.Directive {
	return conf.Directive{Name: t.Prefix + "_" + name, In: conf.ToLocation, Default: value, Doc: doc}
}

// wide is row for other than one argument.
func (t Table[C]) wide(name string, arity conf.Arity, doc string) conf.Directive {
	row := t.row(name, "", doc)
	row.Args = arity
	return row
}

// set is the engine's settings as rows see them.
func set[C, T any](t Table[C], field func(*upstream.Settings) *T) func(*C) *T {
	return func(c *C) *T { return field(&t.At(c).Settings) }
}

func (t Table[C]) flag(name, value, doc string, field func(*upstream.Settings) *bool) conf.Directive {
	return conf.Field(t.Slot, t.row(name, value, doc), conf.Flag, set(t, field))
}

func (t Table[C]) size(name, value, doc string, field func(*upstream.Settings) *int64) conf.Directive {
	return conf.Field(t.Slot, t.row(name, value, doc), conf.Size, set(t, field))
}

func (t Table[C]) time(name, value, doc string, field func(*upstream.Settings) *time.Duration) conf.Directive {
	return conf.Field(t.Slot, t.row(name, value, doc), conf.Msec, set(t, field))
}

// Settle fills in the engine's settings from what several directives say together, when a block's own and inherited ones
// are known. A header of hidden is not passed on unless *_pass_header names it.
func (l *Location) Settle(b *conf.Block, hidden []string) {
	l.BufferCount, l.BufferSize = l.buffers.Num, l.buffers.Size
	l.Bind, l.BindTransparent = l.bind.address, l.bind.transparent
	l.Scope = upstream.ScopeOf(b)
	l.Hidden = upstream.HeaderSet{}
	for _, names := range [][]string{l.hide, hidden} {
		for _, name := range names {
			l.Hidden.Add(name)
		}
	}
	for _, name := range l.show {
		l.Hidden.Remove(name)
	}
}

// parseConditions reads *_allow_upstream.
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
