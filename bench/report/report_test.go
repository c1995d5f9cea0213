package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{1, 1, 100}, 1}} {
		if got := Median(c.values); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.values, got, c.want)
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("the median of nothing is a number")
	}
	values := []float64{2, 1}
	if Median(values); values[0] != 2 {
		t.Error("the values were sorted in place")
	}
}

// twoRounds has hearth at 0.8 and 0.9 of nginx, in rounds that differ by far more than that.
func twoRounds() *Results {
	r := NewResults([]string{"hearth", "nginx"})
	r.Add("get", "nginx", 0, Sample{CPU: 10, Rate: 1000, P99: 2, Errors: 0})
	r.Add("get", "hearth", 0, Sample{CPU: 8, Rate: 1100, P99: 2, Errors: 0, BackendConns: 64, Peak: 64, Reuse: 99.95})
	r.Add("get", "hearth", 1, Sample{CPU: 18, Rate: 560, P99: 4, Errors: 0, BackendConns: 60, Peak: 64, Reuse: 99.91})
	r.Add("get", "nginx", 1, Sample{CPU: 20, Rate: 500, P99: 4, Errors: 0})
	return r
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	median, least, most, ok := twoRounds().Ratio("get", "hearth", CPU)
	if got := []float64{median, least, most}; !ok || math.Abs(got[0]-0.85) > 1e-9 || got[1] != 0.8 || got[2] != 0.9 {
		t.Errorf("got %v, %v", got, ok)
	}
}

func TestRatioNeedsBothSubjects(t *testing.T) {
	r := NewResults([]string{"hearth", "nginx"})
	r.Add("get", "hearth", 0, Sample{CPU: 8})
	r.Add("get", "nginx", 1, Sample{CPU: 10}) // another round
	if _, _, _, ok := r.Ratio("get", "hearth", CPU); ok {
		t.Error("a ratio of different rounds")
	}
}

func TestWhatMustNotHappenIsTakenFromTheWorstRound(t *testing.T) {
	r := NewResults([]string{"hearth"})
	for round, errors := range []float64{0, 7, 0} {
		r.Add("get", "hearth", round, Sample{Errors: errors, Reuse: 100 - errors})
	}
	if v, _ := r.Value("get", "hearth", Errors); v != 7 {
		t.Errorf("errors: %v", v)
	}
	if v, _ := r.Value("get", "hearth", Reuse); v != 93 {
		t.Errorf("reuse: %v", v)
	}
}

func TestTable(t *testing.T) {
	r := twoRounds()
	r.Note("get", "nginx", "closed × 3")
	r.Note("get", "nginx", "closed × 3")
	r.Note("idle", "hearth", "the proxy ended | early")
	var text strings.Builder
	if err := r.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	want := `| workload | proxy | CPU µs/request | ÷ nginx (min–max) | requests/s | ÷ nginx | p50 ms | p99 ms | ÷ nginx | errors | memory MB | backend connections | TIME_WAIT | also |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| get | hearth | 13.00 | **0.85** (0.80–0.90) | 830 | 1.11 |  | 3.00 | 1.00 | 0 |  | 64 |  | peak concurrent requests 64; reuse % 99.910 |
|  | nginx | 15.00 |  | 750 |  |  | 3.00 |  | 0 |  |  |  | closed × 3 |
| idle | hearth |  |  |  |  |  |  |  |  |  |  |  | the proxy ended \| early |
`
	if d := cmp.Diff(want, text.String()); d != "" {
		t.Error(d)
	}
}

func TestBars(t *testing.T) {
	failing := twoRounds()
	failing.Add("get", "hearth", 2, Sample{Errors: 5})
	for _, c := range []struct {
		name    string
		results *Results
		bar     Bar
		found   string
		want    verdict
	}{
		{"ratio within", twoRounds(), AtMostOfReference("", "get", CPU, 0.9), "0.85 (0.80–0.90)", passed},
		{"ratio beyond", twoRounds(), AtMostOfReference("", "get", CPU, 0.8), "0.85 (0.80–0.90)", missed},
		{"ratio within, but with errors", failing, AtMostOfReference("", "get", CPU, 0.9), "0.85 (0.80–0.90), with 5 errors", missed},
		{"faster", twoRounds(), NoSlower("", "get"), "1.11 (1.10–1.12)", passed},
		{"as late", twoRounds(), NoLater("", "get"), "1.00 (1.00–1.00)", passed},
		{"warm pool", twoRounds(), WarmPool("", "get", 99.9), "64 opened, peak 64, reuse 99.910 %", passed},
		{"pool not warm enough", twoRounds(), WarmPool("", "get", 99.95), "64 opened, peak 64, reuse 99.910 %", missed},
		{"no errors", twoRounds(), AtMost("", "", "get", Limit{Errors, 0}), "errors 0", passed},
		{"errors", failing, AtMost("", "", "get", Limit{Errors, 0}, Limit{Peak, 64}), "errors 5, peak concurrent requests 64", missed},
		{"another workload", twoRounds(), AtMost("", "", "idle", Limit{PerConnection, 0.6}), "", notMeasured},
		{"another program", twoRounds(), Elsewhere("", "0", "the Go benchmark"), "the Go benchmark", notMeasured},
	} {
		found, v := c.bar.check(c.results, "hearth")
		if found != c.found || v != c.want {
			t.Errorf("%s: got %q, %v, want %q, %v", c.name, found, v, c.found, c.want)
		}
	}
}

func TestBarTable(t *testing.T) {
	var text strings.Builder
	bars := []Bar{AtMostOfReference("CPU", "get", CPU, 0.9), Elsewhere("allocations", "0", "the Go benchmark")}
	if err := twoRounds().WriteBars(&text, "hearth", bars); err != nil {
		t.Fatal(err)
	}
	want := `| what | bar | hearth | result |
| --- | --- | --- | --- |
| CPU | ≤ 0.90 of nginx | 0.85 (0.80–0.90) | pass |
| allocations | 0 | the Go benchmark | not measured |
`
	if d := cmp.Diff(want, text.String()); d != "" {
		t.Error(d)
	}
}
