package coretest

import (
	"strconv"
	"strings"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
)

// Call is a request under way.
type Call struct {
	*Downstream
	server *Server
	from   int // error log lines there were before
	raw    []byte
	parser http1.RequestParser
	done   bool
	status int
	panic  any
	fill   func(*core.Request)
}

// Response is what came of a request.
type Response struct {
	Status    int    // of the head that was sent; 0 = none
	LogStatus int    // $status
	Reason    string // if not the standard one
	Header    Header
	Trailer   Header
	Body      string
	Log       []string // error log lines since the request began, in Server.Log's form
	Interim   []int    // statuses of 1xx answers
	Aborted   bool     // the connection would be closed without completing the response
	KeepAlive bool
	Complete  bool // the end of the body was sent
}

// Header is a list of "Name: value" lines as core hands them over, in order.
type Header []string

// Get returns the value of the first field with this name, in any case; "" if there is none.
func (h Header) Get(name string) string {
	for _, line := range h {
		if key, value, _ := strings.Cut(line, ": "); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// Has reports whether there is a field with this name.
func (h Header) Has(name string) bool {
	for _, line := range h {
		if key, _, _ := strings.Cut(line, ": "); strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// Values returns the values of all fields with this name.
func (h Header) Values(name string) (values []string) {
	for _, line := range h {
		if key, value, _ := strings.Cut(line, ": "); strings.EqualFold(key, name) {
			values = append(values, value)
		}
	}
	return values
}

// Get is the request for a path: "GET path HTTP/1.1", Host "localhost", and more header lines.
func Get(path string, header ...string) string { return Message("GET", path, "", header...) }

// Message is a request with a body; Content-Length is added if there is one.
func Message(method, path, body string, header ...string) string {
	var b strings.Builder
	b.WriteString(method + " " + path + " HTTP/1.1\r\n")
	if !(Header(header)).Has("Host") {
		b.WriteString("Host: localhost\r\n")
	}
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Length: " + itoa(len(body)) + "\r\n")
	}
	return b.String() + "\r\n" + body
}

func itoa(n int) string { return strconv.Itoa(n) }

// Do serves a request to its end. A request that waits for something fails the test: use Start.
func (s *Server) Do(request string) *Response {
	s.t.Helper()
	c := s.Start(request)
	if !c.done {
		s.t.Fatalf("the request is waiting for something; log:\n%s", strings.Join(s.Log(), "\n"))
	}
	return c.Response()
}

// Get serves the request for a path with more header lines.
func (s *Server) Get(path string, header ...string) *Response {
	s.t.Helper()
	return s.Do(Get(path, header...))
}

// Start begins to serve a request and runs the loop until nothing moves. Time is moved by s.Sim.Advance.
// Each fill is called with the request before it is served.
func (s *Server) Start(request string, fill ...func(*core.Request)) *Call {
	s.t.Helper()
	c := &Call{server: s, raw: []byte(request), from: len(s.Log())}
	c.fill = func(r *core.Request) {
		for _, f := range fill {
			f(r)
		}
	}
	s.calls = append(s.calls, c)
	s.Loop.Start(c)
	s.Sim.Run()
	return c
}

// StartBlocked is Start with a client that does not read: see Call.Unblock.
func (s *Server) StartBlocked(request string) *Call {
	s.t.Helper()
	return s.Start(request, func(r *core.Request) { r.Down.(*Downstream).block() })
}

// Done reports whether the request has ended.
func (c *Call) Done() bool { return c.done }

// Response is what has come of the request so far.
func (c *Call) Response() *Response {
	if c.panic != nil {
		c.server.t.Fatalf("the handler panicked: %v", c.panic)
	}
	d := c.Downstream
	res := &Response{
		Status: d.status, LogStatus: c.status, Reason: d.reason, Header: d.header, Trailer: d.trailer, Body: string(d.body),
		Interim: d.interim, Aborted: d.aborted, KeepAlive: d.keepAlive && !d.aborted, Complete: d.last,
		Log: c.server.Log()[c.from:],
	}
	return res
}

// FiberPanicked keeps a panic of a handler for the test.
func (c *Call) FiberPanicked(v any) { c.panic, c.done = v, true }

// RunFiber serves the request.
func (c *Call) RunFiber() {
	s := c.server
	s.number++
	c.Downstream = newDownstream(s)
	a := s.address()
	options := a.Default.Conf.Requests
	c.parser.Reset(&options)
	c.parser.ByHost(a.ByHost())
	r := core.Acquire(s.Loop)
	r.Down, r.Head = c.Downstream, &c.parser.Head
	r.Client = s.connection()
	r.Started, r.StartedWall = s.Loop.Now(), s.Loop.Wall()
	n, err := c.parser.Parse(c.raw)
	r.Length = int64(n)
	c.Downstream.request = r
	c.fill(r)
	switch refused, _ := err.(*http1.Error); {
	case err == nil:
		c.Downstream.setBody(c.raw[n:], &c.parser.Head)
		core.Serve(r, a)
	case refused != nil:
		core.Reject(r, a, refused.Status, refused.Reason)
	default:
		core.Abandon(r, a, 408, "client timed out")
	}
	c.status = r.Status()
	c.Downstream.aborted = r.Aborted
	c.done = true
	core.Release(r)
}

// connection is the client's; it is the same for all requests until Remote changes.
func (s *Server) connection() *core.Client {
	if s.client == nil || s.client.Peer != s.Remote {
		local := s.Local
		if !local.IsValid() {
			local = s.defaultLocal()
		}
		c, _ := conn.Pair(s.Loop)
		s.client = &core.Client{Number: uint64(s.number), Since: s.Loop.Now(), Remote: s.Remote, Peer: s.Remote, Conn: c,
			Local: func() conn.Addr { return local }}
	}
	s.client.Requests++
	return s.client
}

// address is the listen address that Local is served by.
func (s *Server) address() *core.Address {
	for _, socket := range s.Gen.Sockets {
		if !s.Local.IsValid() || socket.Addr == s.Local {
			return socket.Lookup(s.localOr(socket))
		}
	}
	for _, socket := range s.Gen.Sockets {
		if !socket.Addr.IsUnix() && socket.Addr.IP.Addr().IsUnspecified() && socket.Addr.IP.Port() == s.Local.IP.Port() {
			return socket.Lookup(s.localOr(socket))
		}
	}
	s.t.Fatalf("nothing listens on %s", s.Local)
	return nil
}

func (s *Server) localOr(*core.Socket) func() conn.Addr {
	return func() conn.Addr {
		if s.Local.IsValid() {
			return s.Local
		}
		return s.defaultLocal()
	}
}

// defaultLocal is the first socket's address, with 127.0.0.1 for a wildcard.
func (s *Server) defaultLocal() conn.Addr {
	a := s.Gen.Sockets[0].Addr
	if !a.IsUnix() && a.IP.Addr().IsUnspecified() {
		return conn.MustAddr("127.0.0.1:" + a.Port())
	}
	return a
}
