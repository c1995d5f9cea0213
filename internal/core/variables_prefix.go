package core

import (
	"bytes"

	"hearth/internal/http1"
	"hearth/internal/text"
)

// corePrefixes are the families of variables.
var corePrefixes = []VariablePrefix{
	{Prefix: "http_", Get: func(r *Request, name string) ([]byte, bool) { return r.joined(r.Head.Fields, name) }},
	{Prefix: "sent_http_", Get: func(r *Request, name string) ([]byte, bool) { return r.joined(r.Out.Fields, name) }, NoCache: true},
	{Prefix: "sent_trailer_", Get: func(r *Request, name string) ([]byte, bool) { return r.joined(r.Out.Trailers, name) }, NoCache: true},
	{Prefix: "cookie_", Get: getCookie},
	{Prefix: "arg_", Get: getArg, NoCache: true},
	{Prefix: "proxy_protocol_tlv_", Get: func(*Request, string) ([]byte, bool) { return nil, false }},
}

// joined is the value of the fields that a variable's name means; several are joined with ", ", cookies with "; ".
func (r *Request) joined(fields []http1.Field, name string) ([]byte, bool) {
	first, n, size := -1, 0, 0
	for i := range fields {
		if http1.MatchVariable(fields[i].Name, name) {
			if first < 0 {
				first = i
			}
			n++
			size += len(fields[i].Value) + 2
		}
	}
	if n <= 1 {
		if n == 0 {
			return nil, false
		}
		return fields[first].Value, true
	}
	separator := ", "
	if name == "cookie" {
		separator = "; "
	}
	dst := append(r.Alloc(size)[:0], fields[first].Value...)
	for i := first + 1; i < len(fields); i++ {
		if http1.MatchVariable(fields[i].Name, name) {
			dst = append(append(dst, separator...), fields[i].Value...)
		}
	}
	return dst, true
}

// getCookie looks for a cookie in all Cookie fields; its name is compared without regard to case, as in nginx.
func getCookie(r *Request, name string) ([]byte, bool) {
	for i := range r.Head.Fields {
		if f := &r.Head.Fields[i]; f.ID == http1.Cookie {
			if v, ok := http1.CookieValue(f.Value, name); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// Arg returns an argument of the query, as it was sent; its name is compared without regard to case.
func (r *Request) Arg(name string) ([]byte, bool) { return getArg(r, name) }

func getArg(r *Request, name string) ([]byte, bool) {
	for rest := r.Args; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if len(pair) > len(name) && pair[len(name)] == '=' && text.EqualFold(pair[:len(name)], name) {
			return pair[len(name)+1:], true
		}
	}
	return nil, false
}
