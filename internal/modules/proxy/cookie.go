package proxy

import (
	"bytes"
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

// rewriteCookie applies proxy_cookie_domain, proxy_cookie_path and proxy_cookie_flags to a Set-Cookie value.
func (l *location) rewriteCookie(r *core.Request, cookie []byte) []byte {
	if len(l.domains)+len(l.paths)+len(l.flags) == 0 {
		return cookie
	}
	parts := bytes.Split(cookie, []byte(";"))
	for i := 1; i < len(parts); i++ {
		name, value, hasValue := bytes.Cut(bytes.TrimLeft(parts[i], " "), []byte("="))
		if !hasValue {
			continue
		}
		var changed []byte
		var ok bool
		switch {
		case text.EqualFold(name, "domain"):
			changed, ok = applyDomain(r, l.domains, value)
		case text.EqualFold(name, "path"):
			changed, ok = applyPath(r, l.paths, value)
		}
		if ok {
			parts[i] = bytes.Join([][]byte{[]byte(" "), name, []byte("="), changed}, nil)
		}
	}
	name, _, _ := bytes.Cut(parts[0], []byte("="))
	for i := range l.flags {
		if rule := &l.flags[i]; rule.fits(r, name) {
			parts = rule.apply(r, parts)
			break
		}
	}
	return bytes.Join(parts, []byte(";"))
}

// applyDomain replaces a domain that equals a rule's, a leading dot aside.
func applyDomain(r *core.Request, rules []attributeRule, value []byte) ([]byte, bool) {
	bare := bytes.TrimPrefix(value, []byte("."))
	for i := range rules {
		switch rule := &rules[i]; {
		case rule.pattern != nil:
			if rule.pattern.Match(r, value) {
				return rule.to.Eval(r), true
			}
		case rule.from != nil:
			if bytes.EqualFold(bare, rule.from.Eval(r)) {
				return rule.to.Eval(r), true
			}
		}
	}
	return nil, false
}

// applyPath replaces the beginning of a path.
func applyPath(r *core.Request, rules []attributeRule, value []byte) ([]byte, bool) {
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
	return nil, false
}

func (rule *flagRule) fits(r *core.Request, name []byte) bool {
	if rule.pattern != nil {
		return rule.pattern.Match(r, name)
	}
	return rule.name != nil && bytes.EqualFold(rule.name.Eval(r), name)
}

// apply adds and removes flags among a cookie's attributes.
func (rule *flagRule) apply(r *core.Request, parts [][]byte) [][]byte {
	for _, v := range rule.flags {
		flag := strings.ToLower(string(v.Eval(r)))
		name, _, _ := strings.Cut(flag, "=")
		plain := strings.TrimPrefix(name, "no")
		kept := parts[:1]
		for _, part := range parts[1:] {
			attribute, _, _ := bytes.Cut(bytes.TrimSpace(part), []byte("="))
			if !text.EqualFold(attribute, plain) {
				kept = append(kept, part)
			}
		}
		parts = kept
		switch flag {
		case "secure":
			parts = append(parts, []byte(" Secure"))
		case "httponly":
			parts = append(parts, []byte(" HttpOnly"))
		case "samesite=strict":
			parts = append(parts, []byte(" SameSite=Strict"))
		case "samesite=lax":
			parts = append(parts, []byte(" SameSite=Lax"))
		case "samesite=none":
			parts = append(parts, []byte(" SameSite=None"))
		}
	}
	return parts
}
