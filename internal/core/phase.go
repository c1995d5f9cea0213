package core

// PhaseAt is a point of request processing, in nginx's order (development guide, "Phases").
type PhaseAt uint8

const (
	PostRead PhaseAt = iota // realip
	ServerRewrite
	FindConfig // the runner's own: location selection
	Rewrite
	PostRewrite // the runner's own: back to FindConfig when the URI was changed
	PreAccess   // limit_conn, limit_req
	Access      // allow/deny, auth_*; `satisfy` combines their verdicts
	PostAccess  // the runner's own
	PreContent  // try_files, mirror
	Content     // index, autoindex, static, unless the location has a content handler (proxy_pass, stub_status ...)
	Log         // always run, once, when the request ends
	phases
)

// Verdict is what a handler says to the runner. Positive values are an HTTP status to answer with: error_page and
// the built-in pages apply to it.
type Verdict int

const (
	Declined Verdict = -1 // nothing to do here: next handler
	OK       Verdict = -2 // this phase is settled: next phase (in Access: allowed); in Content: answered
	Done     Verdict = -3 // the response has been sent, or given up on, in full; finish the request
	Moved    Verdict = -4 // URI or location was changed by an internal redirect: go on from where it set the request
	Close    Verdict = -5 // close the connection without an answer (return 444)
)

// Handler is plain blocking code in the request's fiber: it may wait only through the loop.
type Handler func(r *Request) Verdict
