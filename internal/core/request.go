package core

import (
	"io"
	"time"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/loop"
	"hearth/internal/vars"
)

// Client is what a frontend knows of the connection a request came on. Owned by the connection's loop.
type Client struct {
	Number   uint64 // $connection: serial number of the connection, process-wide
	Requests int    // $connection_requests: including the current one
	Since    loop.Instant
	Remote   conn.Addr // may be rewritten by realip
	Peer     conn.Addr // as accepted
	Local    func() conn.Addr
	Conn     *conn.Conn
	TLS      *TLSState // nil: the connection is plain
	ToHTTPS  bool      // it is plain, and ought not to be
}

// Request is one request on its way through the phases. It belongs to one fiber of one loop; nothing in it is shared.
// Byte views in it live until the request ends. Objects are reused: a frontend gets one from its loop's free list.
type Request struct {
	Loop   *loop.Loop
	Gen    *Generation
	Addr   *Address // the listen address it came to
	Down   Downstream
	Client *Client

	Server   *Server   // chosen from the address and the name
	Location *Location // the configuration in force: the server's own before FindConfig, a location, or an `if` in it

	Head          *http1.RequestHead // as received, for the main request and its subrequests alike
	Method        []byte             // may be changed for an internal redirect (error_page makes it GET)
	URI           []byte             // normalised and decoded path ($uri)
	Args          []byte             // $args, without '?'
	Unparsed      []byte             // $request_uri
	Host          []byte             // $host, lower case
	ValidUnparsed bool               // URI has not been rewritten: proxy_pass without a URI passes Unparsed on
	ServerName    []byte             // $server_name

	Out                 ResponseHead
	HeadSent            bool
	BytesSent, BodySent int64 // $bytes_sent, $body_bytes_sent: counted by the frontend, in the main request
	Length              int64 // $request_length: head and body bytes as received; the frontend counts
	Started             loop.Instant
	StartedWall         time.Time

	Main, Parent *Request // Main == self for the client's own request
	Internal     bool     // reached by an internal redirect or as a subrequest: `internal` locations open
	Redirects    int      // internal redirects and rewrite cycles left
	LogStatus    int      // status for the log when none was sent (499, 408, 400 ...)
	ErrStatus    int      // status that goes out instead of Out.Status: set by an error page; 0 = none

	// URIChanged is set by the rewrite module when it has put a new URI: PostRewrite then looks for its location.
	URIChanged bool
	// Content answers the request in the content phase; nil = the Content handlers of the location. It is the location's
	// own (SetContent) and outlives a change to an `if` without one.
	Content Handler
	// AddURIToAlias: rewrite has changed the URI of a location with `alias` whose name is a pattern.
	AddURIToAlias bool
	// Displaced: `rewrite ... break` has put a URI that need not begin with the location's name, so `alias` cannot be used.
	Displaced bool
	// Aborted says that the response has not been, and cannot be, sent in full: the frontend closes the connection
	// without completing it. So do `return 444` and failures after the head was sent.
	Aborted bool
	// Framing and Pipelined are the frontend's to fill: how the response went out (by SendHead), and whether the
	// request came in with others.
	Framing   Framing
	Pipelined bool
	// Finished says that the whole response has been handed to Down.
	Finished bool
	// UpstreamName, if set, appends what an error line says of the backend: `, upstream: "http://127.0.0.1:9001/x"`.
	UpstreamContext func(r *Request, dst []byte) []byte
	// Action is what the request is doing, for error lines ("reading upstream"): ` while ACTION`. "" = nothing said.
	Action string

	arena         arena
	slots         []vars.Slot   // shared by a request and its subrequests
	ownSlots      []vars.Slot   // the memory of a main request's
	captures      vars.Captures // of the last match; a subrequest has its own
	states        []stateCell
	closers       []io.Closer // see CloseAtEnd
	files         []heldFile  // open until the request ends; a main request's
	epochs        uint64      // counts uses of the object, and redirects in them
	epoch         uint64      // validity of lasting states
	redirectEpoch uint64
	at            PhaseAt // where the runner goes on
	instead       int     // status that a header filter has asked to answer with
	accessCode    int     // 401 or 403 held back by `satisfy any`
	errorPage     bool    // an error page is being served: no other one for it
	bodies        []func(*Request, Chunk, Next) error
	merged        int // index in bodies of the first merged filter
	limitRate     int64
	limitAfter    int64
	limitSet      bool
	body          requestBody
	capture       *captureBuffer // a captured subrequest's output
	subrequests   int            // of a main request: how many more may be made
	background    int            // of a main request: subrequests running in fibers of their own
	backgroundEnd loop.Event
	list          *freeList
	requestID     []byte
	errLine       []byte // error lines are put together here
}

// maxRedirects is how many internal redirects and rewrites one request may go through (nginx: NGX_HTTP_MAX_URI_CHANGES).
const maxRedirects = 10

// maxSubrequests is how many subrequests one client request may cause.
const maxSubrequests = 50

// maxKeptBody is the largest buffer for a request body that a request object keeps, in bytes.
const maxKeptBody = 64 << 10

// prepare makes the object ready for a new request.
func (r *Request) prepare(l *loop.Loop) {
	r.Loop = l
	r.Main = r
	r.epochs++
	r.epoch = r.epochs
	r.redirectEpoch = r.epoch
	r.Redirects = maxRedirects + 1
	r.subrequests = maxSubrequests + 1
	r.Out.ContentLength, r.Out.LastModified = -1, -1
}

// Release puts a request back on the free list of its loop. Nothing may use it, or what it handed out, any more; so
// one whose handler has panicked is not released.
func Release(r *Request) {
	r.arena.reset()
	clear(r.ownSlots)
	fields, trailers := r.Out.Fields, r.Out.Trailers
	clear(fields)
	clear(trailers)
	arena, slots, states, epochs, list := r.arena, r.ownSlots, r.states, r.epochs, r.list
	buf, line, bodies, files := r.body.buf, r.errLine, r.bodies, r.files
	*r = Request{} // a literal with all of these would be made on the stack first, and copied
	r.arena, r.ownSlots, r.states, r.epochs, r.list = arena, slots[:0], states, epochs, list
	r.errLine, r.bodies, r.files = line[:0], bodies[:0], files[:0]
	r.Out.Fields, r.Out.Trailers = fields[:0], trailers[:0]
	if cap(buf) <= maxKeptBody {
		r.body.buf = buf[:0]
	}
	r.list.put(r)
}

// VarSlots, Captures and Alloc make a Request the Env of package vars.
func (r *Request) VarSlots() []vars.Slot { return r.slots }

// Captures returns $1..$9.
func (r *Request) Captures() *vars.Captures { return &r.captures }

// sizeSlots gives the request a slot for every indexed variable of its generation.
func (r *Request) sizeSlots() {
	n := r.Gen.Vars.Slots()
	if cap(r.ownSlots) < n {
		r.ownSlots = make([]vars.Slot, n)
	}
	r.ownSlots = r.ownSlots[:n]
	r.slots = r.ownSlots
}

// IsMain tells the client's own request from a subrequest.
func (r *Request) IsMain() bool { return r.Main == r }

// IsHead reports whether the method in force is HEAD: a head without a body is sent.
func (r *Request) IsHead() bool {
	return string(r.Method) == "HEAD" || r.Method == nil && r.Head.MethodID == http1.MethodHead // in a line that was refused
}

// In returns the first request header field with this name, which is written in any case.
func (r *Request) In(name string) ([]byte, bool) {
	if id := http1.Lookup([]byte(name)); id != http1.Other {
		return r.Head.Get(id)
	}
	for i := range r.Head.Fields {
		if f := &r.Head.Fields[i]; f.ID == http1.Other && equalFold(f.Name, name) {
			return f.Value, true
		}
	}
	return nil, false
}

// Scheme is "http" or "https".
func (r *Request) Scheme() string {
	if r.Client.TLS != nil {
		return "https"
	}
	return "http"
}
