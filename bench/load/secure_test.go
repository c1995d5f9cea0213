package load

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// secureServer is Go's own, which counts its connections.
func secureServer(t *testing.T, config *tls.Config) (addr string, conns *atomic.Int64) {
	conns = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok\n") }))
	s.TLS = config
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), conns
}

func TestEveryHandshakeIsAConnection(t *testing.T) {
	addr, conns := secureServer(t, nil)
	for _, resume := range []bool{false, true} {
		before := conns.Load()
		r := Handshakes{Addr: addr, Path: "/", Conns: 2, Resume: resume}.Run(context.Background(), 50*time.Millisecond)
		if r.Errors != 0 || r.Requests == 0 || r.Requests != conns.Load()-before || r.P99 < r.P50 || r.P50 <= 0 {
			t.Errorf("resume %v: %+v, %d connections", resume, r, conns.Load()-before)
		}
	}
}

func TestAHandshakeThatIsNotResumedFailsWhereItShouldBe(t *testing.T) {
	addr, _ := secureServer(t, &tls.Config{SessionTicketsDisabled: true})
	r := Handshakes{Addr: addr, Path: "/", Conns: 1, Resume: true}.Run(context.Background(), 50*time.Millisecond)
	if r.Requests != 1 || r.Failures["not resumed"] == 0 { // the first had nothing to resume
		t.Errorf("%+v", r)
	}
}

func TestARateIsKept(t *testing.T) {
	addr, _ := secureServer(t, nil)
	r := Handshakes{Addr: addr, Path: "/", Conns: 5, Rate: 100}.Run(context.Background(), 200*time.Millisecond)
	if r.Errors != 0 || r.Requests == 0 || r.Requests > 25 {
		t.Errorf("%d handshakes in %v, %d errors", r.Requests, r.Elapsed, r.Errors)
	}
}

func TestConnectionsMadeAheadHaveNoHandshakeInTheirLatency(t *testing.T) {
	const slow = 100 * time.Millisecond
	addr, conns := secureServer(t, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		time.Sleep(slow)
		return nil, nil
	}})
	for _, ahead := range []bool{false, true} {
		before := conns.Load()
		r := Client{Addr: addr, Path: "/", Conns: 2, Think: 20 * time.Millisecond, TLS: true, Ahead: ahead}.Run(context.Background(), 2*slow)
		if r.Errors != 0 || r.Requests == 0 || conns.Load()-before != 2 || (r.P99 >= slow) == ahead {
			t.Errorf("ahead %v: %+v, %d connections", ahead, r, conns.Load()-before)
		}
	}
}

func TestTheClientSpeaksTLS(t *testing.T) {
	addr, conns := secureServer(t, nil)
	r := Client{Addr: addr, Path: "/", Conns: 3, TLS: true}.Run(context.Background(), 30*time.Millisecond)
	if r.Errors != 0 || r.Requests == 0 || conns.Load() != 3 {
		t.Errorf("%+v on %d connections", r, conns.Load())
	}
}

const h2loadOutput = `starting benchmark...
Application protocol: h2c

finished in 1.50s, 163737.00 req/s, 11.24MB/s
requests: 163737 total, 164057 started, 163737 done, 163730 succeeded, 7 failed, 3 errored, 2 timeout
status codes: 163730 2xx, 0 3xx, 0 4xx, 4 5xx
traffic: 11.24MB (11789611) total, 7.50MB (7859424) headers (space savings 51.02%), 959.40KB (982422) data
`

func TestParseH2load(t *testing.T) {
	r, err := parseH2load([]byte(h2loadOutput))
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 163730 || r.Errors != 9 || r.Bytes != 982422 || r.Elapsed != 1500*time.Millisecond || r.Kinds() != "failed × 7, timeout × 2" {
		t.Errorf("%+v, %s", r, r.Kinds())
	}
	for name, out := range map[string]string{
		"nothing":    "",
		"cut off":    h2loadOutput[:200],
		"no success": strings.Replace(h2loadOutput, "163730 succeeded", "0 succeeded", 1),
	} {
		if _, err := parseH2load([]byte(out)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseH2loadLog(t *testing.T) {
	times, err := parseH2loadLog(strings.NewReader("1795214665527438\t200\t201\n1795214665527439\t200\t220\n"))
	if err != nil || len(times) != 2 || times[1] != 220*time.Microsecond {
		t.Errorf("%v, %v", times, err)
	}
	for _, bad := range []string{"1\t200\n", "1\t200\tx\n"} {
		if _, err := parseH2loadLog(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
