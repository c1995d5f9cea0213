// Package report turns the samples of a run into medians, ratios to nginx, and the tables that are
// printed and stored. It measures nothing.
package report

import (
	"math"
	"slices"
	"strconv"
)

// Figure is something that is measured.
type Figure int

// The figures. The first ones have columns of their own in the table; those after TimeWait belong to a
// few workloads and are listed in the last column.
const (
	CPU          Figure = iota // CPU time of the proxy per request, µs
	Rate                       // requests per second
	P50                        // latency, ms
	P99                        // latency, ms
	Errors                     // failed requests
	Resident                   // memory of the proxy after the load, MB
	BackendConns               // connections the backend accepted since the proxy started
	TimeWait                   // sockets in TIME_WAIT, of the proxy's listener and its backends

	CPUPerGB      // CPU time of the proxy per 10^9 bytes, ms
	GBPerSecond   // bodies, 10^9 bytes per second
	PerConnection // memory per idle client connection beyond the base, KB
	Base          // memory before those connections, MB
	Peak          // most requests outstanding at once
	PeakBehind    // most requests under way at once at the backend
	Reuse         // share of requests that did not need a new backend connection, %
	Closed        // backend connections which the proxy closed under load
	Opened        // backend connections opened under load
	Reloads       // carried out
	PostErrors    // failed POST requests
	Twice         // requests that reached the backend more than once
	Down          // times a peer was marked as failed, or none was left
	QuietP99      // latency of established connections before a storm of handshakes, ms
	MovedP99      // by how much the storm moves it, ms
	Handshakes    // of the storm, per second
	StormErrors   // failed handshakes of the storm
	figures
)

// fold makes one value of the rounds' values.
type fold func([]float64) float64

// descriptions say how each figure is named, printed and folded. What has to hold in every round is
// folded to its worst round, everything else to the median.
var descriptions = [figures]struct {
	name   string
	digits int
	fold   fold
}{
	CPU:           {"CPU µs/request", 2, Median},
	Rate:          {"requests/s", 0, Median},
	P50:           {"p50 ms", 2, Median},
	P99:           {"p99 ms", 2, Median},
	Errors:        {"errors", 0, slices.Max[[]float64]},
	Resident:      {"memory MB", 1, Median},
	BackendConns:  {"backend connections", 0, slices.Max[[]float64]},
	TimeWait:      {"TIME_WAIT", 0, Median},
	CPUPerGB:      {"CPU ms/GB", 0, Median},
	GBPerSecond:   {"GB/s", 2, Median},
	PerConnection: {"KB per idle connection", 2, Median},
	Base:          {"base MB", 1, Median},
	Peak:          {"peak concurrent requests", 0, slices.Min[[]float64]},
	PeakBehind:    {"the same at the backend", 0, slices.Min[[]float64]},
	Reuse:         {"reuse %", 3, slices.Min[[]float64]},
	Closed:        {"pooled connections closed", 0, slices.Max[[]float64]},
	Opened:        {"backend connections opened under load", 0, slices.Max[[]float64]},
	Reloads:       {"reloads", 0, Median},
	PostErrors:    {"failed POSTs", 0, slices.Max[[]float64]},
	Twice:         {"delivered twice", 0, slices.Max[[]float64]},
	Down:          {"peers marked down", 0, slices.Max[[]float64]},
	QuietP99:      {"p99 ms before the storm", 2, Median},
	MovedP99:      {"p99 moved by ms", 2, Median},
	Handshakes:    {"handshakes/s beside", 0, Median},
	StormErrors:   {"failed handshakes beside", 0, slices.Max[[]float64]},
}

func (f Figure) String() string { return descriptions[f].name }

// format prints a value of the figure.
func (f Figure) format(v float64) string {
	return strconv.FormatFloat(v, 'f', descriptions[f].digits, 64)
}

// Sample is what one trial measured: not every figure is measured in every workload.
type Sample map[Figure]float64

// Median is the middle value, or the mean of the two middle ones; NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
