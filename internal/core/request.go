package core

import (
	"time"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/loop"
	"hearth/internal/vars"
)

// Client is what a frontend knows of the connection a request came on. Owned by the connection's loop.
type Client struct {
	Number        uint64 // $connection: serial number of the connection, process-wide
	Requests      int    // $connection_requests: including the current one
	Since         loop.Instant
	Remote        conn.Addr // may be rewritten by realip
	Peer          conn.Addr // as accepted
	Local         func() conn.Addr
	Conn          *conn.Conn
	TLS           any // later: the TLS connection's state
	ProxyProtocol any // later: what the PROXY header said
}

// Request is one request on its way through the phases. It belongs to one fiber of one loop; nothing in it is shared.
// Byte views in it live until the request ends. Objects are reused: a frontend gets one from its loop's free list.
type Request struct {
	Loop   *loop.Loop
	Gen    *Generation
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
	BytesSent, BodySent int64 // $bytes_sent, $body_bytes_sent
	Started             loop.Instant
	StartedWall         time.Time

	Main, Parent *Request // Main == self for the client's own request
	Internal     bool     // reached by an internal redirect or as a subrequest: `internal` locations open
	Redirects    int      // internal redirects and rewrite cycles left
	LogStatus    int      // status for the log when none was sent (499, 408, 400 ...)

	// unexported: arena, variable slots, captures, module states, error_page status, filters position ...
	slots []vars.Slot
}
