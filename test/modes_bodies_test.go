package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// modeCases are the cases of TestModes. The last one ends hearth.
var modeCases = []struct {
	name string
	run  func(*cell)
}{
	{"bodies of every size go both ways", (*cell).bodies},
	{"each piece of a response is passed on as it comes", (*cell).piecesDown},
	{"each piece of a request is passed on as it comes", (*cell).piecesUp},
	{"both sides talk at once", (*cell).dialogue},
	{"a slow reader gets all", (*cell).slowReader},
	{"a reader that has stopped stops the backend", (*cell).stoppedReader},
	{"a backend that has stopped reading stops the client", (*cell).stoppedBackend},
	{"an answer may come before the request is whole", (*cell).earlyAnswer},
	{"many at once are not mixed up", (*cell).manyAtOnce},
	{"fields arrive as they were", (*cell).fields},
	{"large heads", (*cell).largeHeads},
	{"statuses", (*cell).statuses},
	{"HEAD", (*cell).head},
	{"trailers of the response", (*cell).trailersDown},
	{"trailers of the request", (*cell).trailersUp},
	{"answers before the answer", (*cell).interim},
	{"Expect: 100-continue", (*cell).expect},
	{"the client leaves within the request's head", (*cell).clientLeavesHead},
	{"the client leaves within the request's body", (*cell).clientLeavesBody},
	{"the client leaves while it waits", (*cell).clientLeavesWaiting},
	{"the client leaves within the response's body", (*cell).clientLeavesResponse},
	{"the backend leaves before it answers", (*cell).backendLeavesHead},
	{"the backend leaves within the request's body", (*cell).backendLeavesRequest},
	{"the backend leaves within the response's body", (*cell).backendLeavesResponse},
	{"the backend ends its connections after each answer", (*cell).backendEndsConnections},
	{"a response goes on over a reload", (*cell).reload},
	{"a response under way ends before hearth does", (*cell).quit},
}

// sized is a body whose length is told, unsized one whose length is not.
func sized(b []byte) io.Reader { return bytes.NewReader(b) }

func unsized(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} }

// mirror reads the request whole, and answers with size bytes, whose length it tells or not, and the checksum of what came.
func mirror(told bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Sum", fmt.Sprintf("%x", sum.Sum(nil)))
		w.Header().Set("X-Length", strconv.FormatInt(r.ContentLength, 10))
		if told {
			w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		} else {
			w.(http.Flusher).Flush()
		}
		w.Write(data()[:n])
	}
}

func (c *cell) bodies() {
	ask := func(place string, size int, told bool) {
		c.Helper()
		what := fmt.Sprintf("%d bytes at %s, length told: %v", size, place, told)
		up, body := data()[len(data())-size:], unsized
		if told {
			body = sized
		}
		r, _ := c.request("POST", c.handle(place, mirror(told)), body(up))
		a := c.do(r)
		if want := fmt.Sprintf("%x", sha256.Sum256(up)); a.StatusCode != 200 || a.Header.Get("X-Sum") != want {
			c.Errorf("%s: the backend got something else: %s, %v", what, a.Status, a.Header)
		}
		if got := a.Header.Get("X-Length"); told && got != strconv.Itoa(size) {
			c.Errorf("%s: the backend was told a length of %s", what, got)
		}
		if told && a.ContentLength != int64(size) {
			c.Errorf("%s: the client was told a length of %d", what, a.ContentLength)
		}
		if err := differs(a.Body, data()[:size]); err != nil {
			c.Errorf("%s: the client got something else: %v", what, err)
		}
	}
	for _, size := range []int{0, 1, 16<<10 - 1, 16 << 10, 65535, 65536, 300_001, 1 << 20} {
		for _, place := range []string{"/", "/direct/"} {
			ask(place, size, true)
			ask(place, size, false)
		}
	}
	ask("/", 20<<20, true)
	ask("/direct/", 20<<20, false)
}

func (c *cell) piecesDown() {
	next := make(chan bool, 1)
	url := c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		for i := range 20 {
			fmt.Fprintf(w, "piece %02d\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	r, _ := c.request("GET", url, nil)
	a := c.do(r)
	for i := range 20 {
		piece := make([]byte, 9)
		if _, err := io.ReadFull(a.Body, piece); err != nil || string(piece) != fmt.Sprintf("piece %02d\n", i) {
			c.Fatalf("piece %d: %q, %v", i, piece, err)
		}
		next <- true
	}
	if n, err := a.Body.Read(make([]byte, 1)); err != io.EOF {
		c.Errorf("more: %d, %v", n, err)
	}
}

func (c *cell) piecesUp() {
	came := make(chan string, 1)
	url := c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		for {
			piece := make([]byte, 9)
			if _, err := io.ReadFull(r.Body, piece); err != nil {
				came <- err.Error()
				return
			}
			came <- string(piece)
		}
	})
	out, in := io.Pipe()
	r, _ := c.request("POST", url, out)
	answered := make(chan error, 1)
	go func() {
		a, err := c.transport.RoundTrip(r)
		if err == nil {
			a.Body.Close()
		}
		answered <- err
	}()
	for i := range 20 {
		fmt.Fprintf(in, "piece %02d\n", i)
		if got := await(c, "a piece", came); got != fmt.Sprintf("piece %02d\n", i) {
			c.Fatalf("piece %d: %q", i, got)
		}
	}
	in.Close()
	if got := await(c, "the end", came); got != "EOF" {
		c.Errorf("ended with %s", got)
	}
	if err := await(c, "the answer", answered); err != nil {
		c.Error(err)
	}
}

// dialogue answers each piece of the request before the next is sent, which nginx does for gRPC alone, and hearth wherever both
// sides speak HTTP/2.
func (c *cell) dialogue() {
	if !c.behind.two || !c.front.two {
		c.Skip("is for HTTP/2 on both sides")
	}
	url := c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		for piece := make([]byte, 1000); ; {
			if _, err := io.ReadFull(r.Body, piece); err != nil {
				return
			}
			w.Write(piece)
			w.(http.Flusher).Flush()
		}
	})
	out, in := io.Pipe()
	r, _ := c.request("POST", url, out)
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("TE", "trailers")
	a := c.do(r)
	for i := range 50 {
		piece := data()[i*1000 : i*1000+1000]
		in.Write(piece)
		back := make([]byte, 1000)
		if _, err := io.ReadFull(a.Body, back); err != nil || !bytes.Equal(back, piece) {
			c.Fatalf("piece %d: %v", i, err)
		}
	}
	in.Close()
	if n, err := a.Body.Read(make([]byte, 1)); err != io.EOF {
		c.Errorf("more: %d, %v", n, err)
	}
}

func (c *cell) slowReader() {
	const size = 2 << 20
	for _, place := range []string{"/", "/direct/"} {
		r, _ := c.request("GET", c.handle(place, func(w http.ResponseWriter, r *http.Request) { w.Write(data()[:size]) }), nil)
		if err := differs(reluctant{c.do(r).Body}, data()[:size]); err != nil {
			c.Errorf("%s: %v", place, err)
		}
	}
}

// reluctant reads little at a time, and takes a rest after each.
type reluctant struct{ io.Reader }

func (r reluctant) Read(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return r.Reader.Read(b[:min(len(b), 20<<10)])
}

// enough is more than all buffers of the kernel and of hearth between two ends can hold.
const enough = 64 << 20

// wantStop waits until a count does not grow any more, which has to come before it is enough.
func (c *cell) wantStop(what string, count *atomic.Int64) {
	c.Helper()
	still := 0
	for last := int64(-1); still < 15; time.Sleep(20 * time.Millisecond) {
		n := count.Load()
		if n > enough {
			c.Fatalf("%s: %d bytes went out, and nobody reads them", what, n)
		}
		if n != last || n == 0 {
			still = 0
		}
		last = n
		still++
	}
}

// endless writes until writing fails, and counts.
func endless(w io.Writer, count *atomic.Int64) {
	for at := 0; ; at = (at + 32<<10) % len(data()) {
		n, err := w.Write(data()[at : at+32<<10])
		count.Add(int64(n))
		if err != nil || count.Load() > 2*enough {
			return
		}
	}
}

func (c *cell) stoppedReader() {
	var sent atomic.Int64
	ended := make(chan bool, 1)
	r, cancel := c.request("GET", c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		endless(w, &sent)
		ended <- true
	}), nil)
	a := c.do(r)
	c.wantStop("the backend", &sent)
	if err := differs(io.LimitReader(a.Body, 10<<20), data()[:10<<20]); err != nil {
		c.Error(err)
	}
	c.wantAlive() // while this one is stopped
	cancel()
	await(c, "the backend's end", ended)
}

func (c *cell) stoppedBackend() {
	var sent atomic.Int64
	came, answer := make(chan bool, 1), make(chan bool)
	url := c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		came <- true
		<-answer
		if err := differs(io.LimitReader(r.Body, 1<<20), data()[:1<<20]); err != nil {
			c.Error(err)
		}
		came <- true
		http.NewResponseController(w).SetReadDeadline(time.Now())
		panic(http.ErrAbortHandler)
	})
	out, in := io.Pipe()
	r, cancel := c.request("POST", url, out)
	over := make(chan bool)
	go func() { endless(in, &sent); over <- true }()
	go func() {
		if a, err := c.transport.RoundTrip(r); err == nil {
			a.Body.Close()
		}
		out.Close()
		over <- true
	}()
	await(c, "the request", came)
	c.wantStop("the client", &sent)
	c.wantAlive() // while this one is stopped
	close(answer)
	await(c, "the backend reads on", came)
	cancel()
	await(c, "the client's end", over)
	await(c, "the client's end", over)
}

func (c *cell) earlyAnswer() {
	for _, place := range []string{"/", "/direct/"} {
		for _, size := range []int{5, 1 << 20} {
			url := c.handle(place, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				w.Write(data()[:size])
			})
			r, _ := c.request("POST", url, sized(data()[:4<<20]))
			a := c.do(r)
			if err := differs(a.Body, data()[:size]); a.StatusCode != 403 || err != nil {
				c.Errorf("%s, %d bytes: %s, %v", place, size, a.Status, err)
			}
		}
	}
	c.wantAlive()
}

func (c *cell) manyAtOnce() {
	url := c.handle("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Id", r.Header.Get("X-Id"))
		w.Write(body)
		at, _ := strconv.Atoi(r.Header.Get("X-Id"))
		w.Write(data()[at : at+at%50_000])
	})
	before := c.accepted.Load()
	var all sync.WaitGroup
	for client := range 50 {
		all.Go(func() {
			for nth := range 6 {
				id := client*10_000 + nth*1000 + rand.IntN(1000)
				up := data()[id : id+rand.IntN(30_000)]
				r, _ := c.request("POST", url, sized(up))
				r.Header.Set("X-Id", strconv.Itoa(id))
				a, err := c.transport.RoundTrip(r)
				if err != nil {
					c.Errorf("client %d: %v", client, err)
					return
				}
				want := append(append([]byte{}, up...), data()[id:id+id%50_000]...)
				if err := differs(a.Body, want); err != nil || a.StatusCode != 200 || a.Header.Get("X-Id") != strconv.Itoa(id) {
					c.Errorf("request %d: %s, for %q: %v", id, a.Status, a.Header.Get("X-Id"), err)
				}
				a.Body.Close()
			}
		})
	}
	all.Wait()
	// Streams share connections: each of the two loops needs one.
	if n := c.accepted.Load() - before; c.behind.two && n > 4 {
		c.Errorf("%d connections to the backend were opened for 50 requests at a time", n)
	}
}
