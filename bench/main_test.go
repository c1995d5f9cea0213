package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/bench/backend"
	"hearth/bench/report"
	"hearth/bench/subject"
)

// TestMain lets this binary be the counting backend and the storm, as the real one is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "backend" {
		if backend.Serve(os.Args[2:]) != nil {
			os.Exit(1)
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "storm" {
		if storm(os.Args[2:]) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestEveryBarNamesAWorkloadOfThePlan(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range plan {
		if seen[w.name] {
			t.Errorf("two workloads are called %q", w.name)
		}
		seen[w.name] = true
	}
	for _, name := range []string{small64, logged, megabyte, hundred, idleClients, steady, closeReuse, reloading,
		httpsKept, fullP256, fullRSA, resumed, h2Small, grpcUnary, httpsBehind, rsaStorm, idleSecure} {
		if !seen[name] {
			t.Errorf("no workload is called %q", name)
		}
	}
}

func TestQuickShortensWhatWasNotGiven(t *testing.T) {
	for _, c := range []struct {
		args     string
		rounds   int
		duration time.Duration
	}{
		{"", 5, 3 * time.Second},
		{"-quick", 1, time.Second},
		{"-quick -rounds 2", 2, time.Second},
		{"-quick -duration 4s", 1, 4 * time.Second},
	} {
		o, err := parse(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		if o.rounds != c.rounds || o.duration != c.duration {
			t.Errorf("%q: %d rounds of %v", c.args, o.rounds, o.duration)
		}
	}
}

func TestOnlySelectsByRegularExpression(t *testing.T) {
	o, err := parse([]string{"-only", "^small GET, (8|64) connections, 1v1$"})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.workloads) != 2 || o.workloads[1].name != small64 {
		t.Errorf("got %d workloads", len(o.workloads))
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range []string{"-rounds 0", "-duration 1500ms", "-duration 0s", "-only [", "-only nothing-like-it", "surplus"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestRoundsRotate(t *testing.T) {
	all := subject.Known("hearth")[:3]
	for round, want := range []string{"hearth nginx nginx-again", "nginx nginx-again hearth", "nginx-again hearth nginx", "hearth nginx nginx-again"} {
		if got := strings.Join(names(rotate(all, round)), " "); got != want {
			t.Errorf("round %d: got %s, want %s", round, got, want)
		}
	}
}

func TestDocumentHoldsFactsBarsAndFigures(t *testing.T) {
	results := report.NewResults([]string{"hearth", "nginx"})
	results.Add(small64, "hearth", 0, report.Sample{report.CPU: 8, report.Rate: 100, report.P99: 1})
	results.Add(small64, "nginx", 0, report.Sample{report.CPU: 10, report.Rate: 100, report.P99: 1})
	d := document{date: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), facts: facts(nil), rounds: 1, seconds: 1, subject: "hearth", results: results}
	var text strings.Builder
	if err := d.write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Benchmark of 2026-11-20", "did not cover every workload", "kernel Linux ", " cores, ",
		"| CPU per request, small GET, 64 connections, 1v1 | ≤ 0.90 of nginx | 0.80 (0.80–0.80) | pass |",
		"| " + small64 + " | hearth | 8.00 | **0.80** (0.80–0.80) |",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if name, _ := os.Hostname(); len(name) > 3 && strings.Contains(text.String(), name) {
		t.Errorf("the host's name %q is in the document", name)
	}
}

// TestATrialLeavesNothingBehind runs nginx under a short load of the own client.
func TestATrialLeavesNothingBehind(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	lab, err := newLaboratory(1, true)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(subject.Known(""), func(s subject.Subject) bool { return s.Name == "nginx" })
	trial, err := lab.run(context.Background(), workload{proxy: two, backend: counting, run: steadyLoad(0)}, subject.Known("")[at])
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []report.Figure{report.CPU, report.Rate, report.P50, report.P99, report.Resident, report.BackendConns, report.Peak, report.Reuse} {
		if trial.sample[f] <= 0 {
			t.Errorf("%v is %v", f, trial.sample[f])
		}
	}
	if trial.sample[report.Errors] != 0 {
		t.Errorf("errors: %v", trial.notes)
	}
	if !trial.proxy.Exited() {
		t.Error("the proxy still runs")
	}
	lab.close()
	if _, err := os.Stat(lab.dir); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
}
