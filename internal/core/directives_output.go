package core

import (
	"time"

	"hearth/internal/conf"
)

// Version is hearth's own.
const Version = "0.1.0"

// build is set by the linker: a tag, or the name of a commit.
var build = ""

// VersionAndBuild has the build behind the version, as nginx has it, if that is no release: "0.1.0 (1a2b3c4)".
func VersionAndBuild() string {
	if build == "" || build == "v"+Version {
		return Version
	}
	return Version + " (" + build + ")"
}

// Rows about sending responses.
var outputDirectives = []conf.Directive{
	conf.Field(Settings, conf.Directive{Name: "send_timeout", In: conf.ToLocation, Default: "60s",
		Doc: "Time limit between two writes to the client."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.SendTimeout }),
	conf.Field(Settings, conf.Directive{Name: "postpone_output", In: conf.ToLocation, Default: "1460",
		Doc: "Hold output back until there are so many bytes of it."},
		conf.Size, func(c *LocationConf) *int64 { return &c.PostponeOutput }),
	conf.Field(Settings, conf.Directive{Name: "tcp_nodelay", In: conf.ToLocation, Default: "on",
		Doc: "Send without delay (TCP_NODELAY); that of an address's default server holds for its connections."},
		conf.Flag, func(c *LocationConf) *bool { return &c.TCPNoDelay }),
	conf.Field(Settings, conf.Directive{Name: "chunked_transfer_encoding", In: conf.ToLocation, Default: "on",
		Doc: "Send responses of unknown length to HTTP/1.1 clients in chunks."},
		conf.Flag, func(c *LocationConf) *bool { return &c.ChunkedTransfer }),
	conf.Field(Settings, conf.Directive{Name: "max_ranges", In: conf.ToLocation, Default: "2147483647",
		Doc: "Most ranges served to one request; 0 turns ranges off."},
		conf.Num, func(c *LocationConf) *int { return &c.MaxRanges }),
	conf.Field(Settings, conf.Directive{Name: "limit_rate", In: conf.ToLocation | conf.IfLocation, Default: "0",
		Doc: "Bytes per second sent to a client; 0 is no limit."},
		ParseRate, func(c *LocationConf) **Value { return &c.LimitRate }),
	conf.Field(Settings, conf.Directive{Name: "limit_rate_after", In: conf.ToLocation | conf.IfLocation, Default: "0",
		Doc: "Bytes after which limit_rate begins."},
		ParseRate, func(c *LocationConf) **Value { return &c.LimitRateAfter }),
	conf.Field(Settings, conf.Directive{Name: "if_modified_since", In: conf.ToLocation, Default: "exact",
		Doc: "How If-Modified-Since is compared."},
		conf.Enum(map[string]ModifiedSince{"off": ModifiedOff, "exact": ModifiedExact, "before": ModifiedBefore}),
		func(c *LocationConf) *ModifiedSince { return &c.IfModifiedSince }),
	conf.Field(Settings, conf.Directive{Name: "etag", In: conf.ToLocation, Default: "on",
		Doc: "Make ETag fields for static files."},
		conf.Flag, func(c *LocationConf) *bool { return &c.ETag }),
	conf.Field(Settings, conf.Directive{Name: "server_tokens", In: conf.ToLocation, Default: "on",
		Doc: "What the Server field and built-in pages tell of the server."},
		parseServerTokens, func(c *LocationConf) **Value { return &c.ServerTokens }),
	conf.Field(Settings, conf.Directive{Name: "absolute_redirect", In: conf.ToLocation, Default: "on",
		Doc: "Make redirects of hearth's own absolute."},
		conf.Flag, func(c *LocationConf) *bool { return &c.AbsoluteRedirect }),
	conf.Field(Settings, conf.Directive{Name: "port_in_redirect", In: conf.ToLocation, Default: "on",
		Doc: "Name the port in absolute redirects."},
		conf.Flag, func(c *LocationConf) *bool { return &c.PortInRedirect }),
	conf.Field(Settings, conf.Directive{Name: "server_name_in_redirect", In: conf.ToLocation, Default: "off",
		Doc: "Use the first server_name in absolute redirects."},
		conf.Flag, func(c *LocationConf) *bool { return &c.ServerNameInRedirect }),
	conf.Field(Settings, conf.Directive{Name: "msie_padding", In: conf.ToLocation, Default: "on",
		Doc: "Pad built-in error pages for old browsers."},
		conf.Flag, func(c *LocationConf) *bool { return &c.MSIEPadding }),
	conf.Field(Settings, conf.Directive{Name: "msie_refresh", In: conf.ToLocation, Default: "off",
		Doc: "Redirect old MSIE by a page."},
		conf.Flag, func(c *LocationConf) *bool { return &c.MSIERefresh }),
	conf.ListAll(Settings, conf.Directive{Name: "early_hints", In: conf.ToLocation, Args: conf.OneMore,
		Doc: "When to pass 103 (Early Hints) responses on to the client."},
		parseValues, func(c *LocationConf) *[]*Value { return &c.EarlyHints }),
	conf.Field(Settings, conf.Directive{Name: "subrequest_output_buffer_size", In: conf.ToLocation, Default: "4k",
		Doc: "Memory for the response of a subrequest."},
		conf.Size, func(c *LocationConf) *int64 { return &c.SubrequestOutputBufferSize }),
}

// ParseRate parses bytes per second: a size, or a value with variables that gives one.
func ParseRate(c *conf.Cursor, args []string) (*Value, error) {
	v, err := CompileValue(c, args[0])
	if err != nil {
		return nil, err
	}
	if s, ok := v.Literal(); ok {
		if _, err := conf.Size(c, []string{s}); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func parseValues(c *conf.Cursor, args []string) (values []*Value, err error) {
	for _, arg := range args {
		v, err := CompileValue(c, arg)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// parseServerTokens takes on, off, build, or the text itself.
func parseServerTokens(c *conf.Cursor, args []string) (*Value, error) {
	switch args[0] {
	case "on":
		return CompileValue(c, "hearth/"+Version)
	case "build":
		return CompileValue(c, "hearth/"+VersionAndBuild())
	case "off":
		return CompileValue(c, "hearth")
	}
	return CompileValue(c, args[0])
}
