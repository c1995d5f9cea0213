package report

import (
	"fmt"
	"io"
)

// Bar is a figure that hearth has set itself to reach.
type Bar struct {
	What  string
	Bar   string // the bar in words
	check check
}

// verdict of a check.
type verdict int

const (
	notMeasured verdict = iota
	passed
	missed
)

func (v verdict) String() string { return [...]string{"not measured", "pass", "**missed**"}[v] }

// check looks a bar up in the results of the subject, and says what was found.
type check func(r *Results, subject string) (found string, v verdict)

// noWorse is how far a ratio may lie on the wrong side of 1 and still count as no worse: less than what
// nginx differs by from itself.
const noWorse = 0.03

// AtMostOfReference is passed when the figure is at most max times the reference's, without errors.
func AtMostOfReference(what, workload string, f Figure, max float64) Bar {
	return Bar{what, fmt.Sprintf("≤ %.2f of %s", max, Reference), func(r *Results, subject string) (string, verdict) {
		return ratioCheck(r, workload, subject, f, func(ratio float64) bool { return ratio <= max })
	}}
}

// NoSlower is passed when the rate is not below the reference's.
func NoSlower(what, workload string) Bar {
	return Bar{what, "no worse than " + Reference, func(r *Results, subject string) (string, verdict) {
		return ratioCheck(r, workload, subject, Rate, func(ratio float64) bool { return ratio >= 1-noWorse })
	}}
}

// NoLater is passed when the 99th percentile of the latency is not above the reference's.
func NoLater(what, workload string) Bar {
	return Bar{what, "no worse than " + Reference, func(r *Results, subject string) (string, verdict) {
		return ratioCheck(r, workload, subject, P99, func(ratio float64) bool { return ratio <= 1+noWorse })
	}}
}

func ratioCheck(r *Results, workload, subject string, f Figure, ok func(float64) bool) (string, verdict) {
	median, least, most, measured := r.Ratio(workload, subject, f)
	if !measured {
		return "", notMeasured
	}
	found := fmt.Sprintf("%.2f (%.2f–%.2f)", median, least, most)
	// An answer that failed is cheap and fast: it proves nothing.
	if errors, _ := r.Value(workload, subject, Errors); errors > 0 {
		return fmt.Sprintf("%s, with %.0f errors", found, errors), missed
	}
	return found, judge(ok(median))
}

// Limit is one figure of a bar in absolute terms.
type Limit struct {
	Figure Figure
	Max    float64
}

// AtMost is passed when every figure of the workload is within its limit.
func AtMost(what, bar, workload string, limits ...Limit) Bar {
	return Bar{what, bar, func(r *Results, subject string) (found string, v verdict) {
		ok := true
		for _, l := range limits {
			value, measured := r.Value(workload, subject, l.Figure)
			if !measured {
				return "", notMeasured
			}
			found = join(found, l.Figure.String()+" "+l.Figure.format(value))
			ok = ok && value <= l.Max
		}
		return found, judge(ok)
	}}
}

// WarmPool is passed when no more backend connections were opened than requests were ever under way at
// once, and at least the share minReuse of the requests, in per cent, travelled on a connection that was there.
func WarmPool(what, workload string, minReuse float64) Bar {
	return Bar{what, fmt.Sprintf("≤ peak concurrent requests, reuse ≥ %.1f %%", minReuse), func(r *Results, subject string) (string, verdict) {
		opened, ok1 := r.Value(workload, subject, BackendConns)
		peak, ok2 := r.Value(workload, subject, Peak)
		reuse, ok3 := r.Value(workload, subject, Reuse)
		if !ok1 || !ok2 || !ok3 {
			return "", notMeasured
		}
		found := fmt.Sprintf("%.0f opened, peak %.0f, reuse %.3f %%", opened, peak, reuse)
		return found, judge(opened <= peak && reuse >= minReuse)
	}}
}

// Elsewhere is a bar that another program checks.
func Elsewhere(what, bar, where string) Bar {
	return Bar{what, bar, func(*Results, string) (string, verdict) { return where, notMeasured }}
}

func judge(ok bool) verdict {
	if ok {
		return passed
	}
	return missed
}

func join(list, item string) string {
	if list == "" {
		return item
	}
	return list + ", " + item
}

// WriteBars writes the bars and how the subject stands to them as a Markdown table.
func (r *Results) WriteBars(w io.Writer, subject string, bars []Bar) error {
	lines := [][]string{{"what", "bar", subject, "result"}, {"---", "---", "---", "---"}}
	for _, b := range bars {
		found, v := b.check(r, subject)
		lines = append(lines, []string{b.What, b.Bar, found, v.String()})
	}
	return writeLines(w, lines)
}
