package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"hearth/bench/load"
	"hearth/bench/report"
)

// handshakes is TLS connections that send one small request each, which is answered without a backend.
func handshakes(resume bool) func(*trial) error {
	return func(t *trial) error {
		client := load.Handshakes{Addr: t.proxy.Addr, Path: "/handshake", Conns: 16, Resume: resume}
		client.Run(t.ctx, warmUp)
		_, err := t.measure(func() (load.Result, error) { return client.Run(t.ctx, t.length()), nil })
		return err
	}
}

// getH2 is GETs over HTTP/2, by h2load.
func getH2(path string) func(*trial) error {
	return func(t *trial) error {
		h2 := load.H2load{URL: t.url(path), Conns: 10, Streams: 32, Seconds: 1, Dir: t.dir}
		if _, err := h2.Run(t.ctx); err != nil { // a warm-up
			return err
		}
		h2.Seconds = t.seconds
		_, err := t.measure(func() (load.Result, error) { return h2.Run(t.ctx) })
		return err
	}
}

// unary is gRPC's unary calls, each with a message of a few bytes either way. What h2load takes for a success may be an error in
// gRPC's trailers: so all must have been answered by the backend.
func unary(t *trial) error {
	h2 := load.H2load{
		URL: t.url("/bench.Echo/Unary"), Conns: 10, Streams: 32, Seconds: 1, Dir: t.dir,
		Headers: []string{"content-type: application/grpc", "te: trailers"}, Body: append([]byte{0, 0, 0, 0, 4}, "\x0a\x02hi"...),
	}
	if _, err := h2.Run(t.ctx); err != nil {
		return err
	}
	h2.Seconds = t.seconds
	before, err := t.backend.Stats()
	if err != nil {
		return err
	}
	result, err := t.measure(func() (load.Result, error) { return h2.Run(t.ctx) })
	if err != nil {
		return err
	}
	after, err := t.backend.Stats()
	if n := after.Requests - before.Requests; err == nil && n < result.Requests {
		err = fmt.Errorf("the backend answered %d calls of %d", n, result.Requests)
	}
	return err
}

// stormRate is the storm's handshakes a second.
const stormRate = 500

// handshakeStorm compares the latency of established connections without and with a storm of handshakes, turn and turn about, so
// that what else disturbs the machine disturbs both. The storm is a process of its own: it must not make the client late
// whose latencies are taken.
func handshakeStorm(t *trial) error {
	client := load.Client{Addr: t.proxy.Addr, Path: "/small", Conns: 16, Think: 20 * time.Millisecond, TLS: true, Ahead: true}
	client.Run(t.ctx, warmUp)
	var quiet, stormy, rates []float64
	for range max(3, t.seconds) {
		r := client.Run(t.ctx, time.Second)
		quiet = append(quiet, r.P99.Seconds()*1e3)
		t.sample[report.Errors] += float64(r.Errors)
		r, beside, err := t.underStorm(client, time.Second)
		if err != nil {
			return err
		}
		stormy = append(stormy, r.P99.Seconds()*1e3)
		rates = append(rates, float64(beside.Requests)/beside.Elapsed.Seconds())
		t.sample[report.Errors] += float64(r.Errors)
		t.sample[report.StormErrors] += float64(beside.Errors)
		t.note(beside.Kinds())
	}
	t.sample[report.QuietP99] = report.Median(quiet)
	t.sample[report.P99] = report.Median(stormy)
	t.sample[report.MovedP99] = report.Median(stormy) - report.Median(quiet)
	t.sample[report.Handshakes] = report.Median(rates)
	return nil
}

// underStorm runs a client, and a storm beside it.
func (t *trial) underStorm(client load.Client, length time.Duration) (r, beside load.Result, err error) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var err error
		beside, err = runStorm(ctx, t.proxy.Addr, length)
		done <- err
	}()
	r = client.Run(t.ctx, length)
	return r, beside, <-done
}

// runStorm runs this program as a storm.
func runStorm(ctx context.Context, addr string, length time.Duration) (r load.Result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, "storm", "-addr", addr, "-length", length.String(), "-rate", strconv.Itoa(stormRate))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("storm: %w", err)
	}
	return r, json.Unmarshal(out, &r)
}

// storm is the main function of the storm's process, which prints its result.
func storm(args []string) error {
	flags := flag.NewFlagSet("storm", flag.ContinueOnError)
	h := load.Handshakes{Path: "/handshake", Conns: 32}
	flags.StringVar(&h.Addr, "addr", "", "whom to visit")
	flags.IntVar(&h.Rate, "rate", stormRate, "handshakes a second")
	length := flags.Duration("length", time.Second, "for how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(h.Run(context.Background(), *length))
}
