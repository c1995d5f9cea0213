package core

import "errors"

// ErrInstead is what SendHead returns when a header filter has asked for another answer in place of the response: the
// handler gives up the body, and what it returns does not matter.
var ErrInstead = errors.New("another answer is sent instead")

// Instead is for a header filter, which returns what it returns: the response is not sent, and the request is answered
// with the status, to which error_page and the built-in pages apply (416, 412).
func (r *Request) Instead(status int) error {
	r.instead = status
	r.Out.ClearEntity()
	return ErrInstead
}

// takeInstead is the verdict v of a handler, or the status a filter has asked for meanwhile.
func (r *Request) takeInstead(v Verdict) Verdict {
	if r.instead != 0 {
		v, r.instead = Verdict(r.instead), 0
	}
	return v
}
