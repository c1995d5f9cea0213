package frontend

import (
	"time"

	"hearth/internal/loop"
)

// pace holds output back to a rate (limit_rate, limit_rate_after). As in nginx a response may be one second's worth
// ahead of its rate, so small ones are not delayed at all.
type pace struct {
	rate    int64 // bytes a second, 0 = no limit
	after   int64 // that many bytes come before the limit
	started loop.Instant
	resume  loop.Instant // nothing may be sent before it
	held    loop.Event   // never set: what to wait for until then
}

// set changes the rate. The first one that is set begins to count.
func (p *pace) set(now loop.Instant, rate, after int64) {
	if p.started == 0 {
		p.started = now
	}
	p.rate, p.after, p.resume = rate, after, 0
}

// quantum is what a paced write is allowed at least, once it is allowed anything, so that a low rate does not mean
// many tiny writes: a tenth of a second's worth.
func (p *pace) quantum() int64 { return max(p.rate/10, 1) }

// allowed is how much of want may be sent now, when sent bytes have been; if nothing, resume says until when.
func (p *pace) allowed(now loop.Instant, sent, want int64) int64 {
	if p.rate <= 0 {
		return want
	}
	elapsed := now.Sub(p.started) + time.Second
	budget := p.after - sent + mulDiv(p.rate, int64(elapsed), int64(time.Second))
	need := min(want, p.quantum())
	if budget < need {
		p.resume = now.Add(time.Duration(mulDiv(need-budget, int64(time.Second), p.rate)) + time.Millisecond)
		return 0
	}
	p.resume = 0
	return min(budget, want)
}

// mulDiv is a*b/c for factors whose product may not fit: precision gives way, not the result.
func mulDiv(a, b, c int64) int64 {
	if a != 0 && b > (1<<62)/a {
		return int64(float64(a) / float64(c) * float64(b))
	}
	return a * b / c
}
