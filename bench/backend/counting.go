package backend

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Behaviour is what the counting backend does to its connections.
type Behaviour struct {
	Idle         time.Duration // closes a connection that waited this long for a request; 0: never
	GRPC         bool          // speaks HTTP/2, and answers gRPC's unary calls
	CloseOnReuse bool          // serves one request on a connection and, on the next, closes it unanswered
	Lean         bool          // costs as little as can be; see lean
}

// counting is a backend that answers every request with a few bytes and counts what arrives. It parses
// just enough of HTTP/1.1 to find where a request ends, so that it stays cheap beside the proxy.
type counting struct {
	Behaviour
	accepted, requests, bytes atomic.Int64
	open, closedByPeer        atomic.Int64
	underWay, peak            atomic.Int64

	mu       sync.Mutex // guards the two below
	repeated int64
	seen     map[string]bool // the X-Bench-Id values that arrived
}

// Serve is the main function of the counting backend's process: it listens where the arguments say and
// never returns unless they are wrong. Figures are served as JSON on the control address.
func Serve(args []string) error {
	flags := flag.NewFlagSet("backend", flag.ContinueOnError)
	listen := flags.String("listen", "", "addresses, separated by commas")
	control := flags.String("control", "", "address that serves the figures")
	b := &counting{seen: map[string]bool{}}
	flags.DurationVar(&b.Idle, "idle", 0, "close connections idle for this long")
	flags.BoolVar(&b.CloseOnReuse, "close-on-reuse", false, "close a connection on its second request")
	flags.BoolVar(&b.GRPC, "grpc", false, "serve gRPC's unary calls over HTTP/2")
	flags.BoolVar(&b.Lean, "lean", false, "answer GETs at the least cost")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, addr := range strings.Split(*listen, ",") {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		if b.Lean {
			go func() { log.Fatal(b.serveLean(ln.(*net.TCPListener))) }()
		} else {
			go b.accept(ln)
		}
	}
	return http.ListenAndServe(*control, b)
}

// ServeHTTP serves the figures.
func (b *counting) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	json.NewEncoder(w).Encode(b.stats())
}

func (b *counting) stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{
		Accepted:     b.accepted.Load(),
		Requests:     b.requests.Load(),
		Bytes:        b.bytes.Load(),
		Open:         b.open.Load(),
		PeakRequests: b.peak.Load(),
		ClosedByPeer: b.closedByPeer.Load(),
		Repeated:     b.repeated,
	}
}

func (b *counting) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		b.accepted.Add(1)
		b.open.Add(1)
		go func() {
			defer b.open.Add(-1)
			defer c.Close()
			if b.GRPC {
				b.serveGRPC(c)
			} else {
				b.serve(c)
			}
		}()
	}
}

var answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n")

// serve reads requests from one connection until either side ends it.
func (b *counting) serve(c net.Conn) {
	in := bufio.NewReaderSize(c, 16<<10)
	for n := 0; ; n++ {
		if b.Idle > 0 {
			c.SetReadDeadline(time.Now().Add(b.Idle))
		}
		head, err := readHead(in)
		if err != nil {
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				b.closedByPeer.Add(1)
			}
			return
		}
		raise(&b.peak, b.underWay.Add(1))
		keep := b.exchange(c, in, head, n > 0)
		b.underWay.Add(-1)
		if !keep {
			return
		}
	}
}

// exchange receives the body of one request and answers it, unless the connection is reused and the
// behaviour is to close it then. It says whether the connection goes on.
func (b *counting) exchange(c net.Conn, in *bufio.Reader, h head, reused bool) bool {
	c.SetReadDeadline(time.Time{})
	n, err := io.Copy(io.Discard, h.body(in))
	b.bytes.Add(n)
	if err != nil {
		return false
	}
	b.delivered(h.id)
	if reused && b.CloseOnReuse {
		return false
	}
	b.requests.Add(1)
	_, err = c.Write(answer)
	return err == nil && !h.close
}

// delivered notes that the request id arrived completely. It counts also when no answer follows: a
// backend that closes afterwards may well have acted on the request.
func (b *counting) delivered(id string) {
	if id == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[id] {
		b.repeated++
	}
	b.seen[id] = true
}

// raise sets peak to n if it is less.
func raise(peak *atomic.Int64, n int64) {
	for {
		old := peak.Load()
		if n <= old || peak.CompareAndSwap(old, n) {
			return
		}
	}
}

// head is what matters here of a request's head.
type head struct {
	length  int64
	chunked bool
	close   bool
	id      string
}

// readHead reads up to and including the empty line that ends a head.
func readHead(in *bufio.Reader) (head, error) {
	var h head
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		if first {
			h.close = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
			continue
		}
		h.field(line)
	}
}

func (h *head) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, []byte("content-length")):
		h.length, _ = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		h.chunked = true
	case bytes.EqualFold(name, []byte("connection")):
		h.close = bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
	case bytes.EqualFold(name, []byte("x-bench-id")):
		h.id = string(bytes.TrimSpace(value))
	}
}

// body is the request's body on in.
func (h head) body(in *bufio.Reader) io.Reader {
	if h.chunked {
		return &chunks{in: in, body: httputil.NewChunkedReader(in)}
	}
	return io.LimitReader(in, h.length)
}

// chunks reads a chunked body and the empty line after its last chunk, which NewChunkedReader leaves.
type chunks struct {
	in   *bufio.Reader
	body io.Reader
}

func (c *chunks) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if err == io.EOF {
		if trailer := skipTrailer(c.in); trailer != nil {
			return n, trailer
		}
	}
	return n, err
}

// skipTrailer reads lines up to and including an empty one.
func skipTrailer(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil || len(bytes.TrimRight(line, "\r\n")) == 0 {
			return err
		}
	}
}
