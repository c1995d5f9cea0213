package core

import (
	"time"

	"hearth/internal/conf"
	"hearth/internal/http1"
)

// Rows about the client's side: reading requests, bodies, keep-alive.
var clientDirectives = []conf.Directive{
	conf.Field(ServerSettings, conf.Directive{Name: "client_header_timeout", In: conf.ToServer, Default: "60s",
		Doc: "Time limit for the whole request header."},
		conf.Msec, func(c *ServerConf) *time.Duration { return &c.ClientHeaderTimeout }),
	conf.Field(ServerSettings, conf.Directive{Name: "client_header_buffer_size", In: conf.ToServer, Default: "1k",
		Doc: "A request header may be so large, and as large_client_header_buffers beyond that."},
		conf.Size, func(c *ServerConf) *int64 { return &c.ClientHeaderBufferSize }),
	conf.Field(ServerSettings, conf.Directive{Name: "large_client_header_buffers", In: conf.ToServer, Args: conf.Take2, Default: "4 8k",
		Doc: "Number and size of the buffers for large request headers: no line may exceed one (or client_header_buffer_size, if that is more)."},
		conf.Buffers, func(c *ServerConf) *conf.Bufs { return &c.LargeHeaderBuffers }),
	conf.Field(ServerSettings, conf.Directive{Name: "ignore_invalid_headers", In: conf.ToServer, Default: "on",
		Doc: "Drop request header fields with invalid names."},
		conf.Flag, func(c *ServerConf) *bool { return &c.IgnoreInvalidHeaders }),
	conf.Field(ServerSettings, conf.Directive{Name: "underscores_in_headers", In: conf.ToServer, Default: "off",
		Doc: "Allow underscores in the names of request header fields."},
		conf.Flag, func(c *ServerConf) *bool { return &c.UnderscoresInHeaders }),
	conf.Field(ServerSettings, conf.Directive{Name: "merge_slashes", In: conf.ToServer, Default: "on",
		Doc: "Take several slashes in a path for one."},
		conf.Flag, func(c *ServerConf) *bool { return &c.MergeSlashes }),
	conf.Field(ServerSettings, conf.Directive{Name: "max_headers", In: conf.ToServer, Default: "1000",
		Doc: "How many header fields a request may have."},
		conf.AtLeast(1, conf.Num), func(c *ServerConf) *int { return &c.MaxHeaders }),
	conf.Finish(ServerSettings, finishServer),

	conf.Field(Settings, conf.Directive{Name: "client_max_body_size", In: conf.ToLocation, Default: "1m",
		Doc: "Largest request body allowed; 0 is no limit."},
		conf.Offset, func(c *LocationConf) *int64 { return &c.ClientMaxBodySize }),
	conf.Field(Settings, conf.Directive{Name: "client_body_buffer_size", In: conf.ToLocation, Default: "16k",
		Doc: "Memory for a request body; what is larger goes to a temporary file."},
		conf.Size, func(c *LocationConf) *int64 { return &c.ClientBodyBufferSize }),
	conf.Field(Settings, conf.Directive{Name: "client_body_timeout", In: conf.ToLocation, Default: "60s",
		Doc: "Time limit between two reads of a request body."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.ClientBodyTimeout }),
	conf.Field(Settings, conf.Directive{Name: "client_body_temp_path", In: conf.ToLocation, Args: conf.Take1234, Default: "client_body_temp",
		Doc: "Directory for temporary files with request bodies, and its levels."},
		ParseTempPath, func(c *LocationConf) *TempPath { return &c.ClientBodyTempPath }),
	conf.Field(Settings, conf.Directive{Name: "client_body_in_file_only", In: conf.ToLocation, Default: "off",
		Doc: "Put every request body into a file."},
		conf.Enum(map[string]BodyFile{"off": BodyFileOff, "on": BodyFileKeep, "clean": BodyFileClean}),
		func(c *LocationConf) *BodyFile { return &c.ClientBodyInFileOnly }),

	conf.Field(Settings, conf.Directive{Name: "keepalive_timeout", In: conf.ToLocation, Args: conf.Take12, Default: "75s",
		Doc: "Time an idle client connection is kept, and what the Keep-Alive field tells of it."},
		parseKeepaliveTimeout, func(c *LocationConf) *KeepaliveTimeout { return &c.KeepaliveTimeout }),
	conf.Field(Settings, conf.Directive{Name: "keepalive_min_timeout", In: conf.ToLocation, Default: "0",
		Doc: "Time a client connection is not closed for, even when it is idle at a shutdown."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.KeepaliveMinTimeout }),
	conf.Field(Settings, conf.Directive{Name: "keepalive_requests", In: conf.ToLocation, Default: "1000",
		Doc: "Requests served on one client connection."},
		conf.Num, func(c *LocationConf) *int { return &c.KeepaliveRequests }),
	conf.Field(Settings, conf.Directive{Name: "keepalive_time", In: conf.ToLocation, Default: "1h",
		Doc: "Age from which a client connection is closed after a request."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.KeepaliveTime }),
	conf.Field(Settings, conf.Directive{Name: "keepalive_disable", In: conf.ToLocation, Args: conf.Take12, Default: "msie6",
		Doc: "Browsers that get no keep-alive."},
		conf.Bits(map[string]KeepaliveBrowsers{"none": KeepaliveNone, "msie6": KeepaliveMSIE6, "safari": KeepaliveSafari}),
		func(c *LocationConf) *KeepaliveBrowsers { return &c.KeepaliveDisable }),
	conf.Field(Settings, conf.Directive{Name: "lingering_close", In: conf.ToLocation, Default: "on",
		Doc: "Read on for a while before closing a connection with unread data."},
		conf.Enum(map[string]Lingering{"off": LingeringOff, "on": LingeringOn, "always": LingeringAlways}),
		func(c *LocationConf) *Lingering { return &c.LingeringClose }),
	conf.Field(Settings, conf.Directive{Name: "lingering_time", In: conf.ToLocation, Default: "30s",
		Doc: "Longest time to read on before closing."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.LingeringTime }),
	conf.Field(Settings, conf.Directive{Name: "lingering_timeout", In: conf.ToLocation, Default: "5s",
		Doc: "Longest wait for more data before closing."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.LingeringTimeout }),
	conf.Field(Settings, conf.Directive{Name: "reset_timedout_connection", In: conf.ToLocation, Default: "off",
		Doc: "Reset connections that timed out, so that they hold no socket memory."},
		conf.Flag, func(c *LocationConf) *bool { return &c.ResetTimedout }),
}

// finishServer gives the HTTP/1 parser its options. nginx begins with a buffer of client_header_buffer_size, and moves a
// line that it does not hold to a large one: what fits before that needs none.
func finishServer(_ *conf.Block, c *ServerConf) error {
	first, large := int(c.ClientHeaderBufferSize), int(c.LargeHeaderBuffers.Size)
	c.Requests = http1.RequestOptions{
		UnderscoresInHeaders: c.UnderscoresInHeaders,
		IgnoreInvalidHeaders: c.IgnoreInvalidHeaders,
		MaxHeaders:           c.MaxHeaders,
		LineLimit:            max(first, large),
		TotalLimit:           first + c.LargeHeaderBuffers.Num*large,
	}
	return nil
}

func parseKeepaliveTimeout(c *conf.Cursor, args []string) (v KeepaliveTimeout, err error) {
	if v.Idle, err = conf.Msec(c, args[:1]); err != nil || len(args) == 1 {
		return v, err
	}
	v.Header, err = conf.Sec(c, args[1:])
	return v, err
}
