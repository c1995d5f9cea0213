package core

import (
	"io"

	"hearth/internal/http1"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// Serve takes a request that a frontend has read the head of through its whole life: server selection, phases,
// response, log. The frontend has set Loop, Client, Down, Head, Started and StartedWall. When it returns, everything
// has been sent or given up on (r.Aborted: close without completing it), and r can be released. In r's fiber.
func Serve(r *Request, a *Address) {
	r.begin(a)
	defer r.leave()
	r.end(r.run(r.takeHead(a)))
}

// Reject answers a request that a frontend could not read: 400, 408, 414, 494, 505 ... Its head may be incomplete.
// message, if any, is what to write to the error log (level info). The frontend closes the connection afterwards.
func Reject(r *Request, a *Address, status int, message string) {
	r.begin(a)
	defer r.leave()
	h := r.Head
	r.Method, r.Unparsed, r.URI, r.Args = h.Method, h.Target, h.Path, h.Args
	if message != "" {
		r.Error(logs.Info, "%s", message)
	}
	r.body.discarded = true
	r.Down.NoKeepAlive()
	r.end(r.run(Verdict(status)))
}

// begin ties the request to the generation that will serve it.
func (r *Request) begin(a *Address) {
	r.Addr, r.Gen = a, a.gen
	r.Gen.Enter(r.Loop.ID())
	r.sizeSlots()
	r.useServer(a.Default)
	r.at = PostRead
}

func (r *Request) useServer(s *Server) {
	r.Server, r.Location, r.ServerName = s, s.Location, s.name
}

// takeHead fills in what follows from the head: URI, host, server. The result is Moved (to the first phase) or the
// status to refuse the request with.
func (r *Request) takeHead(a *Address) Verdict {
	h := r.Head
	r.Method, r.Unparsed, r.Args = h.Method, h.Target, h.Args
	r.ValidUnparsed = true
	r.URI = h.Path
	if h.Complex {
		uri, _, err := http1.NormalizePath(r.Alloc(len(h.Path) + 1)[:0], h.Path, a.Default.Conf.MergeSlashes)
		if err != nil {
			r.Error(logs.Info, "%s", err)
			r.URI, r.Unparsed = r.URI[:0], r.Unparsed[:0]
			r.Down.NoKeepAlive()
			return 400
		}
		r.URI = uri
	}
	r.Host = h.Host.Name
	if h.Host.Upper {
		r.Host = text.AppendLower(r.Alloc(len(r.Host))[:0], r.Host)
	}
	r.useServer(a.Find(r, r.Host))
	if r.Client.TLS != nil && r.takeTLS(a) {
		return 421
	}
	switch h.MethodID {
	case http1.MethodTrace:
		r.Error(logs.Info, "client sent TRACE method")
		return 405
	case http1.MethodConnect:
		r.Error(logs.Info, "client sent CONNECT method")
		return 405
	}
	return r.admitTLS()
}

// end finishes the request: subrequests still running, the access log.
func (r *Request) end(v Verdict) {
	if v == Close {
		r.Aborted = true
	}
	r.waitBackground()
	r.log()
}

// CloseAtEnd has c closed when the request has ended and its output is gone: a file that chunks of the output refer to.
func (r *Request) CloseAtEnd(c io.Closer) { r.Main.closers = append(r.Main.closers, c) }

// leave gives up what the request holds, after a panic of a handler too, when background subrequests may still be using it.
func (r *Request) leave() {
	r.waitBackground()
	r.body.end(r)
	r.closeFiles()
	for _, c := range r.closers {
		c.Close()
	}
	r.closers = nil
	r.Gen.Leave(r.Loop.ID())
}

// log runs the Log phase. All its handlers run, whatever they say.
func (r *Request) log() {
	for _, h := range r.Location.handlers[Log] {
		h(r)
	}
}

// Status is $status: what was sent, or what would have been.
func (r *Request) Status() int {
	switch {
	case r.LogStatus != 0 && !r.HeadSent:
		return r.LogStatus
	case r.ErrStatus != 0:
		return r.ErrStatus
	}
	return r.Out.Status
}
