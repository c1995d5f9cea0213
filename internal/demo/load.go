package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The burst is short and bounded; what follows is gentle.
const (
	burstClients  = 16
	burstRequests = 20_000
	gentlePause   = 20 * time.Millisecond
	reportEvery   = time.Second
)

// load is the client: a burst, then one request at a time with pauses, and a line a second.
type load struct {
	url    string
	to     *backends
	out    io.Writer
	client *http.Client
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu       sync.Mutex // guards what follows, the figures of the second
	times    []time.Duration
	failures int
}

func startLoad(url string, to *backends, out io.Writer) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{url: url, to: to, out: out, cancel: cancel,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: burstClients}, Timeout: 10 * time.Second}}
	l.ended.Add(2)
	go func() {
		defer l.ended.Done()
		l.burst(ctx)
		l.gentle(ctx)
	}()
	go func() {
		defer l.ended.Done()
		l.report(ctx)
	}()
	return l
}

// stop ends the traffic and waits for it.
func (l *load) stop() {
	l.cancel()
	l.ended.Wait()
	l.client.CloseIdleConnections()
}

func (l *load) burst(ctx context.Context) {
	var clients sync.WaitGroup
	for range burstClients {
		clients.Go(func() {
			for n := 0; n < burstRequests/burstClients && ctx.Err() == nil; n++ {
				l.request(ctx)
			}
		})
	}
	clients.Wait()
}

func (l *load) gentle(ctx context.Context) {
	tick := time.NewTicker(gentlePause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.request(ctx)
		}
	}
}

// request makes one request and notes how long it took.
func (l *load) request(ctx context.Context) {
	began := time.Now()
	err := l.get(ctx)
	took := time.Since(began)
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures++
		return
	}
	l.times = append(l.times, took)
}

func (l *load) get(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return err
	}
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func (l *load) report(ctx context.Context) {
	fmt.Fprintf(l.out, "%9s %7s %9s %8s %9s %9s\n", "requests", "failed", "dialled", "reuse", "p50", "p99")
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.line()
		}
	}
}

// line writes the figures of the last second; connections dialled and their reuse are of all the time so far, as the
// backends counted them.
func (l *load) line() {
	l.mu.Lock()
	times, failures := l.times, l.failures
	l.times, l.failures = nil, 0
	l.mu.Unlock()
	slices.Sort(times)
	requests, opened := l.to.requests.Load(), l.to.opened.Load()
	reuse := 0.0
	if requests > 0 {
		reuse = 100 * (1 - float64(opened)/float64(requests))
	}
	fmt.Fprintf(l.out, "%9d %7d %9d %7.2f%% %9s %9s\n",
		len(times), failures, opened, reuse, show(quantile(times, 0.5)), show(quantile(times, 0.99)))
}

// quantile of sorted times.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[int(q*float64(len(times)-1))]
}

func show(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
