package upstream

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/text"
)

// Variables are the $upstream_* variables (ngx_http_upstream_module, "Embedded Variables", and hearth's own). Each
// lists all tries of the request: ", " between peers, " : " where an internal redirect sent it upstream again.
var Variables = []core.Variable{
	listed("upstream_addr", func(dst []byte, a *Attempt) []byte { return append(dst, a.Peer...) }),
	listed("upstream_status", func(dst []byte, a *Attempt) []byte { return appendOrDash(dst, int64(a.Status), a.Status > 0) }),
	listed("upstream_connect_time", func(dst []byte, a *Attempt) []byte { return appendTime(dst, a.Connect) }),
	listed("upstream_header_time", func(dst []byte, a *Attempt) []byte { return appendTime(dst, a.Header) }),
	listed("upstream_response_time", func(dst []byte, a *Attempt) []byte { return appendTime(dst, a.Total) }),
	listed("upstream_response_length", func(dst []byte, a *Attempt) []byte { return text.AppendInt(dst, a.Length) }),
	listed("upstream_bytes_received", func(dst []byte, a *Attempt) []byte { return text.AppendInt(dst, a.Received) }),
	listed("upstream_bytes_sent", func(dst []byte, a *Attempt) []byte { return text.AppendInt(dst, a.Sent) }),
	// Empty, as where nothing is cached and no upstream has a queue.
	{Name: "upstream_cache_status", Get: absent},
	{Name: "upstream_queue_time", Get: absent},
	listed("upstream_connection_reused", func(dst []byte, a *Attempt) []byte {
		if a.Reused {
			return append(dst, '1')
		}
		return append(dst, '0')
	}),
	listed("upstream_connection_requests", func(dst []byte, a *Attempt) []byte { return appendOrDash(dst, int64(a.Requests), a.Requests > 0) }),
	listed("upstream_connection_miss_reason", func(dst []byte, a *Attempt) []byte { return appendWord(dst, a.Dialled) }),
	listed("upstream_connection_close_reason", func(dst []byte, a *Attempt) []byte { return appendWord(dst, a.Closed) }),
}

func absent(*core.Request) ([]byte, bool) { return nil, false }

// Prefixes are the families of variables that name a field of the last response.
var Prefixes = []core.VariablePrefix{
	{Prefix: "upstream_http_", NoCache: true, Get: func(r *core.Request, name string) ([]byte, bool) {
		if x := Of(r); x != nil && x.Head != nil {
			return fieldNamed(r, x.Head.Fields, name)
		}
		return nil, false
	}},
	{Prefix: "upstream_trailer_", NoCache: true, Get: func(r *core.Request, name string) ([]byte, bool) {
		switch x := Of(r); {
		case x == nil || x.Head == nil:
		case x.Set.Streams != nil:
			return fieldNamed(r, x.Trailers, name)
		case x.Head.Framing == http1.ByChunks && x.Chunks.Done():
			return fieldNamed(r, x.Chunks.Trailers(), name)
		}
		return nil, false
	}},
	{Prefix: "upstream_cookie_", NoCache: true, Get: func(r *core.Request, name string) ([]byte, bool) {
		if x := Of(r); x != nil && x.Head != nil {
			for i := range x.Head.Fields {
				if f := &x.Head.Fields[i]; f.ID == http1.SetCookie {
					if v, ok := http1.CookieValue(f.Value, name); ok {
						return v, true
					}
				}
			}
		}
		return nil, false
	}},
}

// fieldNamed joins the values of all fields that $..._NAME means.
func fieldNamed(r *core.Request, fields []http1.Field, name string) ([]byte, bool) {
	var value []byte
	found := false
	for i := range fields {
		if !http1.MatchVariable(fields[i].Name, name) {
			continue
		}
		if !found {
			value, found = fields[i].Value, true
			continue
		}
		value = r.Concat(value, []byte(", "), fields[i].Value)
	}
	return value, found
}

// listed makes the variable that appends one word for each try.
func listed(name string, word func(dst []byte, a *Attempt) []byte) core.Variable {
	return core.Variable{Name: name, NoCache: true, Get: func(r *core.Request) ([]byte, bool) {
		x := Of(r)
		if x == nil || len(x.attempts) == 0 {
			return nil, false
		}
		x.measure()
		var local [256]byte
		dst := local[:0]
		for i := range x.attempts {
			a := &x.attempts[i]
			switch {
			case i == 0:
			case a.Redirect:
				dst = append(dst, " : "...)
			default:
				dst = append(dst, ", "...)
			}
			dst = word(dst, a)
		}
		return r.Copy(dst), true
	}}
}

func appendOrDash(dst []byte, n int64, known bool) []byte {
	if !known {
		return append(dst, '-')
	}
	return text.AppendInt(dst, n)
}

func appendWord(dst []byte, word string) []byte {
	if word == "" {
		return append(dst, '-')
	}
	return append(dst, word...)
}

// appendTime writes seconds with milliseconds, "0.012"; "-" where the point was not reached.
func appendTime(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, '-')
	}
	ms := d.Milliseconds()
	dst = append(text.AppendInt(dst, ms/1000), '.')
	return append(dst, byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
}
