package rewrite

import (
	"bytes"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// rewriteRule is `rewrite regex replacement [flag]`.
type rewriteRule struct {
	regex *core.Regex
	// The replacement; unless it is a redirect, it is cut at the "?", and what follows are the new arguments.
	target   *core.Value
	args     *core.Value // nil = none
	addArgs  bool        // the old arguments follow the new ones
	query    bool        // a redirect with a "?" of its own
	redirect int         // status of the redirect; 0 = the URI is changed
	last     bool        // no more rules afterwards
	stay     bool        // `break`: stay in this location
}

func setRewrite(c *conf.Cursor, _ *conf.Block, s *settings, args []string) error {
	re, err := core.CompileRegex(c, args[0], false)
	if err != nil {
		return err
	}
	target := args[1]
	if target == "" {
		return c.Errorf("empty replacement")
	}
	x := &rewriteRule{regex: re}
	target, dropArgs := strings.CutSuffix(target, "?")
	x.addArgs = !dropArgs
	if isURL(target) {
		x.redirect, x.last = 302, true
	}
	if len(args) == 3 {
		if err := x.setFlag(c, args[2]); err != nil {
			return err
		}
	}
	x.query = strings.Contains(target, "?")
	if x.redirect == 0 && x.query {
		uri, args, _ := strings.Cut(target, "?")
		if x.args, err = core.CompileValue(c, args); err != nil {
			return err
		}
		target = uri
	}
	if x.target, err = core.CompileValue(c, target); err != nil {
		return err
	}
	s.rules = append(s.rules, x)
	return nil
}

func (x *rewriteRule) setFlag(c *conf.Cursor, flag string) error {
	switch flag {
	case "last":
	case "break":
		x.stay = true
	case "redirect":
		x.redirect = 302
	case "permanent":
		x.redirect = 301
	default:
		return c.Errorf("invalid parameter \"%s\"", flag)
	}
	x.last = true
	return nil
}

func (x *rewriteRule) apply(r *core.Request, s state) state {
	if !match(r, x.regex, r.URI, s.log) {
		return s
	}
	s.stop = x.last
	r.Internal, r.ValidUnparsed = true, false
	r.URIChanged, r.Displaced = !x.stay, r.Displaced || x.stay
	s.escape = false
	if x.redirect != 0 {
		return x.goElsewhere(r, s)
	}
	x.rewrite(r)
	if s.log {
		r.Error(logs.Notice, "rewritten data: \"%s\", args: \"%s\"", r.URI, r.Args)
	}
	if len(r.URI) == 0 {
		r.Error(logs.Error, "the rewritten URI has a zero length")
		return s.ended(500)
	}
	return s
}

// rewrite puts the new URI and arguments.
func (x *rewriteRule) rewrite(r *core.Request) {
	b := scratches.Of(r)
	b.buf = x.target.AppendFunc(b.buf[:0], r, addPlain)
	at := len(b.buf)
	if x.args == nil {
		r.URI = r.Copy(b.buf)
		if !x.addArgs {
			r.Args = r.Args[:0] // empty, not absent
		}
		return
	}
	add := addPlain
	if escapedURI(r) {
		add = addEscaped
	}
	b.buf = x.args.AppendFunc(b.buf, r, add)
	if x.addArgs && len(r.Args) > 0 {
		b.buf = append(append(b.buf, '&'), r.Args...)
	}
	made := r.Copy(b.buf)
	r.URI, r.Args = made[:at:at], made[at:]
}

// goElsewhere redirects the client.
func (x *rewriteRule) goElsewhere(r *core.Request, s state) state {
	b := scratches.Of(r)
	add := addPlain
	if escapedURI(r) {
		add = addEscaped
	}
	target := x.target.AppendFunc(b.buf[:0], r, add)
	b.buf = text.AppendUnescapeRedirect(target, target)
	dst := b.buf[len(target):]
	if x.addArgs && len(r.Args) > 0 {
		mark := byte('?')
		if x.query {
			mark = '&'
		}
		dst = append(append(dst, mark), r.Args...)
	}
	r.Out.Location = r.Copy(dst)
	if s.log {
		r.Error(logs.Notice, "rewritten redirect: \"%s\"", r.Out.Location)
	}
	return s.ended(core.Verdict(x.redirect))
}

// match matches a subject. Without a match there are no captures any more.
func match(r *core.Request, re *core.Regex, subject []byte, log bool) bool {
	ok := re.Match(r, subject)
	if !ok {
		r.Captures().Reset()
	}
	switch {
	case log && ok:
		r.Error(logs.Notice, "\"%s\" matches \"%s\"", re, bytes.Clone(subject))
	case log:
		r.Error(logs.Notice, "\"%s\" does not match \"%s\"", re, bytes.Clone(subject))
	}
	return ok
}
