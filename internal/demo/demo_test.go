package demo

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

func TestTheDemonstrationReportsTrafficWithoutFailuresAndEnds(t *testing.T) {
	var out, errors strings.Builder
	code := Run(Options{Listen: coretest.FreeAddress(t), For: 2500 * time.Millisecond, Version: "test", Stdout: &out, Stderr: &errors})
	if code != 0 || errors.String() != "" {
		t.Fatalf("exit code %d, errors %q", code, errors.String())
	}
	lines := regexp.MustCompile(`(?m)^ *(\d+) +(\d+) +(\d+) +([\d.]+)% +\S+s +\S+s$`).FindAllStringSubmatch(out.String(), -1)
	if len(lines) != 2 {
		t.Fatalf("%d lines of figures, want 2:\n%s", len(lines), out.String())
	}
	for _, line := range lines {
		if line[1] == "0" || line[2] != "0" {
			t.Errorf("a second with %s requests and %s failures: %s", line[1], line[2], line[0])
		}
	}
}

func TestAnAddressInUseIsAClearError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var out, errors strings.Builder
	code := Run(Options{Listen: ln.Addr().String(), Stdout: &out, Stderr: &errors})
	if code != 1 || !strings.Contains(errors.String(), "address already in use; choose another address with --listen") {
		t.Fatalf("exit code %d, errors %q", code, errors.String())
	}
}

func TestQuantilesOfLatencies(t *testing.T) {
	times := []time.Duration{1, 2, 3, 4, 5}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 4, 1: 5} {
		if got := quantile(times, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}
