package doctor

import (
	"fmt"

	"hearth/internal/api"
)

// A rule looks at an upstream and gives its advice, or "".
type rule func(u *api.Upstream) string

// enough requests have to have been seen before shares of them mean something.
const enough = 50

// often is the share of requests, one in so many, from which on a reason is worth advice.
const often = 100

var rules = []rule{
	neverKept,
	whenClosed("upstream_connection_close", "the answer said Connection: close. "+whoSaidClose+
		". Otherwise the server's keepalive is off, or serves few requests on a connection"),
	askedToClose,
	whenClosed("http10", "the server answers in HTTP/1.0 and does not offer to keep the connection"),
	whenClosed("upstream_eof", "the server closed it. If it was idle then, its timeout is shorter than keepalive_timeout: raise the one or lower the other"),
	whenClosed("error", "an exchange failed; the error log says how"),
	whenClosed("response_unread", "the client went away before the answer's end, or the answer was not wanted; "+
		"proxy_ignore_client_abort reads it to the end"),
	whenClosed("request_unsent", "the server answered before it had read the request"),
	fewRequests,
	tooSmall,
	otherIdentity,
	whenDialled("fresh_required", "a request that may not be repeated, such as POST, met only connections that had been idle for long: "+
		"keepalive_min keeps some ready, and a longer timeout of the server helps"),
	unexpectedData,
	turnedOff,
	refused,
}

const whoSaidClose = "\"proxy_set_header Connection $variable\" with the usual map has requests say so that are no upgrade, and servers obey; " +
	"let the map say '' there"

// share is how many in a hundred requests.
func share(n int64, u *api.Upstream) float64 { return 100 * float64(n) / float64(u.Pool.Leases) }

func isOften(n int64, u *api.Upstream) bool {
	return u.Pool.Leases >= enough && n*often >= u.Pool.Leases
}

func whenClosed(reason, meaning string) rule {
	return func(u *api.Upstream) string {
		if n := u.Pool.Closes[reason]; isOften(n, u) {
			return fmt.Sprintf("after %.1f %% of requests the connection was closed for %s: %s", share(n, u), reason, meaning)
		}
		return ""
	}
}

func whenDialled(reason, meaning string) rule {
	return func(u *api.Upstream) string {
		if n := u.Pool.Misses[reason]; isOften(n, u) {
			return fmt.Sprintf("for %.1f %% of requests a connection was made for %s: %s", share(n, u), reason, meaning)
		}
		return ""
	}
}

func neverKept(u *api.Upstream) (text string) {
	for _, n := range u.NotKept {
		if text != "" {
			text += "\n  - "
		}
		text += fmt.Sprintf("location %s in %s keeps no connection: %s", n.Location, n.At, n.Directive)
	}
	return text
}

func fewRequests(u *api.Upstream) string {
	if n := u.Pool.Closes["max_requests"]; isOften(n, u) {
		return fmt.Sprintf("connections end after %.0f requests on average, by keepalive_requests %d or the max= of the server's Keep-Alive field: raise it",
			u.Pool.PerConn.Mean, u.Pool.Limits.Requests)
	}
	return ""
}

func tooSmall(u *api.Upstream) string {
	l, evicted := u.Pool.Limits, u.Pool.Closes["evicted"]
	if l.Idle == 0 || u.Pool.Peak <= int64(l.Idle) && !isOften(evicted, u) {
		return ""
	}
	return fmt.Sprintf("%d connections were in use at once and %d are kept at most, so %d were closed: \"keepalive %d;\" (times %d loops) keeps them all",
		u.Pool.Peak, l.Idle, evicted, u.Pool.Sizing.Suggested, l.Loops)
}

func otherIdentity(u *api.Upstream) string {
	n := u.Pool.Misses["identity"]
	if !isOften(n, u) {
		return ""
	}
	why := "locations that differ in proxy_ssl_*, or proxy_bind or proxy_ssl_name with a variable, cannot share connections"
	if l := u.Pool.Limits; l.Local {
		why = fmt.Sprintf("each location keeps its own, which is the default; \"keepalive %d;\" without \"local\" in an upstream block lets them share", l.Keepalive)
	}
	return fmt.Sprintf("for %.1f %% of requests there were idle connections, but none that fits: %s", share(n, u), why)
}

func unexpectedData(u *api.Upstream) string {
	if n := u.Pool.Closes["unexpected_data"]; n > 0 {
		return fmt.Sprintf("%d connections had bytes on them that belong to no answer, and were closed: the server sends more than it announces", n)
	}
	return ""
}

func askedToClose(u *api.Upstream) string {
	if u.Pool.Limits.Idle == 0 {
		return ""
	}
	return whenClosed("disabled", "the request said Connection: close. "+whoSaidClose)(u)
}

func turnedOff(u *api.Upstream) string {
	if u.Pool.Limits.Idle == 0 {
		return "keepalive is off: \"keepalive 0\""
	}
	return ""
}

func refused(u *api.Upstream) string {
	if n := u.Pool.Full; isOften(n, u) {
		return fmt.Sprintf("max_conns refused %d requests a connection", n)
	}
	return ""
}
