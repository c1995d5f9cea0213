package proxy

import (
	"bytes"
	"slices"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// attributeRule is one rule of proxy_cookie_domain or proxy_cookie_path.
type attributeRule struct {
	off     bool
	from    *core.Value
	pattern *core.Regex
	to      *core.Value
}

// flagRule is one rule of proxy_cookie_flags: flags to add to or take off the cookies of a name.
type flagRule struct {
	off     bool
	name    *core.Value
	pattern *core.Regex
	flags   []flagValue
}

// flagValue is "secure", "nosecure", "samesite=lax" ..., evaluated for each cookie.
type flagValue = *core.Value

// parseAttribute reads the arguments of proxy_cookie_domain and proxy_cookie_path.
func parseAttribute(c *conf.Cursor, args []string) (attributeRule, error) {
	var rule attributeRule
	if len(args) == 1 {
		if args[0] != "off" {
			return rule, c.Errorf("invalid parameter \"%s\"", args[0])
		}
		rule.off = true
		return rule, nil
	}
	var err error
	if rule.to, err = core.CompileValue(c, args[1]); err != nil {
		return rule, err
	}
	from, isPattern := strings.CutPrefix(args[0], "~")
	fold := c.Name() == "proxy_cookie_domain" // domains have no case
	if isPattern {
		if !fold {
			from, fold = strings.CutPrefix(from, "*")
		}
		rule.pattern, err = core.CompileRegex(c, from, fold)
		return rule, err
	}
	if fold {
		from = strings.TrimPrefix(from, ".")
	}
	rule.from, err = core.CompileValue(c, from)
	return rule, err
}

// parseFlags reads the arguments of proxy_cookie_flags.
func parseFlags(c *conf.Cursor, args []string) (flagRule, error) {
	var rule flagRule
	if len(args) == 1 {
		if args[0] != "off" {
			return rule, c.Errorf("invalid parameter \"%s\"", args[0])
		}
		rule.off = true
		return rule, nil
	}
	var err error
	if name, ok := strings.CutPrefix(args[0], "~"); ok {
		rule.pattern, err = core.CompileRegex(c, name, true)
	} else {
		rule.name, err = core.CompileValue(c, args[0])
	}
	if err != nil {
		return rule, err
	}
	for _, arg := range args[1:] {
		v, err := core.CompileValue(c, arg)
		if err != nil {
			return rule, err
		}
		rule.flags = append(rule.flags, v)
	}
	return rule, nil
}

// attribute is a part of a Set-Cookie value: the cookie itself, which is the first, or what follows a semicolon.
type attribute struct {
	name, value []byte
	assigned    bool // it has a value, if an empty one
}

// splitCookie cuts a Set-Cookie value at its semicolons.
func splitCookie(cookie []byte) (parts []attribute) {
	for part := range bytes.SplitSeq(cookie, []byte(";")) {
		name, value, assigned := bytes.Cut(part, []byte("="))
		parts = append(parts, attribute{bytes.TrimSpace(name), bytes.TrimSpace(value), assigned})
	}
	return parts
}

func joinCookie(parts []attribute) (cookie []byte) {
	for i, a := range parts {
		if i > 0 {
			cookie = append(cookie, "; "...)
		}
		cookie = append(cookie, a.name...)
		if a.assigned {
			cookie = append(append(cookie, '='), a.value...)
		}
	}
	return cookie
}

// rewriteCookie applies proxy_cookie_domain, proxy_cookie_path and proxy_cookie_flags to a Set-Cookie value.
func (l *location) rewriteCookie(r *core.Request, cookie []byte) (to []byte, changed bool) {
	if len(l.domains)+len(l.paths)+len(l.flags) == 0 {
		return cookie, false
	}
	parts := splitCookie(cookie)
	if !parts[0].assigned { // no cookie, so nginx leaves it as it is
		return cookie, false
	}
	for i := 1; i < len(parts); i++ {
		part, fits := &parts[i], false
		switch {
		case !part.assigned:
		case text.EqualFold(part.name, "domain"):
			part.value, fits = applyDomain(r, l.domains, part.value)
		case text.EqualFold(part.name, "path"):
			part.value, fits = applyPath(r, l.paths, part.value)
		}
		changed = changed || fits
	}
	for i := range l.flags {
		if rule := &l.flags[i]; rule.fits(r, parts[0].name) {
			parts = rule.apply(r, parts)
			changed = true
			break
		}
	}
	if !changed {
		return cookie, false
	}
	return joinCookie(parts), true
}

// applyDomain replaces a domain that equals a rule's; a leading dot stays.
func applyDomain(r *core.Request, rules []attributeRule, value []byte) (to []byte, fits bool) {
	bare := bytes.TrimPrefix(value, []byte("."))
	for i := range rules {
		switch rule := &rules[i]; {
		case rule.pattern != nil:
			if rule.pattern.Match(r, value) {
				return rule.to.Eval(r), true
			}
		case rule.from != nil:
			if bytes.EqualFold(bare, rule.from.Eval(r)) {
				return r.Concat(value[:len(value)-len(bare)], rule.to.Eval(r)), true
			}
		}
	}
	return value, false
}

// applyPath replaces the beginning of a path.
func applyPath(r *core.Request, rules []attributeRule, value []byte) (to []byte, fits bool) {
	for i := range rules {
		switch rule := &rules[i]; {
		case rule.pattern != nil:
			if rule.pattern.Match(r, value) {
				return rule.to.Eval(r), true
			}
		case rule.from != nil:
			if from := rule.from.Eval(r); bytes.HasPrefix(value, from) {
				return r.Concat(rule.to.Eval(r), value[len(from):]), true
			}
		}
	}
	return value, false
}

func (rule *flagRule) fits(r *core.Request, name []byte) bool {
	if rule.pattern != nil {
		return rule.pattern.Match(r, name)
	}
	return rule.name != nil && bytes.EqualFold(rule.name.Eval(r), name)
}

// apply adds and removes flags among a cookie's attributes. As in nginx the order in which a rule names its flags means
// nothing: on wins over off, and those that are added come as Secure, HttpOnly, SameSite. What is none of them is ignored.
func (rule *flagRule) apply(r *core.Request, parts []attribute) []attribute {
	var named [len(cookieFlags)]bool
	for _, v := range rule.flags {
		word := v.Eval(r)
		for i := range cookieFlags {
			named[i] = named[i] || text.EqualFold(word, cookieFlags[i].word)
		}
	}
	done := ""
	for i := range cookieFlags {
		switch f := &cookieFlags[i]; {
		case !named[i] || f.name == done:
			continue
		case f.off:
			parts = slices.DeleteFunc(parts, func(a attribute) bool { return text.EqualFold(a.name, f.name) })
		default:
			parts = setFlag(parts, attribute{[]byte(f.name), []byte(f.value), f.value != ""})
			done = f.name
		}
	}
	return parts
}

// cookieFlags are the words of proxy_cookie_flags. Of those that mean the same attribute the first one that is named counts.
var cookieFlags = [...]struct {
	word, name, value string
	off               bool
}{
	{word: "secure", name: "Secure"},
	{word: "nosecure", name: "Secure", off: true},
	{word: "httponly", name: "HttpOnly"},
	{word: "nohttponly", name: "HttpOnly", off: true},
	{word: "samesite=strict", name: "SameSite", value: "Strict"},
	{word: "samesite=lax", name: "SameSite", value: "Lax"},
	{word: "samesite=none", name: "SameSite", value: "None"},
	{word: "nosamesite", name: "SameSite", off: true},
}

// setFlag puts a flag in its place among the attributes, or adds it.
func setFlag(parts []attribute, flag attribute) []attribute {
	for i := 1; i < len(parts); i++ {
		if bytes.EqualFold(parts[i].name, flag.name) {
			if flag.assigned {
				parts[i] = flag
			}
			return parts
		}
	}
	return append(parts, flag)
}
