package core

import (
	"hearth/internal/text"
)

// startPacing hands limit_rate to the client's side, when the head is about to be sent.
func (r *Request) startPacing() {
	c := r.Location.Conf
	if !r.limitSet {
		r.limitRate = evalSize(r, c.LimitRate)
	}
	if r.limitRate == 0 {
		return
	}
	r.limitAfter = evalSize(r, c.LimitRateAfter)
	r.Down.SetRate(r.limitRate, r.limitAfter)
}

// SetLimitRate overrides limit_rate for this response: `set $limit_rate`, X-Accel-Limit-Rate. 0 = no limit.
func (r *Request) SetLimitRate(bytesPerSecond int64) {
	m := r.Main
	m.limitRate, m.limitSet = bytesPerSecond, true
	if m.HeadSent {
		m.Down.SetRate(bytesPerSecond, m.limitAfter)
	}
}

// evalSize is the size that a value gives; 0 where it gives none.
func evalSize(r *Request, v *Value) int64 {
	if v == nil {
		return 0
	}
	if s, ok := v.Literal(); ok && s == "0" {
		return 0
	}
	n, _ := text.ParseSize(text.String(v.Eval(r)))
	return n
}
