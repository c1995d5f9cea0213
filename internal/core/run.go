package core

import (
	"bytes"

	"hearth/internal/logs"
)

// run takes the request through its phases until it has been answered or given up on. v is what to begin with: Moved
// for the phase the request stands at, or a status to answer with. The result is Done or Close.
func (r *Request) run(v Verdict) Verdict {
	for {
		if v == Moved {
			v = r.takeInstead(r.pass())
		}
		if v == OK || v == Declined {
			v = r.complete()
		}
		if v > 0 {
			v = r.takeInstead(r.answer(int(v)))
		}
		if v != Moved && v <= 0 {
			return v
		}
	}
}

// pass runs phases until one says something final: a status, Done, Moved, Close, or OK of the content.
func (r *Request) pass() Verdict {
	for ; r.at < Log; r.at++ {
		v := Declined
		switch r.at {
		case FindConfig:
			v = r.findConfig()
		case Rewrite:
			if r.Location != r.Server.Location { // nginx skips it where no location was found
				v = r.generic(Rewrite)
			}
		case PostRewrite:
			v = r.postRewrite()
		case Access:
			v = r.access()
		case PostAccess:
			v = r.postAccess()
		case Content:
			return r.content()
		default:
			v = r.generic(r.at)
		}
		if v != Declined && v != OK {
			return v
		}
	}
	return Done
}

// generic runs the handlers of a phase in turn until one does not decline. A handler may change r.Location (`if`);
// the rest of the array it was started with is still run, as in nginx.
func (r *Request) generic(at PhaseAt) Verdict {
	for _, h := range r.Location.handlers[at] {
		if v := h(r); v != Declined {
			return v
		}
	}
	return Declined
}

// findConfig selects the location and checks what concerns every request to it.
func (r *Request) findConfig() Verdict {
	r.Content, r.URIChanged = nil, false
	redirect := r.findLocation()
	l := r.Location
	if l.Conf.Internal && !r.Internal {
		return 404
	}
	r.enter(l)
	if length := r.Head.ContentLength; length >= 0 && r.IsMain() && !r.body.discarded {
		if limit := r.Location.Conf.ClientMaxBodySize; limit > 0 && length > limit {
			r.Error(logs.Error, "client intended to send too large body: %d bytes", length)
			r.DiscardBody()
			return 413
		}
	}
	if redirect {
		r.Out.Location = r.redirectToSlash()
		return 301
	}
	return OK
}

// redirectToSlash is the target of the redirect from /dir to a location /dir/ that has a proxy_pass or the like.
func (r *Request) redirectToSlash() []byte {
	if len(r.Args) == 0 {
		return r.Location.escaped
	}
	return r.Concat(r.Location.escaped, questionMark, r.Args)
}

var questionMark = []byte("?")

// enter makes l the configuration in force, or its limit_except block if the method is not among those excepted.
func (r *Request) enter(l *Location) {
	if l.limitExcept != nil && !l.limitExcept.excepts(r.Method) {
		l = l.limitExcept.location
	}
	r.Location = l
	if l.Content != nil {
		r.Content = l.Content
	}
}

// EnterPseudo makes an `if` block the configuration in force. Its content handler, if any, replaces the location's.
func (r *Request) EnterPseudo(l *Location) { r.enter(l) }

// postRewrite goes back to the selection of a location when the URI was changed.
func (r *Request) postRewrite() Verdict {
	if !r.URIChanged {
		return Declined
	}
	if r.Redirects--; r.Redirects == 0 {
		r.Error(logs.Error, "rewrite or internal redirection cycle while processing \"%s\"", r.URI)
		return 500
	}
	r.Location = r.Server.Location
	r.at = FindConfig - 1
	return OK
}

// access combines the verdicts of the Access handlers by `satisfy`. A subrequest is not checked.
func (r *Request) access() Verdict {
	if !r.IsMain() {
		return OK
	}
	any := r.Location.Conf.SatisfyAny
	for _, h := range r.Location.handlers[Access] {
		v := h(r)
		switch {
		case v == Declined:
		case v == OK && any:
			r.accessCode = 0
			r.Out.DelHeader("WWW-Authenticate")
			return OK
		case v == OK:
		case any && (v == 401 || v == 403):
			if r.accessCode != 401 {
				r.accessCode = int(v)
			}
		case v == 401:
			return r.delayUnauthorized()
		default:
			return v
		}
	}
	return OK
}

// delayUnauthorized makes every answer 401 take auth_delay, so that its time tells nothing.
func (r *Request) delayUnauthorized() Verdict {
	delay := r.Location.Conf.AuthDelay
	if delay == 0 {
		return 401
	}
	r.Error(logs.Info, "delaying unauthorized request")
	if r.Loop.Wait(r.Loop.Now().Add(delay), r.Down.Gone()) == nil {
		return StatusClientClosed
	}
	return 401
}

// postAccess carries out the refusal that `satisfy any` held back.
func (r *Request) postAccess() Verdict {
	code := r.accessCode
	if code == 0 {
		return OK
	}
	r.accessCode = 0
	if code == 401 {
		return r.delayUnauthorized()
	}
	r.Error(logs.Error, "access forbidden by rule")
	return Verdict(code)
}

// content runs the location's content handler, or the generic ones in turn.
func (r *Request) content() Verdict {
	if r.Content != nil {
		return r.Content(r)
	}
	if v := r.generic(Content); v != Declined {
		return v
	}
	if bytes.HasSuffix(r.URI, slash) {
		if !r.AliasMisplaced() {
			r.Error(logs.Error, "directory index of \"%s\" is forbidden", r.Path())
		}
		return 403
	}
	r.Error(logs.Error, "no handler found")
	return 404
}

// AliasMisplaced says, in the error log too, that no file can be named, since the location has an alias and Displaced
// holds. Handlers ask it before they use Filename, and answer with 500.
func (r *Request) AliasMisplaced() bool {
	if !r.Displaced || !r.Location.Conf.Alias {
		return false
	}
	r.Error(logs.Alert, "\"alias\" cannot be used in location \"%s\" where URI was rewritten", r.Location.Name)
	return true
}

var slash = []byte("/")

// complete ends a response that its handler has left open, and waits until the client has been given all of it.
func (r *Request) complete() Verdict {
	switch {
	case !r.HeadSent && r.IsMain():
		r.Error(logs.Alert, "the content handler has sent no answer")
		return 500
	case r.HeadSent && !r.Finished:
		r.Finish() // an error is noted in the request
	case r.HeadSent && r.IsMain():
		if err := r.Down.WaitFlush(); err != nil {
			r.broken(err)
		}
	}
	return Done
}
