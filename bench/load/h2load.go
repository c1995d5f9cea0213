package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// H2load is one run of nghttp2's h2load: requests over HTTP/2 on Conns connections, each with Streams of them under way,
// for a number of whole seconds.
type H2load struct {
	URL     string
	Conns   int
	Streams int
	Seconds int
	Headers []string // "name: value"
	Body    []byte   // of a POST; nil means GET
	Dir     string   // where its files may be written
}

// Run runs h2load to its end, or kills it when ctx is cancelled.
func (h H2load) Run(ctx context.Context) (Result, error) {
	log := filepath.Join(h.Dir, "h2load.log")
	os.Remove(log) // it would be appended to
	args := []string{"-t1", "-c" + strconv.Itoa(h.Conns), "-m" + strconv.Itoa(h.Streams), "-D" + strconv.Itoa(h.Seconds), "--log-file=" + log}
	for _, field := range h.Headers {
		args = append(args, "-H", field)
	}
	if h.Body != nil {
		body := filepath.Join(h.Dir, "h2load.body")
		if err := os.WriteFile(body, h.Body, 0o644); err != nil {
			return Result{}, err
		}
		args = append(args, "-d", body)
	}
	cmd := exec.CommandContext(ctx, "h2load", append(args, h.URL)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return Result{}, fmt.Errorf("h2load: %w: %s", err, out)
	}
	r, err := parseH2load(out)
	if err != nil {
		return r, err
	}
	file, err := os.Open(log)
	if err != nil {
		return r, err
	}
	defer file.Close()
	times, err := parseH2loadLog(file)
	if err != nil {
		return r, err
	}
	slices.Sort(times)
	r.P50, r.P99 = percentile(times, 0.50), percentile(times, 0.99)
	return r, nil
}

var (
	h2loadFinished = regexp.MustCompile(`(?m)^finished in ([0-9.]+(?:us|ms|s)),`)
	h2loadRequests = regexp.MustCompile(`(?m)^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2loadTraffic  = regexp.MustCompile(`(?m)^traffic: .*, \S+ \((\d+)\) data`)
)

// parseH2load reads the totals that h2load prints at its end.
func parseH2load(out []byte) (Result, error) {
	finished, requests, traffic := h2loadFinished.FindSubmatch(out), h2loadRequests.FindSubmatch(out), h2loadTraffic.FindSubmatch(out)
	if finished == nil || requests == nil || traffic == nil {
		return Result{}, fmt.Errorf("h2load printed no figures: %q", out)
	}
	elapsed, err := time.ParseDuration(string(finished[1]))
	if err != nil || elapsed <= 0 {
		return Result{}, fmt.Errorf("h2load finished in %q", finished[1])
	}
	n := make([]int64, 5)
	for i := range n {
		n[i], _ = strconv.ParseInt(string(requests[i+1]), 10, 64)
	}
	r := Result{Requests: n[1], Elapsed: elapsed, Failures: map[string]int64{}}
	r.Bytes, _ = strconv.ParseInt(string(traffic[1]), 10, 64)
	// Failed ones are those with an error status and, among them, the errored ones.
	if r.Errors = n[2] + n[4]; n[2] > 0 {
		r.Failures["failed"] = n[2]
	}
	if n[4] > 0 {
		r.Failures["timeout"] = n[4]
	}
	if r.Requests == 0 {
		return r, errors.New("h2load: not one request succeeded")
	}
	return r, nil
}

// parseH2loadLog reads how long each request took: the third column, in microseconds.
func parseH2loadLog(in io.Reader) ([]time.Duration, error) {
	var times []time.Duration
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := bytes.Split(lines.Bytes(), []byte("\t"))
		if len(fields) < 3 {
			return nil, fmt.Errorf("h2load's log has the line %q", lines.Bytes())
		}
		n, err := strconv.ParseInt(string(fields[2]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("h2load's log has the line %q", lines.Bytes())
		}
		times = append(times, time.Duration(n)*time.Microsecond)
	}
	return times, lines.Err()
}
