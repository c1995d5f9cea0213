package core

import (
	"errors"

	"hearth/internal/logs"
	"hearth/internal/loop"
)

// Next is the rest of the filter chain, from a body filter's point of view.
type Next struct {
	r *Request
	i int // index of the next filter
}

// Send hands a chunk to the next filter, and in the end to the client. It does not wait.
func (n Next) Send(c Chunk) error {
	r := n.r
	if n.i == r.merged && r.Main != r {
		if r.capture != nil {
			return r.capture.take(c)
		}
		r = r.Main
		if c.Last = false; c.Size() == 0 && !c.Flush || r.Out.HeaderOnly {
			return nil
		}
		if !r.HeadSent {
			return errNoHead
		}
		n = Next{r, r.merged} // a subrequest's output joins that of the main request here
	}
	if n.i < len(r.bodies) {
		return r.bodies[n.i](r, c, Next{r, n.i + 1})
	}
	return r.emit(c)
}

var (
	errHeadSent = errors.New("header already sent")
	errNoHead   = errors.New("body sent before its head")
	errTooBig   = errors.New("too big subrequest response")
)

// SendHead runs the header filters and hands the head to the client's side. It is called once. In a subrequest the
// filters run and nothing is sent.
func (r *Request) SendHead() error {
	if r.HeadSent {
		r.Error(logs.Alert, "header already sent")
		return errHeadSent
	}
	if r.ErrStatus != 0 {
		r.Out.Status, r.Out.Reason = r.ErrStatus, nil
	}
	r.HeadSent = true
	l := r.Location
	r.Out.HeaderOnly = r.IsHead() || bodiless(r.Out.Status)
	for _, filter := range l.headers {
		err := filter(r)
		if err == ErrInstead {
			r.HeadSent = false
			return err
		}
		if err != nil {
			return r.broken(err)
		}
	}
	r.Out.HeaderOnly = r.Out.HeaderOnly || bodiless(r.Out.Status)
	r.chooseBodies(l)
	if !r.IsMain() {
		return nil
	}
	if out := &r.Out; out.Status == 204 && !out.Tested { // a backend's may tell of what it has
		out.ContentType, out.ContentLength, out.LastModified = nil, -1, -1
	} else if out.ExpectTrailers {
		out.ContentLength = -1
	}
	if whole := r.absolute(r.Out.Location); len(whole) > len(r.Out.Location) {
		r.Out.Location, r.Out.LocationMade = whole, true
	}
	r.startPacing()
	if err := r.Down.SendHead(r); err != nil {
		return r.broken(err)
	}
	return nil
}

// bodyStep is a body filter of a location, compiled.
type bodyStep struct {
	run    func(*Request, Chunk, Next) error
	active func(*Request) bool
}

// chooseBodies puts together the body filters that this response goes through.
func (r *Request) chooseBodies(l *Location) {
	r.bodies, r.merged = r.bodies[:0], 0
	for i, step := range l.bodies {
		if step.active == nil || step.active(r) {
			r.bodies = append(r.bodies, step.run)
			if i < l.merged {
				r.merged++
			}
		}
	}
}

// bodiless are the statuses whose answers never have a body (RFC 9112, section 6.3).
func bodiless(status int) bool { return status == 204 || status == 304 || status < 200 }

// Send puts a chunk through the body filters and hands what comes out to the client's side. It does not wait: what the
// socket does not take is kept as pending output. Callers wait while Down.Congested, as Write does.
func (r *Request) Send(c Chunk) error {
	if !r.HeadSent {
		return errNoHead
	}
	if r.Out.HeaderOnly && r.capture == nil {
		if !c.Last && !c.Flush {
			return nil
		}
		c = Chunk{Flush: c.Flush, Last: c.Last}
		if r.IsMain() {
			return r.emit(c)
		}
		return nil
	}
	if err := (Next{r, 0}).Send(c); err != nil {
		return r.broken(err)
	}
	if c.Last && !r.IsMain() {
		r.Finished = true
	}
	return nil
}

// emit is the end of the main request's filter chain.
func (r *Request) emit(c Chunk) error {
	if c.Last {
		r.Finished = true
	}
	return r.Down.Send(c)
}

// Write sends p, which is the caller's own again when Write returns, and waits while the client is slow.
func (r *Request) Write(p []byte) error {
	if err := r.Send(Chunk{Mem: p}); err != nil {
		return err
	}
	return r.WaitSent()
}

// WaitSent waits until the client's side takes more.
func (r *Request) WaitSent() error {
	if r.capture != nil || !r.Down.Congested() {
		return nil
	}
	if err := r.Down.WaitFlush(); err != nil {
		return r.broken(err)
	}
	return nil
}

// Finish sends the end of the response, and waits until the client has been given all of it.
func (r *Request) Finish() error {
	if err := r.Send(Chunk{Last: true}); err != nil {
		return err
	}
	if !r.IsMain() {
		return nil
	}
	if err := r.Down.WaitFlush(); err != nil {
		return r.broken(err)
	}
	return nil
}

// broken notes that the response cannot be completed. The log says what kept it from it.
func (r *Request) broken(err error) error {
	if r.Main.Aborted || r.Aborted {
		return err
	}
	r.abort()
	switch {
	case err == errTooBig:
		r.Error(logs.Error, "too big subrequest response: more than %d bytes", r.capture.limit)
	case errors.Is(err, loop.ErrTimeout):
		r.ErrorErr(logs.Info, err, "client timed out")
		r.Main.noteStatus(408)
	default:
		r.Main.noteStatus(499)
	}
	return err
}

// abort gives the response up. A captured subrequest's failure is its caller's affair; any other ends the client's
// response too.
func (r *Request) abort() {
	r.Aborted = true
	if r.capture == nil {
		r.Main.Aborted = true
	}
}

// noteStatus is the status for the log when none has been sent.
func (r *Request) noteStatus(status int) {
	if r.LogStatus == 0 {
		r.LogStatus = status
	}
}

// Reply sends a complete response from memory. An empty contentType means none. body must live as long as the request
// or be literal. It is what a content handler ends with: return r.Reply(200, "text/plain", body).
func (r *Request) Reply(status int, contentType, body []byte) Verdict {
	r.DiscardBody()
	r.Out.Status, r.Out.ContentType = status, contentType
	return r.sendWhole(body)
}
