package core

import (
	"hearth/internal/logs"
)

// SubOptions say how a subrequest is run.
type SubOptions struct {
	// Capture keeps the response's body in memory instead of sending it, up to Limit bytes
	// (0 = subrequest_output_buffer_size).
	Capture bool
	Limit   int64
	// Head asks with the method HEAD.
	Head bool
	// Background runs the subrequest in a fiber of its own; the client's request does not wait for it before it
	// answers, only before it ends.
	Background bool
	// CloneMethod keeps the parent's method and body (mirror); otherwise it is a GET.
	CloneMethod bool
	// Prepare, if set, is called before the subrequest starts, to set headers or states.
	Prepare func(sr *Request)
}

// captureBuffer collects a subrequest's response.
type captureBuffer struct {
	body  []byte
	limit int64
	drop  bool // keep nothing: a background subrequest's output goes nowhere
}

func (b *captureBuffer) take(c Chunk) error {
	if b.drop {
		return nil
	}
	if int64(len(b.body))+c.Size() > b.limit {
		return errTooBig
	}
	if c.File.IsOpen() {
		from := len(b.body)
		b.body = append(b.body, make([]byte, c.Len)...)
		if _, err := c.File.ReadAt(b.body[from:], c.Off); err != nil {
			return err
		}
		return nil
	}
	b.body = append(b.body, c.Mem...)
	return nil
}

// Subresult is what is left of a subrequest. Release must be called when it is no longer needed.
type Subresult struct {
	*Request // its Out, states and variables
}

// Body is the captured body.
func (s Subresult) Body() []byte {
	if s.capture == nil {
		return nil
	}
	return s.capture.body
}

// Subrequest makes a request of hearth to itself, in the same fiber: it has been answered when this returns. Unless
// captured, its body goes to the client at this point of the response. ok is false when it was refused (a cycle).
func (r *Request) Subrequest(uri, args []byte, o SubOptions) (res Subresult, ok bool) {
	m := r.Main
	if m.subrequests--; m.subrequests <= 0 {
		r.Error(logs.Error, "subrequests cycle while processing \"%s\"", uri)
		return Subresult{}, false
	}
	sr := r.child(uri, args, o)
	if o.Prepare != nil {
		o.Prepare(sr)
	}
	if o.Background {
		m.background++
		r.Loop.Start((*backgroundTask)(sr))
		return Subresult{}, true
	}
	sr.runSub()
	return Subresult{sr}, true
}

// Release gives the subrequest's object back.
func (s Subresult) Release() {
	if s.Request != nil {
		releaseSub(s.Request)
	}
}

func releaseSub(sr *Request) {
	sr.body = requestBody{}
	Release(sr)
}

func (r *Request) child(uri, args []byte, o SubOptions) *Request {
	sr := Acquire(r.Loop)
	sr.Gen, sr.Addr, sr.Down, sr.Client = r.Gen, r.Addr, r.Down, r.Client
	sr.Server, sr.Location = r.Server, r.Server.Location
	sr.Head, sr.Method, sr.Unparsed, sr.Host, sr.ServerName = r.Head, methodGet, r.Unparsed, r.Host, r.ServerName
	sr.Started, sr.StartedWall = r.Loop.Now(), r.Loop.Wall()
	sr.Main, sr.Parent = r.Main, r
	sr.URI, sr.Args = uri, args
	sr.slots = r.slots
	sr.Internal = true
	sr.at = ServerRewrite
	sr.Redirects = maxRedirects + 1
	if o.Head {
		sr.Method = methodHead
	} else if o.CloneMethod {
		sr.Method = r.Method
	}
	if o.Capture {
		limit := o.Limit
		if limit == 0 {
			limit = r.Location.Conf.SubrequestOutputBufferSize
		}
		sr.capture = &captureBuffer{limit: limit}
	}
	return sr
}

var methodHead = []byte("HEAD")

// runSub runs a subrequest to its end, its access log line included when log_subrequest is on.
func (r *Request) runSub() {
	r.run(Moved)
	if r.Location.Conf.LogSubrequest {
		r.log()
	}
}

// dropped is the capture of all background subrequests.
var dropped = &captureBuffer{drop: true}

// backgroundTask is a subrequest in a fiber of its own.
type backgroundTask Request

func (t *backgroundTask) RunFiber() {
	sr := (*Request)(t)
	m := sr.Main
	defer func() {
		if m.background--; m.background == 0 {
			m.backgroundEnd.Set(m.Loop)
		}
	}()
	if sr.capture == nil { // nothing of it may reach the client
		sr.capture = dropped
	}
	sr.runSub()
	releaseSub(sr) // not after a panic
}

// waitBackground waits for the background subrequests, which use the main request's memory.
func (r *Request) waitBackground() {
	for r.background > 0 {
		r.backgroundEnd.Clear()
		if r.Loop.Wait(0, &r.backgroundEnd) != nil {
			return
		}
	}
}
