package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const wrkOutput = `Running 1s test @ http://127.0.0.1:8080/small
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms    0.30ms   9.11ms   91.00%
  Requests/sec:  61234.00
Transfer/sec:      9.93MB
exact requests=61234 bytes=10412345 duration=1000123 p50=998 p99=2100 connect=0 read=2 write=0 status=34 timeout=1
`

func TestParseWrk(t *testing.T) {
	r, err := parseWrk(wrkOutput)
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 61200 || r.Bytes != 10412345 || r.Elapsed != 1000123*time.Microsecond {
		t.Errorf("counts: %+v", r)
	}
	if r.P50 != 998*time.Microsecond || r.P99 != 2100*time.Microsecond {
		t.Errorf("latencies: %+v", r)
	}
	if r.Errors != 37 || r.Kinds() != "status × 34, read × 2, timeout × 1" {
		t.Errorf("errors: %d, %q", r.Errors, r.Kinds())
	}
}

func TestParseWrkRefusesWhatIsNotComplete(t *testing.T) {
	for name, out := range map[string]string{
		"nothing":             "",
		"only wrk's own text": "unable to connect to 127.0.0.1:1 Connection refused\n",
		"cut off":             "exact requests=1 bytes=2",
		"no number":           "exact requests=x bytes=2 duration=3 p50=1 p99=1\n",
		"a figure missing":    "exact requests=1 bytes=2 duration=3 p50=1\n",
	} {
		if _, err := parseWrk(out); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, c := range []struct {
		sorted []time.Duration
		p      float64
		want   time.Duration
	}{{hundred, 0.50, 50}, {hundred, 0.99, 99}, {hundred[:1], 0.99, 1}, {nil, 0.5, 0}} {
		if got := percentile(c.sorted, c.p); got != c.want {
			t.Errorf("%v of %d values: got %d, want %d", c.p, len(c.sorted), got, c.want)
		}
	}
}

// run loads handler with client for a moment and returns the result.
func run(t *testing.T, handler http.HandlerFunc, c Client) Result {
	t.Helper()
	s := httptest.NewServer(handler)
	defer s.Close()
	c.Addr, c.Path = s.Listener.Addr().String(), "/"
	return c.Run(context.Background(), 50*time.Millisecond)
}

func TestClientSendsBodiesAndIDs(t *testing.T) {
	var served, wrong atomic.Int64
	r := run(t, func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		if n != 10<<10 || req.Method != "POST" || req.Header.Get("X-Bench-Id") == "" {
			wrong.Add(1)
		}
		served.Add(1)
	}, Client{Conns: 3, Body: 10 << 10, IDs: true})
	if wrong.Load() != 0 || r.Errors != 0 {
		t.Errorf("%d wrong requests, failures %q", wrong.Load(), r.Kinds())
	}
	if r.Requests == 0 || r.Requests != served.Load() || r.Peak > 3 || r.P99 < r.P50 {
		t.Errorf("%d served, result %+v", served.Load(), r)
	}
}

func TestClientCountsErrorStatus(t *testing.T) {
	r := run(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, Client{Conns: 2})
	if r.Requests != 0 || r.Errors == 0 || r.Failures["status 502"] != r.Errors {
		t.Errorf("got %+v", r)
	}
}

func TestClientFollowsAnAnnouncedCloseWithoutFailure(t *testing.T) {
	r := run(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }, Client{Conns: 2})
	if r.Requests < 2 || r.Errors != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestClientCountsAConnectionThatEndsEarly(t *testing.T) {
	r := run(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, Client{Conns: 1})
	if r.Requests != 0 || r.Failures["closed"] == 0 {
		t.Errorf("got %+v", r)
	}
}

func TestClientCountsRefusedConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	r := Client{Addr: ln.Addr().String(), Path: "/", Conns: 1}.Run(context.Background(), 20*time.Millisecond)
	if r.Failures["connect"] == 0 {
		t.Errorf("got %+v", r)
	}
}

func TestReadAnswerSkipsNothingAndLeavesNothing(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
		"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"))
	for _, want := range []string{"200 3 false", "404 2 true"} {
		status, n, closing, err := readAnswer(in)
		if got := fmt.Sprint(status, " ", n, " ", closing); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestIdleConnectionsAreCheckedOneByOne(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	defer s.Close()
	idle, err := OpenIdle(context.Background(), s.Listener.Addr().String(), false, "/", 40)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if err := idle.Check("/"); err != nil {
		t.Fatal(err)
	}
	idle.conns[17].Close()
	if err := idle.Check("/"); err == nil || !strings.Contains(err.Error(), "connection 18 of 40") {
		t.Errorf("got %v after closing the 18th", err)
	}
}
