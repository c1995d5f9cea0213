// Package http2 is ngx_http_v2_module's directives, and $http2. The protocol itself is package http2's, and the frontend
// serves it.
package http2

import (
	"errors"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module is the HTTP/2 module.
var Module = core.Module{
	Name: "ngx_http_v2_module",
	Directives: append([]conf.Directive{
		conf.Field(core.ServerSettings, conf.Directive{Name: "http2", In: conf.ToServer, Default: "off",
			Doc: "HTTP/2, beside HTTP/1: by ALPN on addresses with TLS, else for clients that begin with its preface."},
			conf.Flag, func(c *core.ServerConf) *bool { return &c.HTTP2.On }),
		conf.Field(core.ServerSettings, conf.Directive{Name: "http2_max_concurrent_streams", In: conf.ToServer, Default: "128",
			Doc: "Requests that a connection may have open at a time."},
			conf.Num, func(c *core.ServerConf) *int { return &c.HTTP2.MaxStreams }),
		conf.Field(core.ServerSettings, conf.Directive{Name: "http2_body_preread_size", In: conf.ToServer, Default: "64k",
			Doc: "How much of a request's body may come before anything reads it."},
			prereadSize, func(c *core.ServerConf) *int64 { return &c.HTTP2.Preread }),
		conf.Field(core.Settings, conf.Directive{Name: "http2_chunk_size", In: conf.ToLocation, Default: "8k",
			Doc: "Largest DATA frame of a response, 16k at most."},
			chunkSize, func(c *core.LocationConf) *int64 { return &c.HTTP2ChunkSize }),
		conf.Field(main, conf.Directive{Name: "http2_recv_buffer_size", In: conf.HTTP, Default: "256k", NoEffect: true,
			Doc: "A loop reads into one buffer of 64k."},
			recvBufferSize, func(c *mainConf) *int64 { return &c.recvBuffer }),
	}, obsolete()...),
	Variables: []core.Variable{{Name: "http2", Get: protocol}},
}

type mainConf struct{ recvBuffer int64 }

var main = conf.NewSlot[mainConf](conf.MainLevel)

func prereadSize(c *conf.Cursor, args []string) (int64, error) {
	n, err := conf.Size(c, args)
	if err == nil && n > 1<<31-1 {
		return 0, c.Errorf("the maximum body preread buffer size is 2147483647")
	}
	return n, err
}

// maxChunk is the largest frame that a peer takes unless it has said more.
const maxChunk = 16 << 10

func chunkSize(c *conf.Cursor, args []string) (int64, error) {
	n, err := conf.Size(c, args)
	if err == nil && n == 0 {
		return 0, c.Errorf("the http2 chunk size cannot be zero")
	}
	return min(n, maxChunk), err
}

func recvBufferSize(c *conf.Cursor, args []string) (int64, error) {
	n, err := conf.Size(c, args)
	if err == nil && n <= 32 {
		return 0, errors.New("value is too small")
	}
	return n, err
}

// obsolete are the directives that nginx 1.31 accepts with a warning and ignores.
func obsolete() []conf.Directive {
	var rows []conf.Directive
	for _, o := range []struct {
		name, byDefault, instead string
		in                       conf.Context
	}{
		{"http2_max_requests", "1000", "keepalive_requests", conf.ToServer},
		{"http2_idle_timeout", "3m", "keepalive_timeout", conf.ToServer},
		{"http2_recv_timeout", "30s", "client_header_timeout", conf.ToServer},
		{"http2_max_field_size", "4k", "large_client_header_buffers", conf.ToServer},
		{"http2_max_header_size", "16k", "large_client_header_buffers", conf.ToServer},
		{"http2_max_concurrent_pushes", "10", "", conf.ToServer},
		{"http2_push", "off", "", conf.ToLocation},
		{"http2_push_preload", "off", "", conf.ToLocation},
	} {
		doc := "Obsolete, ignored with a warning."
		if o.instead != "" {
			doc = "Obsolete, ignored with a warning; see " + o.instead + "."
		}
		rows = append(rows, conf.Directive{Name: o.name, In: o.in, Default: o.byDefault, Doc: doc, NoEffect: true,
			Set: func(c *conf.Cursor, _ *conf.Block, _ []string) error {
				if o.instead == "" {
					c.Warnf("the \"%s\" directive is obsolete, ignored", o.name)
				} else {
					c.Warnf("the \"%s\" directive is obsolete, use the \"%s\" directive instead", o.name, o.instead)
				}
				return nil
			}})
	}
	return rows
}

// protocol is $http2: h2 with TLS, h2c without, and no value in HTTP/1.
func protocol(r *core.Request) ([]byte, bool) {
	switch {
	case r.Head.Major != 2:
		return nil, false
	case r.Client.TLS != nil:
		return []byte("h2"), true
	}
	return []byte("h2c"), true
}
