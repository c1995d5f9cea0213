package test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw connects without Go's client.
func (c *cell) raw() (plain *net.TCPConn, conn net.Conn) {
	tcp, err := net.DialTimeout("tcp", c.addr, patience)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { tcp.Close() })
	tcp.SetDeadline(time.Now().Add(patience))
	plain, conn = tcp.(*net.TCPConn), tcp
	if c.front.secure {
		config := &tls.Config{RootCAs: identity().pool, ServerName: "localhost", NextProtos: []string{"http/1.1"}}
		if c.front.two {
			config.NextProtos = []string{"h2"}
		}
		secure := tls.Client(tcp, config)
		if err := secure.Handshake(); err != nil {
			c.Fatal(err)
		}
		conn = secure
	}
	return plain, conn
}

// head is the beginning of a POST: for HTTP/1 its head, for HTTP/2 that of stream 1, behind what begins a connection.
func (c *cell) rawHead(url string) []byte {
	path := url[len(c.url("")):]
	if !c.front.two {
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: raw\r\nContent-Length: 1000\r\n\r\n", path)
	}
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", scheme(c.front, "http")}, {":authority", "raw"}, {":path", path}, {"content-length", "1000"}} {
		enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	framer := http2.NewFramer(&out, nil)
	framer.WriteSettings()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	return out.Bytes()
}

// clientLeavesHead ends the connection after every part of the head, with RST or FIN.
func (c *cell) clientLeavesHead() {
	var called atomic.Int64
	head := c.rawHead(c.handle("/", func(w http.ResponseWriter, r *http.Request) { called.Add(1) }))
	for n := 0; n <= len(head); n += 1 + len(head)/12 {
		plain, conn := c.raw()
		conn.Write(head[:n])
		if n%2 == 0 {
			plain.SetLinger(0)
		}
		conn.Close()
	}
	_, conn := c.raw()
	conn.Write(head)
	conn.Close()
	c.wantAlive()
	if n := called.Load(); n != 0 && !c.behind.grpc { // which is not buffered
		c.Errorf("%d requests without their bodies were passed on", n)
	}
}

func (c *cell) clientLeavesBody() {
	came, failed := make(chan bool, 1), make(chan error, 1)
	url := c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadFull(r.Body, make([]byte, 1000)); err != nil {
			c.Error(err)
		}
		came <- true
		_, err := io.Copy(io.Discard, r.Body)
		failed <- err
	})
	out, in := io.Pipe()
	r, cancel := c.request("POST", url, out)
	over := make(chan bool)
	go func() {
		if a, err := c.transport.RoundTrip(r); err == nil {
			c.Errorf("answered: %s", a.Status)
		}
		close(over)
	}()
	in.Write(data()[:1000])
	await(c, "the first part", came)
	cancel()
	in.CloseWithError(io.ErrClosedPipe)
	await(c, "the client's end", over)
	if err := await(c, "the backend's end", failed); err == nil {
		c.Error("the backend took a request that was cut for a whole one")
	}

	// Where requests are buffered, the backend never hears of it.
	var called atomic.Int64
	out, in = io.Pipe()
	r, cancel = c.request("POST", c.handle("/", func(w http.ResponseWriter, r *http.Request) { called.Add(1) }), out)
	over = make(chan bool)
	go func() { c.transport.RoundTrip(r); close(over) }()
	in.Write(data()[:100_000])
	cancel()
	in.CloseWithError(io.ErrClosedPipe)
	await(c, "the client's end", over)
	c.wantAlive()
	if n := called.Load(); n != 0 && !c.behind.grpc { // which buffers none
		c.Errorf("a request was passed on that was cut")
	}
}

func (c *cell) clientLeavesWaiting() {
	came, left := make(chan bool, 1), make(chan bool, 1)
	url := c.handle("/", func(w http.ResponseWriter, r *http.Request) {
		came <- true
		<-r.Context().Done()
		left <- true
	})
	r, cancel := c.request("GET", url, nil)
	over := make(chan bool)
	go func() { c.transport.RoundTrip(r); close(over) }()
	await(c, "the request", came)
	c.wantAlive() // while this one waits
	cancel()
	await(c, "the client's end", over)
	await(c, "that the backend hears of it", left)
	c.proxy.Log("access.log", `" 499 0 `)
	c.wantAlive()
}

func (c *cell) clientLeavesResponse() {
	for _, place := range []string{"/", "/direct/"} {
		left := make(chan bool, 1)
		url := c.handle(place, func(w http.ResponseWriter, r *http.Request) {
			w.Write(data()[:100_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			left <- true
		})
		r, _ := c.request("GET", url, nil)
		a := c.do(r)
		if err := differs(io.LimitReader(a.Body, 10_000), data()[:10_000]); err != nil {
			c.Error(err)
		}
		a.Body.Close()
		await(c, "that the backend hears of it", left)
		c.wantAlive()
	}
}

func (c *cell) backendLeavesHead() {
	for _, place := range []string{"/", "/direct/"} {
		a, _ := c.get(c.handle(place, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
		if a.StatusCode != 502 {
			c.Errorf("%s: %s", place, a.Status)
		}
		c.wantAlive()
	}
}

func (c *cell) backendLeavesRequest() {
	came := make(chan bool, 1)
	url := c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		io.ReadFull(r.Body, make([]byte, 1000))
		came <- true
		http.NewResponseController(w).SetReadDeadline(time.Now()) // or Go's server waits for more
		panic(http.ErrAbortHandler)
	})
	out, in := io.Pipe()
	defer in.Close()
	r, _ := c.request("POST", url, out)
	answered := make(chan string, 1)
	go func() {
		a, err := c.transport.RoundTrip(r)
		if err != nil {
			answered <- err.Error()
			return
		}
		a.Body.Close()
		answered <- a.Status
	}()
	in.Write(data()[:1000])
	await(c, "the first part", came)
	if got := await(c, "the answer", answered); got != "502 Bad Gateway" {
		c.Errorf("%s", got)
	}
	c.wantAlive()
}

// backendLeavesResponse: the client must never take the part it got for the whole.
func (c *cell) backendLeavesResponse() {
	for _, place := range []string{"/", "/direct/"} {
		for _, told := range []bool{true, false} {
			for _, size := range []int{1, 100_000, 2 << 20} {
				r, _ := c.request("GET", c.handle(place, func(w http.ResponseWriter, r *http.Request) {
					if told {
						w.Header().Set("Content-Length", fmt.Sprint(size+1))
					}
					w.Write(data()[:size])
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}), nil)
				a := c.do(r)
				body, err := io.ReadAll(a.Body)
				if a.StatusCode != 200 || err == nil || !bytes.HasPrefix(data(), body) {
					c.Errorf("%s, %d bytes, length told: %v: %s, %d bytes, %v", place, size, told, a.Status, len(body), err)
				}
				c.wantAlive()
			}
		}
	}
}

// backendEndsConnections: a connection's end between requests (a GOAWAY in HTTP/2) is never a request's failure.
func (c *cell) backendEndsConnections() {
	url := c.handle("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "the last")
	})
	for i := range 40 {
		if a, body := c.get(url); a.StatusCode != 200 || body != "the last" {
			c.Fatalf("request %d: %s, %q", i, a.Status, body)
		}
	}
	c.wantAlive()
}

// lasting is a response that goes on piece by piece, when the case asks for it.
func (c *cell) lasting() (body io.Reader, next chan string) {
	next = make(chan string)
	r, _ := c.request("GET", c.handle("/direct/", func(w http.ResponseWriter, r *http.Request) {
		for piece := range next {
			io.WriteString(w, piece)
			w.(http.Flusher).Flush()
		}
	}), nil)
	go func() { next <- "the first\n" }()
	return c.do(r).Body, next
}

func (c *cell) wantPiece(body io.Reader, want string) {
	c.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(body, got); err != nil || string(got) != want {
		c.Fatalf("got %q, %v; want %q", got, err, want)
	}
}

func (c *cell) reload() {
	body, next := c.lasting()
	c.wantPiece(body, "the first\n")
	c.proxy.Signal(syscall.SIGHUP)
	c.proxy.Log("error.log", "signal 1 (SIGHUP) received")
	for range 5 {
		c.wantAlive()
		next <- "another\n"
		c.wantPiece(body, "another\n")
	}
	close(next)
	if rest, err := io.ReadAll(body); err != nil || len(rest) != 0 {
		c.Errorf("ends with %q, %v", rest, err)
	}
}

func (c *cell) quit() {
	body, next := c.lasting()
	c.wantPiece(body, "the first\n")
	c.proxy.Signal(syscall.SIGQUIT)
	c.proxy.Log("error.log", "signal 3 (SIGQUIT) received")
	for range 5 {
		next <- "another\n"
		c.wantPiece(body, "another\n")
	}
	close(next)
	if rest, err := io.ReadAll(body); err != nil || len(rest) != 0 {
		c.Errorf("ends with %q, %v", rest, err)
	}
	c.transport.CloseIdleConnections()
	if code := c.proxy.Wait(); code != 0 {
		c.Errorf("ended with code %d", code)
	}
}
