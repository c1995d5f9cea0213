package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// clientTLS is what every client here asks for. The proxy's certificate is the bench's own, and checking it is no part of what is
// measured. X25519 is what all proxies have: Go would first offer a key exchange that Debian's OpenSSL does not know, and so
// make who knows it do more.
func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}}
}

// dial connects, over TLS if secure.
func dial(addr string, secure bool) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil || !secure {
		return c, err
	}
	s := tls.Client(c, clientTLS())
	s.SetDeadline(time.Now().Add(requestTimeout))
	if err := s.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

// Handshakes makes TLS connections, each of which sends one request and is closed: what that costs is nearly all handshake.
type Handshakes struct {
	Addr   string
	Path   string
	Conns  int  // at once
	Resume bool // every connection but a client's first resumes the session before it, or counts as a failure
	Rate   int  // connections a second over all clients, begun at equal distances; 0: as many as there can be
}

var errNotResumed = errors.New("not resumed")

// Run makes connections for the given time.
func (h Handshakes) Run(ctx context.Context, length time.Duration) Result {
	var mu sync.Mutex // guards the result and all
	r := Result{Failures: map[string]int64{}}
	var all []time.Duration
	start := time.Now()
	var group sync.WaitGroup
	for i := range h.Conns {
		group.Go(func() {
			config := clientTLS()
			if h.Resume {
				config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			}
			var latencies []time.Duration
			failures := map[string]int64{}
			for n := 0; ctx.Err() == nil && time.Since(start) < length; n++ {
				if h.Rate > 0 {
					time.Sleep(time.Until(start.Add(time.Duration(n*h.Conns+i) * time.Second / time.Duration(h.Rate))))
				}
				began := time.Now()
				if err := h.connect(config, h.Resume && n > 0); err != nil {
					failures[handshakeKind(err)]++
				} else {
					latencies = append(latencies, time.Since(began))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, latencies...)
			for kind, n := range failures {
				r.Failures[kind] += n
				r.Errors += n
			}
		})
	}
	group.Wait()
	r.Elapsed = time.Since(start)
	slices.Sort(all)
	r.Requests = int64(len(all))
	r.P50, r.P99 = percentile(all, 0.50), percentile(all, 0.99)
	return r
}

// connect makes one connection, from connect to close.
func (h Handshakes) connect(config *tls.Config, resumed bool) error {
	tcp, err := net.Dial("tcp", h.Addr)
	if err != nil {
		return err
	}
	defer tcp.Close()
	tcp.SetDeadline(time.Now().Add(requestTimeout))
	config.ServerName = "bench" // what the session is kept under
	c := tls.Client(tcp, config)
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n", h.Path); err != nil {
		return err
	}
	status, _, _, err := readAnswer(bufio.NewReaderSize(c, 1<<10)) // and the tickets before it
	switch {
	case err != nil:
		return err
	case status >= 400:
		return statusError(status)
	case c.ConnectionState().DidResume != resumed:
		return errNotResumed
	}
	return nil
}

func handshakeKind(err error) string {
	if errors.Is(err, errNotResumed) {
		return err.Error()
	}
	return kind(err)
}
