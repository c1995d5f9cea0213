// Package load sends requests to a proxy: through wrk where wrk can, and by a small client of its own
// where it cannot (bodies that are counted, think time, connections that stay idle). It does not know
// which proxy it talks to.
package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Result is what one run of load observed, from the client's side.
type Result struct {
	Requests int64 // answered with a status below 400, completely
	Bytes    int64 // received, heads included where wrk counts, and sent bodies
	Errors   int64 // requests that failed in any way
	Elapsed  time.Duration
	P50, P99 time.Duration
	Peak     int64            // most requests outstanding at once, where the client counts them
	Failures map[string]int64 // Errors by kind: "status 502", "closed", ...
}

// Kinds renders Failures, the most frequent kind first: "502 × 12, closed × 3".
func (r Result) Kinds() string {
	kinds := slices.SortedFunc(maps.Keys(r.Failures), func(a, b string) int {
		if d := r.Failures[b] - r.Failures[a]; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
	var list []string
	for _, kind := range kinds {
		if n := r.Failures[kind]; n > 0 {
			list = append(list, fmt.Sprintf("%s × %d", kind, n))
		}
	}
	return strings.Join(list, ", ")
}

// percentile is the value below which the share p of the sorted latencies lies (nearest rank).
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(p*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
