package rewrite

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// returnRule is `return code [text]`, `return code URL`, or `return URL`.
type returnRule struct {
	status int
	text   *core.Value // nil = none
}

func setReturn(c *conf.Cursor, _ *conf.Block, s *settings, args []string) error {
	x := &returnRule{}
	code, ok := text.ParseDecimal(args[0])
	arg := args[len(args)-1]
	switch {
	case ok && code <= 999:
		x.status = int(code)
		if len(args) == 1 {
			s.rules = append(s.rules, x)
			return nil
		}
	case !ok && len(args) == 1 && isURL(arg):
		x.status = 302
	default:
		return c.Errorf("invalid return code \"%s\"", args[0])
	}
	v, err := core.CompileValue(c, arg)
	if err != nil {
		return err
	}
	x.text = v
	s.rules = append(s.rules, x)
	return nil
}

// isURL tells what nginx takes for the URL of another site, in return and in rewrite.
func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "$scheme")
}

func (x *returnRule) apply(r *core.Request, s state) state {
	if x.status >= 400 && (x.text == nil || x.text.Empty()) {
		return s.ended(core.Verdict(x.status))
	}
	var body []byte
	if x.text != nil {
		r.Out.Status = x.status // the text may say $status
		body = x.text.Eval(r)
	}
	switch x.status {
	case 301, 302, 303, 307, 308:
		if r.DiscardBody() != nil {
			return s.ended(400)
		}
		r.Out.Location = body
		return s.ended(core.Verdict(x.status))
	}
	return s.ended(r.Reply(x.status, r.ContentTypeOf(r.URI), body))
}
