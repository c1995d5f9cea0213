// Package static answers requests with files (nginx's ngx_http_static_module): root and alias say where they are.
// What a file is called, and the opening of it, are core's; ranges and conditions are filters of their own.
package static

import (
	"errors"
	"io"
	"os"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// Module serves files. It is the last of the content handlers.
var Module = core.Module{
	Name:       "ngx_http_static_module",
	Directives: append(symlinkRules, openCacheRules...),
	Phases:     []core.Phase{{At: core.Content, Run: serve}},
}

func serve(r *core.Request) core.Verdict {
	method := string(r.Method)
	if method != "GET" && method != "HEAD" && method != "POST" {
		return 405
	}
	if len(r.URI) > 0 && r.URI[len(r.URI)-1] == '/' {
		return core.Declined
	}
	if r.AliasMisplaced() {
		return 500
	}
	path := r.Filename()
	f, info, err := r.OpenFile(path)
	if err != nil {
		return refuse(r, path, err)
	}
	switch {
	case info.Dir:
		return redirect(r)
	case !f.IsOpen():
		r.Error(logs.Crit, "\"%s\" is not a regular file", path)
		return 404
	}
	if method == "POST" {
		return 405
	}
	return send(r, f, info, path)
}

// refuse is the answer for a file that could not be opened.
func refuse(r *core.Request, path []byte, err error) core.Verdict {
	var e *core.FileError
	if !errors.As(err, &e) {
		return 500
	}
	level, status := logs.Error, core.Verdict(500)
	switch {
	case e.Missing():
		status = 404
	case e.Linked(), os.IsPermission(e.Errno):
		status = 403
	default:
		level = logs.Crit
	}
	if status != 404 || r.Location.Conf.LogNotFound {
		r.ErrorErr(level, e.Errno, "%s \"%s\" failed", e.Op, path)
	}
	return status
}

// redirect sends the client to the directory's own path, which ends in a slash.
func redirect(r *core.Request) core.Verdict {
	to := r.Alloc(3*len(r.URI) + len("/?") + len(r.Args))[:0]
	to = append(text.AppendEscapeURI(to, r.URI), '/')
	if len(r.Args) > 0 {
		to = append(append(to, '?'), r.Args...)
	}
	r.Out.Location = to
	return 301
}

func send(r *core.Request, f conn.File, info core.FileInfo, path []byte) core.Verdict {
	if err := r.DiscardBody(); err != nil {
		return core.BodyVerdict(err)
	}
	o := &r.Out
	o.Status = 200
	o.ContentLength = info.Size
	if r.ErrStatus == 0 || r.ErrStatus == 200 { // an error page has no date
		o.LastModified = info.ModTime
	}
	o.ContentType = r.ContentTypeOf(r.URI)
	o.AcceptRanges = true
	if r.Location.Conf.ETag {
		o.ETag = tag(r, info)
	}
	r.Action = "sending response to client"
	if r.SendHead() != nil {
		return core.Done
	}
	c := core.Chunk{Last: true}
	if info.Size > 0 {
		c.File, c.Len = f, info.Size
	}
	err := r.Send(c)
	if err == nil {
		err = r.WaitSent()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		r.Error(logs.Alert, "sendfile() reported that \"%s\" was truncated", path)
	}
	return core.Done
}

// tag is a strong entity tag of the time and the size: nginx's, so that caches stay valid when hearth takes over.
func tag(r *core.Request, info core.FileInfo) []byte {
	dst := append(r.Alloc(len(`"-"`) + 32)[:0], '"')
	dst = append(text.AppendHex(dst, uint64(info.ModTime)), '-')
	return append(text.AppendHex(dst, uint64(info.Size)), '"')
}
