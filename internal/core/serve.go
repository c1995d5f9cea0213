package core

import (
	"io"

	"hearth/internal/http1"
	"hearth/internal/logs"
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
	r.refuse(a, message)
	r.body.discarded = true
	r.Down.NoKeepAlive()
	r.end(r.run(Verdict(status)))
}

// Abandon is Reject for a request whose head will not come in full: nobody waits for an answer, so it is only logged.
func Abandon(r *Request, a *Address, status int, message string) {
	r.begin(a)
	defer r.leave()
	r.refuse(a, message)
	r.noteStatus(status)
	r.end(Close)
}

// refuse fills in what is known of a request that was not read, and logs why. As documented, the server whose turn it is
// then handles it: the default one until the request has named another.
func (r *Request) refuse(a *Address, message string) {
	if r.Head.Method != nil && r.takeLine() == nil && r.Head.Host.Name != nil {
		r.takeHost(a)
	}
	if message != "" {
		r.Error(logs.Info, "%s", message)
	}
}

// begin ties the request to the generation that will serve it.
func (r *Request) begin(a *Address) {
	r.Addr, r.Gen = a, a.gen
	r.Gen.Enter(r.Loop.ID())
	r.sizeSlots()
	r.useServer(a.Default)
	if t := r.Client.TLS; t != nil && !a.single {
		r.useServer(a.FindName(t.Name))
	}
	r.at = PostRead
}

func (r *Request) useServer(s *Server) {
	r.Server, r.Location, r.ServerName = s, s.Location, s.name
}

// takeHead fills in what follows from the head: URI, host, server. The result is Moved (to the first phase) or the
// status to refuse the request with.
func (r *Request) takeHead(a *Address) Verdict {
	h := r.Head
	if err := r.takeLine(); err != nil {
		r.Error(logs.Info, "%s", err)
		r.Down.NoKeepAlive()
		return 400
	}
	if r.takeHost(a) {
		r.Error(logs.Info, "client attempted to request the server name different from the one that was negotiated"+readingHeaders)
		return 421
	}
	if h.Dropped > 0 {
		what := "header line"
		if h.Major >= 2 {
			what = "header" // HTTP/2 has none
		}
		r.Error(logs.Info, "client sent invalid %s: \"%s\""+readingHeaders, what, h.FirstDropped)
	}
	switch h.MethodID {
	case http1.MethodTrace:
		r.Error(logs.Info, "client sent TRACE method"+readingHeaders)
		return 405
	case http1.MethodConnect:
		r.Error(logs.Info, "client sent CONNECT method"+readingHeaders)
		return 405
	}
	return r.admitTLS()
}

// takeLine fills in what follows from the request line.
func (r *Request) takeLine() error {
	h := r.Head
	r.Method, r.Unparsed, r.Args = h.Method, h.Target, h.Args
	r.ValidUnparsed = true
	if !h.Complex {
		r.URI = h.Path
		return nil
	}
	uri, _, err := http1.NormalizePath(r.Alloc(len(h.Path) + 1)[:0], h.Path, r.Server.Conf.MergeSlashes)
	if err != nil {
		r.URI, r.Unparsed = h.Path[:0], nil // a path that is none is not shown
		return err
	}
	r.URI = uri
	return nil
}

// takeHost chooses the server. True: the request is misdirected.
func (r *Request) takeHost(a *Address) bool {
	host := &r.Head.Host
	r.Host = host.Name
	if host.Upper {
		r.Host = host.Lower(r.Alloc(len(r.Host))[:0])
	}
	r.useServer(a.Find(r, r.Host))
	return r.Client.TLS != nil && r.takeTLS(a)
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
