package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Wrk is one run of wrk: GET requests on Conns connections for a number of whole seconds.
type Wrk struct {
	URL     string
	Conns   int
	Seconds int
	Headers []string // "Name: value"
	Dir     string   // where its script may be written
}

// report is the script given to wrk. It has no request or response hook, which would cost time for each
// request; only at the end it prints the figures exactly, where wrk itself rounds to three digits.
const report = `function done(s, l, r)
  io.write(string.format("exact requests=%d bytes=%d duration=%d p50=%d p99=%d connect=%d read=%d write=%d status=%d timeout=%d\n",
    s.requests, s.bytes, s.duration, l:percentile(50), l:percentile(99),
    s.errors.connect, s.errors.read, s.errors.write, s.errors.status, s.errors.timeout))
end
`

// Run runs wrk to its end, or kills it when ctx is cancelled.
func (w Wrk) Run(ctx context.Context) (Result, error) {
	script := filepath.Join(w.Dir, "report.lua")
	if err := os.WriteFile(script, []byte(report), 0o644); err != nil {
		return Result{}, err
	}
	args := []string{"-t1", "-c" + strconv.Itoa(w.Conns), "-d" + strconv.Itoa(w.Seconds) + "s",
		"--timeout", "10s", "--latency", "-s", script}
	for _, h := range w.Headers {
		args = append(args, "-H", h)
	}
	cmd := exec.CommandContext(ctx, "wrk", append(args, w.URL)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return Result{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

// parseWrk reads the line which the script prints after wrk's own report.
func parseWrk(out string) (Result, error) {
	at := strings.LastIndex(out, "exact ")
	if at < 0 {
		return Result{}, fmt.Errorf("wrk printed no figures: %q", out)
	}
	line, _, ok := strings.Cut(out[at+len("exact "):], "\n")
	if !ok {
		return Result{}, errors.New("wrk's last line is cut off")
	}
	n := map[string]int64{}
	for _, field := range strings.Fields(line) {
		name, value, _ := strings.Cut(field, "=")
		v, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return Result{}, fmt.Errorf("wrk printed %q: %w", field, err)
		}
		n[name] = v
	}
	for _, name := range []string{"requests", "bytes", "duration", "p50", "p99"} {
		if _, ok := n[name]; !ok {
			return Result{}, fmt.Errorf("wrk printed no %s: %q", name, line)
		}
	}
	r := Result{
		// wrk counts an answer with an error status as a request, too.
		Requests: n["requests"] - n["status"],
		Bytes:    n["bytes"],
		Elapsed:  time.Duration(n["duration"]) * time.Microsecond,
		P50:      time.Duration(n["p50"]) * time.Microsecond,
		P99:      time.Duration(n["p99"]) * time.Microsecond,
		Failures: map[string]int64{},
	}
	for _, kind := range []string{"connect", "read", "write", "status", "timeout"} {
		r.Errors += n[kind]
		if n[kind] > 0 {
			r.Failures[kind] = n[kind]
		}
	}
	return r, nil
}
