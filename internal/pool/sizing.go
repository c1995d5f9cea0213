package pool

import "math"

// Sizing compares three answers to "how large should keepalive be", for an upstream observed over some
// time. All three are for the directive, that is per loop.
type Sizing struct {
	Rate      float64 // leases a second
	Busy      float64 // connections in use at once, on average: Little's law, rate × mean time held
	Peak      int64   // connections in use at once, at most
	Suggested int     // what keeps every connection of the peak
	Little    int     // what keeps those of the average
	Thumb     int     // the tutorials' rule of thumb
}

// SizingOf works the answers out from two readings of one group; before may be the zero GroupStats with At
// set to the time the group was made.
func SizingOf(before, after *GroupStats) Sizing {
	seconds := after.At.Sub(before.At).Seconds()
	if seconds <= 0 || after.Loops == 0 {
		return Sizing{}
	}
	leases := float64(after.Leases() - before.Leases())
	s := Sizing{Rate: leases / seconds, Peak: after.Peak}
	if leases > 0 {
		s.Busy = LittlesLaw(s.Rate, (after.Held-before.Held).Seconds()/leases)
	}
	loops := float64(after.Loops)
	s.Suggested = int(math.Ceil(float64(s.Peak) / loops))
	s.Little = int(math.Ceil(s.Busy / loops))
	perConn := float64(after.Limits.Requests)
	if perConn == 0 {
		perConn = after.PerConn.Mean()
	}
	s.Thumb = RuleOfThumb(s.Rate, after.Loops, perConn)
	return s
}

// LittlesLaw is the mean number in a system that rate things a second enter, each for meanSeconds.
func LittlesLaw(rate, meanSeconds float64) float64 { return rate * meanSeconds }

// RuleOfThumb is the tutorials' formula: (rps / workers) / requests per connection × 2. It says how many
// connections end in a second, twice, rather than how many are needed at once; it is here to be compared.
func RuleOfThumb(rps float64, workers int, requestsPerConn float64) int {
	if workers <= 0 || requestsPerConn <= 0 {
		return 0
	}
	return int(math.Ceil(rps / float64(workers) / requestsPerConn * 2))
}
