package core

import (
	"errors"
	"fmt"
	"syscall"

	"hearth/internal/conf"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/text"
)

// Error writes a line to the error log in force, with nginx's context after the message. Nothing is formatted when
// the level is off.
func (r *Request) Error(level logs.Level, format string, args ...any) {
	r.errorLine(level, nil, format, args)
}

// ErrorErr is Error for a system error, which nginx writes as " (111: Connection refused)" after the message.
func (r *Request) ErrorErr(level logs.Level, err error, format string, args ...any) {
	r.errorLine(level, err, format, args)
}

// Logs reports whether anything is logged at a level.
func (r *Request) Logs(level logs.Level) bool {
	log := r.Location.errorLog
	return log != nil && log.Enabled(level)
}

func (r *Request) errorLine(level logs.Level, err error, format string, args []any) {
	if !r.Logs(level) {
		return
	}
	log := r.Location.errorLog
	line := fmt.Appendf(r.Main.errLine[:0], format, args...)
	if err != nil {
		line = appendCause(line, err)
	}
	line = r.appendContext(line)
	r.Main.errLine = line
	log.LogBytes(logs.Origin{Now: r.Loop.Wall(), Loop: r.Loop.ID(), Conn: r.Client.Number}, level, line)
}

// appendCause appends the error number and its text, or the error's own text.
func appendCause(dst []byte, err error) []byte {
	var errno syscall.Errno
	if errors.Is(err, loop.ErrTimeout) {
		errno = syscall.ETIMEDOUT
	} else if !errors.As(err, &errno) {
		return fmt.Appendf(dst, " (%s)", err)
	}
	dst = logs.AppendErrno(append(dst, " ("...), errno)
	return append(dst, ')')
}

// appendContext appends what the request is: `, client: 127.0.0.1, server: example.com, request: "GET / HTTP/1.1", ...`.
func (r *Request) appendContext(dst []byte) []byte {
	if r.Action != "" {
		dst = append(append(dst, " while "...), r.Action...)
	}
	dst = appendIP(append(dst, ", client: "...), r.Client.Remote)
	dst = append(append(dst, ", server: "...), r.Server.name...)
	if r.Head == nil || len(r.Head.Line) == 0 {
		return dst
	}
	dst = appendQuoted(dst, "request", r.Head.Line)
	if !r.IsMain() {
		dst = appendQuoted(dst, "subrequest", r.URI)
	}
	if r.UpstreamContext != nil {
		dst = r.UpstreamContext(r, dst)
	}
	if r.Host == nil && len(r.URI) == 0 { // nginx refuses a request for its line before it has read the fields
		return dst
	}
	if host, ok := r.In("Host"); ok {
		dst = appendQuoted(dst, "host", host)
	}
	if referer, ok := r.In("Referer"); ok {
		dst = appendQuoted(dst, "referrer", referer)
	}
	return dst
}

func appendQuoted(dst []byte, what string, value []byte) []byte {
	dst = append(append(append(dst, ", "...), what...), ": \""...)
	return append(append(dst, value...), '"')
}

// ParseErrorLog parses the arguments of error_log. The server's own error_log is read by it too.
func ParseErrorLog(c *conf.Cursor, args []string) (logs.Sink, error) {
	target, err := logs.ParseErrorTarget(args[0], text.ParseSize)
	if err != nil {
		return logs.Sink{}, c.Errorf("%s", err)
	}
	if target.Kind == logs.ToFile {
		target.Path = c.FullPath(target.Path, false)
	}
	sink := logs.Sink{Target: target, Level: logs.Error}
	if len(args) == 1 {
		return sink, nil
	}
	if sink.Level, err = logs.ParseLevels(args[1:]); err != nil {
		return sink, c.Errorf("%s", err)
	}
	return sink, nil
}
