package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Client sends requests in closed loops: each connection has at most one request outstanding and sends
// the next when the answer is complete. An answer that says "Connection: close" is followed by a new
// connection and is no failure; a connection that ends before the answer is complete always is one,
// also where a lenient client would try again.
type Client struct {
	Addr  string
	Path  string
	Conns int
	Body  int           // bytes of a POST body; 0 means GET
	Think time.Duration // longest pause before a request, the first one too; the pauses are spread evenly
	IDs   bool          // every request carries an X-Bench-Id of its own
	TLS   bool
	Ahead bool // the connections are made before the time begins, and no latency has a handshake in it
}

// requestTimeout ends a request that gets no answer.
const requestTimeout = 10 * time.Second

// worker is one connection's loop and what it observed. Nothing of it is shared before the loop ends.
type worker struct {
	*Client
	number    int
	shared    *outstanding
	conn      net.Conn
	in        *bufio.Reader
	body      []byte
	head      []byte
	latencies []time.Duration
	bytes     int64
	failures  map[string]int64
}

// outstanding counts requests under way over all connections; peak is the most there were.
type outstanding struct{ now, peak atomic.Int64 }

func (o *outstanding) begin() {
	n := o.now.Add(1)
	for {
		peak := o.peak.Load()
		if n <= peak || o.peak.CompareAndSwap(peak, n) {
			return
		}
	}
}

func (o *outstanding) end() { o.now.Add(-1) }

// Run sends for the given time, lets the last requests end, and returns what was observed.
func (c Client) Run(ctx context.Context, length time.Duration) Result {
	workers := make([]*worker, c.Conns)
	shared := new(outstanding)
	body := make([]byte, c.Body)
	var group sync.WaitGroup
	for i := range workers {
		w := &worker{Client: &c, number: i, shared: shared, body: body, failures: map[string]int64{}}
		workers[i] = w
		if c.Ahead {
			group.Go(w.connectAhead)
		}
	}
	group.Wait()
	start := time.Now()
	for _, w := range workers {
		group.Go(func() { w.run(ctx, start.Add(length)) })
	}
	group.Wait()
	r := Result{Elapsed: time.Since(start), Peak: shared.peak.Load(), Failures: map[string]int64{}}
	var all []time.Duration
	for _, w := range workers {
		all = append(all, w.latencies...)
		r.Bytes += w.bytes
		for kind, n := range w.failures {
			r.Failures[kind] += n
			r.Errors += n
		}
	}
	slices.Sort(all)
	r.Requests = int64(len(all))
	r.P50, r.P99 = percentile(all, 0.50), percentile(all, 0.99)
	return r
}

func (w *worker) connectAhead() {
	if err := w.connect(); err != nil {
		w.failures[kind(err)]++
	}
}

func (w *worker) connect() (err error) {
	if w.conn, err = dial(w.Addr, w.TLS); err == nil {
		w.in = bufio.NewReaderSize(w.conn, 16<<10)
	}
	return err
}

func (w *worker) run(ctx context.Context, end time.Time) {
	defer w.close()
	for i := 0; ctx.Err() == nil; i++ {
		if w.Think > 0 {
			time.Sleep(rand.N(w.Think))
		}
		start := time.Now()
		if start.After(end) {
			return
		}
		w.shared.begin()
		err := w.exchange(i)
		w.shared.end()
		if err != nil {
			w.failures[kind(err)]++
			if w.conn == nil { // refused or reset: do not turn into a busy loop
				time.Sleep(time.Millisecond)
			}
		} else {
			w.latencies = append(w.latencies, time.Since(start))
		}
	}
}

// exchange sends request number i and reads its answer; on return the connection is either fit for the
// next request or closed.
func (w *worker) exchange(i int) (err error) {
	defer func() {
		if err != nil && !isStatus(err) {
			w.close()
		}
	}()
	if w.conn == nil {
		if err = w.connect(); err != nil {
			return err
		}
	}
	w.conn.SetDeadline(time.Now().Add(requestTimeout))
	if err = w.send(i); err != nil {
		return err
	}
	status, n, closing, err := readAnswer(w.in)
	if err != nil {
		return err
	}
	w.bytes += n + int64(len(w.body))
	if closing {
		w.close()
	}
	if status >= 400 {
		return statusError(status)
	}
	return nil
}

// send writes head and body of request number i, in one system call where they are small.
func (w *worker) send(i int) error {
	h := w.head[:0]
	if w.Body > 0 {
		h = fmt.Appendf(h, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", w.Path, w.Addr, w.Body)
	} else {
		h = fmt.Appendf(h, "GET %s HTTP/1.1\r\nHost: %s\r\n", w.Path, w.Addr)
	}
	if w.IDs {
		h = fmt.Appendf(h, "X-Bench-Id: %d-%d\r\n", w.number, i)
	}
	h = append(h, "\r\n"...)
	w.head = h
	bufs := net.Buffers{h, w.body}
	_, err := bufs.WriteTo(w.conn)
	return err
}

func (w *worker) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// readAnswer reads one final answer and discards its body. n counts the body's bytes.
func readAnswer(in *bufio.Reader) (status int, n int64, closing bool, err error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, 0, false, err
	}
	n, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode, n, resp.Close, err
}

// statusError is an answer that was complete and told of a failure.
type statusError int

func (e statusError) Error() string { return "status " + strconv.Itoa(int(e)) }

func isStatus(err error) bool {
	var s statusError
	return errors.As(err, &s)
}

// kind names a failure, coarsely enough to count them.
func kind(err error) string {
	var op *net.OpError
	switch {
	case isStatus(err):
		return err.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &op) && op.Op == "dial":
		return "connect"
	default:
		return "closed"
	}
}
