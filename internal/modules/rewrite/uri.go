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
	// The replacement, cut at its "?"s unless it is a redirect: what follows the last are the new arguments.
	pieces   []*core.Value
	addArgs  bool // the old arguments follow the new ones
	query    bool // a redirect with a "?" of its own
	redirect int  // status of the redirect; 0 = the URI is changed
	last     bool // no more rules afterwards
	stay     bool // `break`: stay in this location
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
	pieces := []string{target}
	if x.redirect == 0 {
		pieces = strings.Split(target, "?")
	}
	for _, piece := range pieces {
		v, err := core.CompileValue(c, piece)
		if err != nil {
			return err
		}
		x.pieces = append(x.pieces, v)
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
	r.URIChanged = !x.stay
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
	escaped := escapedURI(r)
	b.buf = b.buf[:0]
	at := 0 // where the arguments begin
	for i, piece := range x.pieces {
		add := addPlain
		if i > 0 {
			at = len(b.buf)
			if escaped {
				add = addEscaped
			}
		}
		b.buf = piece.AppendFunc(b.buf, r, add)
	}
	end := len(b.buf)
	hasArgs := len(x.pieces) > 1
	if hasArgs && x.addArgs && len(r.Args) > 0 {
		b.buf = append(append(b.buf, '&'), r.Args...)
	}
	made := r.Copy(b.buf)
	switch {
	case hasArgs:
		r.URI, r.Args = made[:at:at], made[at:]
	default:
		r.URI = made[:end]
		if !x.addArgs {
			r.Args = nil
		}
	}
}

// goElsewhere redirects the client.
func (x *rewriteRule) goElsewhere(r *core.Request, s state) state {
	b := scratches.Of(r)
	add := addPlain
	if escapedURI(r) {
		add = addEscaped
	}
	target := x.pieces[0].AppendFunc(b.buf[:0], r, add)
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
