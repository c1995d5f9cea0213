package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"hearth/bench/backend"
	"hearth/bench/child"
	"hearth/bench/load"
	"hearth/bench/proc"
	"hearth/bench/report"
	"hearth/bench/subject"
)

// laboratory is what all trials of a run share.
type laboratory struct {
	dir     string // holds everything the programs write; removed at the end
	ports   *child.Ports
	seconds int  // of load in one trial
	quick   bool // shorten what is long by nature
}

// warmUp is how long a proxy is loaded before measuring begins.
const warmUp = 300 * time.Millisecond

// trial is one measurement: one subject, freshly started, under one workload, in front of a backend that
// was freshly started, too. So no trial inherits connections, memory or sockets from another.
type trial struct {
	*laboratory
	ctx     context.Context
	backend *backend.Backend
	proxy   *subject.Running
	base    backend.Stats // when the proxy had just started
	secure  bool          // clients come over TLS
	sample  report.Sample
	notes   []string
}

// run carries out one trial. What it started has ended when it returns.
func (lab *laboratory) run(ctx context.Context, w workload, s subject.Subject) (*trial, error) {
	t := &trial{laboratory: lab, ctx: ctx, sample: report.Sample{}}
	var err error
	if w.backend.listeners == 0 {
		t.backend, err = backend.StartNginx(ctx, lab.ports, lab.dir, lab.certificate(w.backend.certificate))
	} else {
		t.backend, err = backend.StartCounting(ctx, lab.ports, w.backend.listeners, w.backend.behaviour)
	}
	if err != nil {
		return t, err
	}
	defer t.backend.Stop()
	options := w.proxy
	options.Backends = t.backend.Addrs
	options.Certificate = lab.certificate(options.Certificate)
	t.secure = options.Certificate != ""
	if t.proxy, err = s.Start(ctx, lab.ports, lab.dir, options); err != nil {
		return t, err
	}
	defer t.proxy.Stop()
	if t.base, err = t.backend.Stats(); err != nil {
		return t, err
	}
	if err := w.run(t); err != nil {
		return t, err
	}
	if t.proxy.Exited() {
		return t, errors.New("the proxy ended by itself")
	}
	return t, errors.Join(t.remains(), ctx.Err())
}

// warm sends GETs for path on conns connections for a moment.
func (t *trial) warm(path string, conns int) {
	load.Client{Addr: t.proxy.Addr, Path: path, Conns: conns, TLS: t.secure}.Run(t.ctx, warmUp)
}

// measure runs one load and notes what it cost.
func (t *trial) measure(run func() (load.Result, error)) (load.Result, error) {
	before, err := proc.CPU(t.proxy.PID())
	if err != nil {
		return load.Result{}, err
	}
	result, err := run()
	if err != nil {
		return result, err
	}
	after, err := proc.CPU(t.proxy.PID())
	if err != nil {
		return result, fmt.Errorf("the proxy is gone: %w", err)
	}
	t.record(result, after-before)
	return result, nil
}

func (t *trial) record(r load.Result, cpu time.Duration) {
	if n := r.Requests + r.Errors; n > 0 {
		t.sample[report.CPU] = float64(cpu.Nanoseconds()) / 1e3 / float64(n)
	}
	t.sample[report.Rate] = float64(r.Requests) / r.Elapsed.Seconds()
	t.sample[report.P50] = r.P50.Seconds() * 1e3
	t.sample[report.P99] = r.P99.Seconds() * 1e3
	t.sample[report.Errors] = float64(r.Errors)
	t.note(r.Kinds())
	// Where the bytes are what is paid for, that is the better measure.
	if n := r.Requests + r.Errors; n > 0 && r.Bytes/n >= 100_000 {
		gigabytes := float64(r.Bytes) / 1e9
		t.sample[report.CPUPerGB] = cpu.Seconds() * 1e3 / gigabytes
		t.sample[report.GBPerSecond] = gigabytes / r.Elapsed.Seconds()
	}
}

func (t *trial) note(text string) {
	if text != "" {
		t.notes = append(t.notes, text)
	}
}

// remains notes what the load left behind: memory, backend connections, sockets in TIME_WAIT.
func (t *trial) remains() error {
	memory, err := proc.Memory(t.proxy.PID())
	if err != nil {
		return err
	}
	t.sample[report.Resident] = float64(memory) / (1 << 20)
	stats, err := t.backend.Stats()
	if err != nil {
		return err
	}
	t.sample[report.BackendConns] = float64(stats.Accepted - t.base.Accepted)
	var ports []int
	for _, addr := range t.backend.Addrs {
		ports = append(ports, port(addr))
	}
	sockets, err := proc.TimeWait(port(t.proxy.Addr), ports)
	if err != nil {
		return err
	}
	// Waiting for the backend to listen has left one of these per address.
	t.sample[report.TimeWait] = float64(max(0, sockets-len(ports)))
	return nil
}

// port is the port of an address such as 127.0.0.1:8080.
func port(addr string) int {
	_, text, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(text)
	return n
}

// newLaboratory makes the directory for a run, in memory where the system has such a place: neither the
// backend's files nor anybody's log is to wait for a disk.
func newLaboratory(seconds int, quick bool) (*laboratory, error) {
	parent := "/dev/shm"
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "hearth-bench-")
	if err != nil {
		return nil, err
	}
	lab := &laboratory{dir: dir, ports: child.NewPorts(), seconds: seconds, quick: quick}
	if err := writeCertificates(dir); err != nil {
		lab.close()
		return nil, err
	}
	if err := backend.WriteFiles(dir, map[string]int64{"10k": 10 << 10, "1m": 1 << 20, "100m": 100 << 20}); err != nil {
		lab.close()
		return nil, err
	}
	return lab, nil
}

func (lab *laboratory) close() { os.RemoveAll(lab.dir) }
