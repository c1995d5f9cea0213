package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"hearth/bench/backend"
	"hearth/bench/load"
	"hearth/bench/proc"
	"hearth/bench/report"
	"hearth/bench/subject"
)

// workload is one line of the plan: what stands behind the proxy, how the proxy is configured, and the
// load that is put on it.
type workload struct {
	name    string
	proxy   subject.Options
	backend behind
	run     func(*trial) error
}

// behind is the backend: the counting one with a number of listeners, or nginx.
type behind struct {
	listeners   int // 0: nginx
	behaviour   backend.Behaviour
	certificate string // nginx's: "" is without TLS
}

// Names which the bars refer to.
const (
	small64     = "small GET, 64 connections, 1v1"
	logged      = "small GET, 64 connections, 1v1, access log on"
	megabyte    = "1 MB response, 16 connections, 1v1"
	hundred     = "100 MB response, 4 connections, 1v1"
	idleClients = "10,000 idle client connections, 1v1"
	steady      = "steady load, 64 clients, 2v2"
	reloading   = "10 reloads a second, 64 clients, 1v1"

	httpsKept   = "HTTPS small GET, 64 connections, 1v1"
	fullP256    = "full handshakes, P-256, 16 clients, 1v1"
	fullRSA     = "full handshakes, RSA-2048, 16 clients, 1v1"
	resumed     = "resumed handshakes, P-256, 16 clients, 1v1"
	h2Small     = "HTTP/2 small GET over TLS, 10 connections × 32 streams, 1v1"
	grpcUnary   = "gRPC unary, 10 connections × 32 streams, 1v1"
	httpsBehind = "HTTPS upstream, small GET, 64 connections, 1v1"
	rsaStorm    = "500 RSA handshakes a second beside established connections, 2v2"
	idleSecure  = "10,000 idle HTTPS connections, 1v1"
	closeReuse  = "backend closes on every reuse, two peers, 1v1"
)

var (
	one          = subject.Options{Workers: 1}
	two          = subject.Options{Workers: 2}
	oneLog       = subject.Options{Workers: 1, AccessLog: true}
	oneMany      = subject.Options{Workers: 1, Connections: 12000}
	oneUnspooled = subject.Options{Workers: 1, Unspooled: true}
	oneRetry     = subject.Options{Workers: 1, Retry: true}
	oneWarn      = subject.Options{Workers: 1, Retry: true, LogLevel: "warn"} // warn: peers marked down

	oneP256     = subject.Options{Workers: 1, Certificate: p256}
	oneRSA      = subject.Options{Workers: 1, Certificate: rsa2048}
	twoRSA      = subject.Options{Workers: 2, Certificate: rsa2048}
	oneP256Many = subject.Options{Workers: 1, Certificate: p256, Connections: 12000}
	oneH2       = subject.Options{Workers: 1, Certificate: p256, HTTP2: true}
	oneGRPC     = subject.Options{Workers: 1, HTTP2: true, Behind: subject.GRPC}
	oneHTTPS    = subject.Options{Workers: 1, Behind: subject.HTTPS}

	nginxBehind = behind{}
	nginxSecure = behind{certificate: p256}
	lean        = behind{listeners: 1, behaviour: backend.Behaviour{Lean: true}}
	grpcBehind  = behind{listeners: 1, behaviour: backend.Behaviour{GRPC: true}}
	counting    = behind{listeners: 1}
	impatient   = behind{listeners: 1, behaviour: backend.Behaviour{Idle: 20 * time.Millisecond}}
	onceOnly    = behind{listeners: 2, behaviour: backend.Behaviour{CloseOnReuse: true}}
)

// plan is all workloads, in the order in which they run. "1v1" is one loop against one worker process
// or thread, "2v2" two against two.
var plan = []workload{
	{"small GET, 1 connection, 1v1", one, lean, get("/small", 1)},
	{"small GET, 8 connections, 1v1", one, lean, get("/small", 8)},
	{small64, one, lean, get("/small", 64)},
	{"small GET, 512 connections, 1v1", one, lean, get("/small", 512)},
	{"small GET, 64 connections, nginx behind, 1v1", one, nginxBehind, get("/small", 64)},
	{"small GET, 1 connection, 2v2", two, lean, get("/small", 1)},
	{"small GET, 8 connections, 2v2", two, lean, get("/small", 8)},
	{"small GET, 64 connections, 2v2", two, lean, get("/small", 64)},
	{"small GET, 512 connections, 2v2", two, lean, get("/small", 512)},
	{logged, oneLog, lean, get("/small", 64)},
	{"small GET, connection per request, 64 clients, 1v1", one, nginxBehind, get("/small", 64, "Connection: close")},
	{"10 KB response, 64 connections, 1v1", one, nginxBehind, get("/files/10k", 64)},
	{megabyte, one, nginxBehind, get("/files/1m", 16)},
	{hundred, one, nginxBehind, get("/files/100m", 4)},
	{"100 MB response, no temporary file, 4 connections, 1v1", oneUnspooled, nginxBehind, get("/files/100m", 4)},
	{"10 KB POST, 16 connections, 1v1", one, counting, post(10<<10, 16)},
	{"10 MB POST, 4 connections, 1v1", one, counting, post(10<<20, 4)},
	{idleClients, oneMany, nginxBehind, idle(10_000)},
	{steady, two, counting, steadyLoad(0)},
	{"steady load with pauses, 64 clients, 2v2", two, counting, steadyLoad(20 * time.Millisecond)},
	{"backend closes idle connections, 128 clients, 1v1", oneRetry, impatient, pausing},
	{closeReuse, oneWarn, onceOnly, reuseCloses},
	{reloading, one, counting, reloadStorm},

	{httpsKept, oneP256, lean, get("/small", 64)},
	{"HTTPS small GET, 64 connections, nginx behind, 1v1", oneP256, nginxBehind, get("/small", 64)},
	{"HTTPS small GET, RSA-2048, 64 connections, 1v1", oneRSA, lean, get("/small", 64)},
	{"HTTPS 1 MB response, 16 connections, 1v1", oneP256, nginxBehind, get("/files/1m", 16)},
	{fullP256, oneP256, nginxBehind, handshakes(false)},
	{fullRSA, oneRSA, nginxBehind, handshakes(false)},
	{resumed, oneP256, nginxBehind, handshakes(true)},
	{h2Small, oneH2, nginxBehind, getH2("/small")},
	{grpcUnary, oneGRPC, grpcBehind, unary},
	{httpsBehind, oneHTTPS, nginxSecure, get("/small", 64)},
	{rsaStorm, twoRSA, nginxBehind, handshakeStorm},
	{idleSecure, oneP256Many, nginxBehind, idle(10_000)},
}

func (t *trial) url(path string) string {
	if t.secure {
		return "https://" + t.proxy.Addr + path
	}
	return "http://" + t.proxy.Addr + path
}

// length is how long one load lasts.
func (t *trial) length() time.Duration { return time.Duration(t.seconds) * time.Second }

// get is GETs by wrk.
func get(path string, conns int, headers ...string) func(*trial) error {
	return func(t *trial) error {
		t.warm(path, conns)
		wrk := load.Wrk{URL: t.url(path), Conns: conns, Seconds: t.seconds, Headers: headers, Dir: t.dir}
		_, err := t.measure(func() (load.Result, error) { return wrk.Run(t.ctx) })
		return err
	}
}

// post is POSTs of size bytes; the backend has to have received them all.
func post(size, conns int) func(*trial) error {
	return func(t *trial) error {
		t.warm("/", conns)
		before, err := t.backend.Stats()
		if err != nil {
			return err
		}
		client := load.Client{Addr: t.proxy.Addr, Path: "/", Conns: conns, Body: size}
		result, err := t.measure(func() (load.Result, error) { return client.Run(t.ctx, t.length()), nil })
		if err != nil {
			return err
		}
		after, err := t.backend.Stats()
		if want := result.Requests * int64(size); err == nil && after.Bytes-before.Bytes < want {
			err = fmt.Errorf("the backend received %d bytes of %d", after.Bytes-before.Bytes, want)
		}
		return err
	}
}

// idle is the memory that n clients cost which have been served once and keep their connection.
func idle(n int) func(*trial) error {
	return func(t *trial) error {
		t.warm("/small", 16)
		base, err := proc.Memory(t.proxy.PID())
		if err != nil {
			return err
		}
		clients, err := load.OpenIdle(t.ctx, t.proxy.Addr, t.secure, "/small", n)
		if err != nil {
			return err
		}
		defer clients.Close()
		// Let the proxy finish with the last of them, and return what it wants to return.
		select {
		case <-t.ctx.Done():
			return t.ctx.Err()
		case <-time.After(time.Second):
		}
		full, err := proc.Memory(t.proxy.PID())
		if err != nil {
			return err
		}
		t.sample[report.Base] = float64(base) / (1 << 20)
		t.sample[report.PerConnection] = float64(full-base) / 1024 / float64(n)
		if err := clients.Check("/small"); err != nil {
			return fmt.Errorf("an idle connection was not served again: %w", err)
		}
		t.sample[report.Errors] = 0
		return nil
	}
}

// steadyLoad compares the connections opened to the backend, from the very first request on, with the
// most requests that were outstanding at once. Without pauses every client always has one outstanding, and
// no proxy needs more connections than clients; with pauses far fewer are needed, and a proxy that divides
// its idle connections between workers opens more than it needs. (Whenever the machine stalls, clients pile
// up, so on a busy one the peak comes near the number of clients all the same.)
func steadyLoad(think time.Duration) func(*trial) error {
	return func(t *trial) error {
		client := load.Client{Addr: t.proxy.Addr, Path: "/", Conns: 64, Think: think}
		// The first requests have to open connections: there must be enough others for a share to be told.
		length := max(t.length(), 5*time.Second)
		result, err := t.measure(func() (load.Result, error) { return client.Run(t.ctx, length), nil })
		if err != nil {
			return err
		}
		stats, err := t.backend.Stats()
		if err != nil {
			return err
		}
		t.sample[report.Peak] = float64(result.Peak)
		t.sample[report.PeakBehind] = float64(stats.PeakRequests)
		if n := stats.Requests - t.base.Requests; n > 0 {
			t.sample[report.Reuse] = 100 * (1 - float64(stats.Accepted-t.base.Accepted)/float64(n))
		}
		return nil
	}
}

// pausing is clients that pause between requests for up to three times as long as the backend keeps an
// idle connection, so that it often closes one just as it is wanted.
func pausing(t *trial) error {
	client := load.Client{Addr: t.proxy.Addr, Path: "/", Conns: 128, Think: 60 * time.Millisecond}
	_, err := t.measure(func() (load.Result, error) { return client.Run(t.ctx, t.length()), nil })
	return err
}

// reuseCloses first loads with GETs, which can always be repeated, then with POSTs, which must fail
// rather than be repeated.
func reuseCloses(t *trial) error {
	client := load.Client{Addr: t.proxy.Addr, Path: "/", Conns: 16}
	if _, err := t.measure(func() (load.Result, error) { return client.Run(t.ctx, t.length()), nil }); err != nil {
		return err
	}
	client.Body, client.IDs = 1<<10, true
	posts := client.Run(t.ctx, t.length())
	stats, err := t.backend.Stats()
	if err != nil {
		return err
	}
	t.sample[report.PostErrors] = float64(posts.Errors)
	t.sample[report.Twice] = float64(stats.Repeated)
	log := t.proxy.Log()
	t.sample[report.Down] = float64(strings.Count(log, "temporarily disabled") + strings.Count(log, "no live upstreams"))
	return nil
}

// reloadStorm reloads the proxy every 100 ms while clients send, and looks at what that does to them and
// to the connections to the backend.
func reloadStorm(t *trial) error {
	length := 10 * time.Second
	if t.quick {
		length = 3 * time.Second
	}
	t.warm("/", 64)
	before, err := t.backend.Stats()
	if err != nil {
		return err
	}
	client := load.Client{Addr: t.proxy.Addr, Path: "/", Conns: 64}
	reloads := 0
	_, err = t.measure(func() (load.Result, error) {
		done := make(chan load.Result)
		go func() { done <- client.Run(t.ctx, length) }()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var failed error
		for {
			select {
			case result := <-done:
				return result, failed
			case <-tick.C:
				if err := t.proxy.Reload(); err != nil {
					failed = errors.Join(errors.New("cannot be reloaded"), err)
					tick.Stop()
				}
				reloads++
			}
		}
	})
	if err != nil {
		return err
	}
	after, err := t.backend.Stats()
	if err != nil {
		return err
	}
	t.sample[report.Reloads] = float64(reloads)
	t.sample[report.Opened] = float64(after.Accepted - before.Accepted)
	t.sample[report.Closed] = float64(after.ClosedByPeer - before.ClosedByPeer)
	return nil
}
