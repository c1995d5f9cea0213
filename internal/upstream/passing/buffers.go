package passing

import (
	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/upstream"
)

// BufferRows are the directives of modules that can hold a response or a request body for a slow side: all but grpc_*.
func (t Table[C]) BufferRows() []conf.Directive {
	return []conf.Directive{
		t.flag("buffering", "on", "Reads a response as fast as the server sends it, keeping what the client does not take yet.",
			func(s *upstream.Settings) *bool { return &s.Buffering }),
		t.flag("request_buffering", "on", "Reads the whole request body before a server is asked.",
			func(s *upstream.Settings) *bool { return &s.RequestBuffering }),
		t.buffers(),
		t.optional("busy_buffers_size", "Checked; hearth sends what there is.", func(l *Location) *optional { return &l.busy }),
		t.size("max_temp_file_size", "1024m", "How much of a response may go to a temporary file; 0 is nothing.",
			func(s *upstream.Settings) *int64 { return &s.MaxTempFile }),
		t.optional("temp_file_write_size", "Checked; hearth writes what one read brought.", func(l *Location) *optional { return &l.write }),
		t.tempPath(),
		conf.Field(t.Slot, t.row("limit_rate", "0", "Bytes per second to read from a server; 0 is no limit."),
			core.ParseRate, set(t, func(s *upstream.Settings) **core.Value { return &s.LimitRate })),

		t.flag("ignore_client_abort", "off", "Lets a server finish although the client has gone.", func(s *upstream.Settings) *bool { return &s.IgnoreClientAbort }),
		t.flag("pass_request_headers", "on", "Passes the client's header fields on.", func(s *upstream.Settings) *bool { return &s.PassRequestHeaders }),
		t.flag("pass_request_body", "on", "Passes the client's body on.", func(s *upstream.Settings) *bool { return &s.PassRequestBody }),
		t.flag("force_ranges", "off", "Cuts byte ranges whatever the server says of them.", func(s *upstream.Settings) *bool { return &s.ForceRanges }),
		t.sendLowat(),
	}
}

func (t Table[C]) buffers() conf.Directive {
	row := t.row("buffers", "8 4k", "Memory for a response that the client takes slowly.")
	row.Args = conf.Take2
	return conf.Field(t.Slot, row, conf.Buffers, func(c *C) *conf.Bufs { return &t.At(c).buffers })
}

func (t Table[C]) tempPath() conf.Directive {
	row := t.row("temp_path", t.Prefix+"_temp", "Where temporary files of responses are kept.")
	row.Args = conf.Take1234
	return conf.Field(t.Slot, row, core.ParseTempPath, set(t, func(s *upstream.Settings) *core.TempPath { return &s.TempFilePath }))
}

// sendLowat means nothing on Linux (its documentation says so).
func (t Table[C]) sendLowat() conf.Directive {
	row := t.row("send_lowat", "0", "Ignored on Linux, as by nginx.")
	row.NoEffect = true
	parse := func(c *conf.Cursor, args []string) (int64, error) {
		n, err := conf.Size(c, args)
		if err == nil && n > 0 {
			c.Warnf("\"%s_send_lowat\" is not supported, ignored", t.Prefix)
		}
		return 0, err
	}
	return conf.Field(t.Slot, row, parse, func(c *C) *int64 { return &t.At(c).lowat })
}

// optional is a size whose default follows from others.
type optional struct {
	set  bool
	size int64
}

func (t Table[C]) optional(name, doc string, field func(*Location) *optional) conf.Directive {
	row := t.row(name, "", doc)
	row.NoEffect = true
	return conf.Field(t.Slot, row, parseOptional, func(c *C) *optional { return field(t.At(c)) })
}

func parseOptional(c *conf.Cursor, args []string) (optional, error) {
	n, err := conf.Size(c, args)
	return optional{true, n}, err
}

func (o optional) or(size int64) int64 {
	if o.set {
		return o.size
	}
	return size
}

// CheckBuffers are the rules that nginx has for the sizes, and the defaults of those not given: two buffers. prefix is
// that of the directives.
func (l *Location) CheckBuffers(c *conf.Cursor, prefix string) error {
	const atLeast = " must be equal to or greater than the maximum of the value of \"%[1]s_buffer_size\" and one of the \"%[1]s_buffers\""
	largest := max(l.HeadSize, l.buffers.Size)
	busy, write := l.busy.or(2*largest), l.write.or(2*largest)
	switch {
	case l.buffers.Num < 2:
		return c.Errorf("there must be at least 2 \"%s_buffers\"", prefix)
	case busy < largest:
		return c.Errorf("\"%[1]s_busy_buffers_size\""+atLeast, prefix)
	case busy > int64(l.buffers.Num-1)*l.buffers.Size:
		return c.Errorf("\"%[1]s_busy_buffers_size\" must be less than the size of all \"%[1]s_buffers\" minus one buffer", prefix)
	case write < largest:
		return c.Errorf("\"%[1]s_temp_file_write_size\""+atLeast, prefix)
	case l.MaxTempFile != 0 && l.MaxTempFile < largest:
		return c.Errorf("\"%[1]s_max_temp_file_size\" must be equal to zero to disable temporary files usage or"+atLeast, prefix)
	}
	return nil
}
