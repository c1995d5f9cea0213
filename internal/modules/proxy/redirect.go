package proxy

import (
	"bytes"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/upstream"
)

// redirect is one rule of proxy_redirect: what a Location or Refresh header begins with, or matches, and what that is
// replaced by.
type redirect struct {
	off     bool
	byPass  bool // `default`: made from proxy_pass and the location's name
	prefix  *core.Value
	pattern *core.Regex
	to      *core.Value

	plainFrom, plainTo []byte // of a `default` that has been settled
}

// parseRedirect reads `proxy_redirect default | off | REDIRECT REPLACEMENT`.
func parseRedirect(c *conf.Cursor, args []string) (redirect, error) {
	if len(args) == 1 {
		switch args[0] {
		case "off":
			return redirect{off: true}, nil
		case "default":
			return redirect{byPass: true}, nil
		}
		return redirect{}, c.Errorf("invalid parameter \"%s\"", args[0])
	}
	var r redirect
	var err error
	if r.to, err = core.CompileValue(c, args[1]); err != nil {
		return r, err
	}
	if from, ok := strings.CutPrefix(args[0], "~"); ok {
		from, fold := strings.CutPrefix(from, "*")
		r.pattern, err = core.CompileRegex(c, from, fold)
		return r, err
	}
	r.prefix, err = core.CompileValue(c, args[0])
	return r, err
}

// mayDefault says whether `default` can stand where it does: it is made from the proxy_pass before it.
func (l *location) mayDefault(c *conf.Cursor) error {
	if l.pass == nil {
		return c.Errorf("\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive")
	}
	if _, literal := l.pass.url.Literal(); !literal {
		return c.Errorf("\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables")
	}
	return nil
}

// defaultRedirect is what `default` means in a location: the URL of proxy_pass becomes the location's name, or, without
// a URI part, the root of the one the root of the other. Where the URL has variables it means nothing.
func (l *location) defaultRedirect() (redirect, bool) {
	url, literal := l.pass.url.Literal()
	switch {
	case !literal:
		return redirect{}, false
	case l.pass.bare:
		return redirect{plainFrom: []byte(url + "/"), plainTo: []byte("/")}, true
	}
	return redirect{plainFrom: []byte(url), plainTo: []byte(l.pass.name)}, true
}

// rewrite applies the first rule that fits to a Location, or to what stands after "url=" in a Refresh, or the cookie
// rules to a Set-Cookie. changed is false if none fits.
func (l *location) rewrite(x *upstream.Exchange, id http1.ID, value []byte) (to []byte, changed bool) {
	switch id {
	case http1.SetCookie:
		return l.rewriteCookie(x.R, value)
	case http1.Refresh:
		i := bytes.Index(bytes.ToLower(value), []byte("url="))
		if i < 0 {
			return value, false
		}
		i += len("url=")
		to, changed = l.redirected(x.R, value[i:])
		if changed {
			to = x.R.Concat(value[:i], to)
		}
		return to, changed
	}
	return l.redirected(x.R, value)
}

func (l *location) redirected(r *core.Request, url []byte) ([]byte, bool) {
	for i := range l.redirects {
		rule := &l.redirects[i]
		switch {
		case rule.plainFrom != nil:
			if bytes.HasPrefix(url, rule.plainFrom) {
				return r.Concat(rule.plainTo, url[len(rule.plainFrom):]), true
			}
		case rule.pattern != nil:
			if rule.pattern.Match(r, url) {
				return rule.to.Eval(r), true
			}
		case rule.prefix != nil:
			if from := rule.prefix.Eval(r); bytes.HasPrefix(url, from) {
				return r.Concat(rule.to.Eval(r), url[len(from):]), true
			}
		}
	}
	return nil, false
}
