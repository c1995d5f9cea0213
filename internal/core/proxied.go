package core

// What the upstream engine asks of a request, beside what every handler does.

// HasErrorPage says whether an answer of that status would be replaced by a configured error page
// (proxy_intercept_errors).
func (r *Request) HasErrorPage(status int) bool {
	c := r.Location.Conf
	if r.errorPage || r.Redirects == 0 {
		return false
	}
	for i := range c.ErrorPages {
		if c.ErrorPages[i].Status == status {
			return true
		}
	}
	return false
}

// RawOutput says whether body bytes go to the client as they are: no filter looks at them, and nothing captures them.
// It is meaningful once the head has been sent.
func (r *Request) RawOutput() bool {
	return r.IsMain() && r.capture == nil && len(r.bodies) == 0 && !r.Out.HeaderOnly && r.limitRate == 0
}

// BodyUnread says that nothing of the request body has been read yet, so that it can be streamed.
func (r *Request) BodyUnread() bool {
	b := &r.Main.body
	return !b.stored && b.size == 0 && b.err == nil
}

// PassEarlyHints evaluates early_hints: a value that is neither empty nor "0" passes 103 answers on.
func (r *Request) PassEarlyHints() bool {
	for _, v := range r.Location.Conf.EarlyHints {
		if s := v.Eval(r); len(s) > 0 && string(s) != "0" {
			return true
		}
	}
	return false
}

// AppendRemoteAddr appends $remote_addr.
func (r *Request) AppendRemoteAddr(dst []byte) []byte { return appendIP(dst, r.Client.Remote) }
