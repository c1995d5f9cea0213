package headers

import (
	"errors"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// expires is `expires [modified] time`, `epoch`, `max` or `off`.
type expires struct {
	kind  expiresKind
	delta time.Duration // to the time of the answer or of modification, or time of day
	value *core.Value   // with variables: what it says is parsed for each answer. kind is expiresAccess or expiresModified then
}

type expiresKind uint8

const (
	expiresOff expiresKind = iota
	expiresEpoch
	expiresMax
	expiresAccess   // some time after the answer
	expiresModified // some time after the last modification
	expiresDaily    // @time of day
)

func parseExpires(c *conf.Cursor, args []string) (expires, error) {
	e := expires{kind: expiresAccess}
	if len(args) == 2 {
		if args[0] != "modified" {
			return e, errors.New("invalid value")
		}
		e.kind = expiresModified
	}
	arg := args[len(args)-1]
	v, err := core.CompileValue(c, arg)
	if err != nil {
		return e, err
	}
	if _, literal := v.Literal(); !literal {
		e.value = v
		return e, nil
	}
	return e, e.parse(arg)
}

// The reasons why a time is refused, which follow the directive's name.
var (
	errTime     = errors.New("invalid value")
	errModified = errors.New("daily time cannot be used with \"modified\" parameter")
	errDaily    = errors.New("daily time value must be less than 24 hours")
)

// parse reads the time into e, whose kind says whether there was a `modified`.
func (e *expires) parse(s string) error {
	if e.kind != expiresModified {
		switch s {
		case "epoch":
			e.kind = expiresEpoch
			return nil
		case "max":
			e.kind = expiresMax
			return nil
		case "off":
			e.kind = expiresOff
			return nil
		}
	}
	minus := false
	switch {
	case strings.HasPrefix(s, "@"):
		if e.kind == expiresModified {
			return errModified
		}
		e.kind = expiresDaily
		s = s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	case strings.HasPrefix(s, "-"):
		s, minus = s[1:], true
	}
	d, ok := text.ParseSeconds(s)
	switch {
	case !ok:
		return errTime
	case e.kind == expiresDaily && d > 24*time.Hour:
		return errDaily
	case minus:
		d = -d
	}
	e.delta = d
	return nil
}

// apply puts Expires and Cache-Control in the place of those there are.
func (e expires) apply(r *core.Request) {
	if e.value != nil {
		if e.parse(text.String(e.value.Eval(r))) != nil || e.kind == expiresOff {
			return
		}
	}
	at, control := e.fields(r)
	r.Out.SetHeader("Expires", at)
	r.Out.SetHeader("Cache-Control", control)
}

var (
	epochDate = []byte("Thu, 01 Jan 1970 00:00:01 GMT")
	maxDate   = []byte("Thu, 31 Dec 2037 23:55:55 GMT")
	noCache   = []byte("no-cache")
	tenYears  = []byte("max-age=315360000")
)

func (e *expires) fields(r *core.Request) (at, control []byte) {
	now := r.Loop.Wall()
	when := now.Add(e.delta)
	switch e.kind {
	case expiresEpoch:
		return epochDate, noCache
	case expiresMax:
		return maxDate, tenYears
	case expiresDaily:
		when = nextTimeOfDay(now, e.delta)
	case expiresModified:
		if r.Out.LastModified >= 0 && e.delta != 0 {
			when = time.Unix(r.Out.LastModified, 0).Add(e.delta)
		}
	}
	age := when.Unix() - now.Unix()
	if e.delta < 0 || age < 0 {
		return date(r, when), noCache
	}
	control = append(r.Alloc(32)[:0], "max-age="...)
	return date(r, when), text.AppendInt(control, age)
}

// nextTimeOfDay is when it is next that time after midnight, in local time.
func nextTimeOfDay(now time.Time, after time.Duration) time.Time {
	now = now.Local()
	year, month, day := now.Date()
	t := time.Date(year, month, day, 0, 0, int(after/time.Second), 0, time.Local)
	if !t.After(now) {
		t = time.Date(year, month, day+1, 0, 0, int(after/time.Second), 0, time.Local)
	}
	return t
}
