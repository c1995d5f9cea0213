// Package notmodified answers conditional requests (nginx's ngx_http_not_modified_filter_module): 304 when the client
// has the response already, 412 when it asked for another state of it. A backend's response is passed on as it is: it
// has got the conditions itself (in nginx too, unless the response goes into a cache).
package notmodified

import (
	"hearth/internal/core"
	"hearth/internal/http1"
)

// Module is the first of the header filters.
var Module = core.Module{
	Name:    "ngx_http_not_modified_filter_module",
	Headers: []core.HeaderFilter{{Run: filter}},
}

func filter(r *core.Request) error {
	if r.Out.Status != 200 || !r.IsMain() || r.Out.Tested {
		return nil
	}
	if v := get(r, http1.IfUnmodifiedSince); v != nil && !unmodified(r, v) {
		return failed(r)
	}
	if v := get(r, http1.IfMatch); v != nil && !matches(v, r.Out.ETag, false) {
		return failed(r)
	}
	since, none := get(r, http1.IfModifiedSince), get(r, http1.IfNoneMatch)
	switch {
	case since == nil && none == nil:
		return nil
	case since != nil && modified(r, since): // nginx looks at both fields, where RFC 9110 (13.1.3) ignores this one
		return nil
	case none != nil && !matches(none, r.Out.ETag, true):
		return nil
	}
	o := &r.Out
	o.Status, o.Reason = 304, nil
	o.ContentType, o.ContentLength = nil, -1
	o.AcceptRanges = false
	o.DelHeader("Accept-Ranges")
	o.DelHeader("Content-Encoding")
	return nil
}

// failed has the request answered with 412. Nothing of the response's head is left.
func failed(r *core.Request) error {
	r.Out.Reset()
	return r.Instead(412)
}
