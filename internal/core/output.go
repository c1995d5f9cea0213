package core

import (
	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// Chunk is a piece of a response body on its way to the client: memory, or a range of a file, or only a mark.
type Chunk struct {
	Mem  []byte    // valid only during the call: who keeps it copies it
	File conn.File // none, or the source of Len bytes from Off; open until all of the response has been sent or given up
	Off  int64
	Len  int64 // length of the file range
	// Flush asks for what has been queued to leave now; Last marks the end of the body.
	Flush, Last bool
}

// Size is the number of body bytes in the chunk.
func (c Chunk) Size() int64 { return int64(len(c.Mem)) + c.Len }

// ResponseHead is what will be sent as status line and header. Values live at least as long as the request
// (literals, the request's arena, or buffers the request owns).
type ResponseHead struct {
	Status         int
	Reason         []byte // nil = the standard phrase of Status
	ContentType    []byte // sent as Content-Type, with charset if a filter adds it; nil = none
	Charset        []byte // what a backend wants to be named there (X-Accel-Charset); nil = nothing
	ContentLength  int64  // -1 = not known: chunked (HTTP/1.1) or until close (1.0)
	LastModified   int64  // Unix seconds; -1 = none
	ETag           []byte
	ExpectTrailers bool          // a body filter will add some, so the body's length is not told
	LocationMade   bool          // core completed Location, which nginx then puts before Connection
	Location       []byte        // sent as Location; made absolute according to absolute_redirect
	Fields         []http1.Field // everything else, in order; Date, Server, Connection, Content-Length and Transfer-Encoding are the frontend's
	Trailers       []http1.Field // sent after a chunked body
	AcceptRanges   bool          // the range filter may cut this response
	SingleRange    bool          // but only one range out of it: its body does not come in one piece
	Tested         bool          // the request's conditions (If-None-Match ...) have been seen by who made the response: a backend
	Server, Date   []byte        // passed through from the backend (proxy_pass_header); nil = the frontend's own, empty = none
	HeaderOnly     bool          // HEAD, 204, 304: no body bytes go out whatever is sent
}

// Downstream is the client's side of one request, provided by a frontend (HTTP/1, HTTP/2). All calls come from the
// request's fiber. Errors mean the client is gone or too slow; the request is then over (499 or 408 in the log).
type Downstream interface {
	// SendHead takes r.Out; the frontend may hold the bytes back to send them with the first of the body.
	SendHead(r *Request) error
	// Send takes a chunk without waiting: what the socket does not take at once is copied to the connection's
	// pending output. Callers keep memory bounded by waiting for !Congested() before the next one.
	Send(c Chunk) error
	// Congested says whether output is pending that the socket did not take.
	Congested() bool
	// TryFlush moves pending output without waiting; WaitFlush waits until there is none (send_timeout between two
	// successful writes: loop.ErrTimeout).
	TryFlush() error
	WaitFlush() error
	// Writable and Gone are for loop.Wait: output can move; the client has closed or reset its side.
	Writable() *loop.Event
	Gone() *loop.Event
	// ClientGone says (without waiting) whether the client has closed.
	ClientGone() bool

	// ReadBody reads the decoded request body: io.EOF at its end, loop.ErrTimeout after client_body_timeout without
	// progress, *http1.Error for a malformed one. TryReadBody gives conn.ErrAgain instead of waiting. A first read
	// answers `Expect: 100-continue`. Nothing read and no error: BodyAhead has something new to say.
	ReadBody(p []byte) (int, error)
	TryReadBody(p []byte) (int, error)
	BodyReadable() *loop.Event
	// BodyAhead is how many bytes of the body the client has announced and ReadBody not yet returned: of a Content-Length
	// its rest, of chunks the rest of the present one.
	BodyAhead() int64
	// RequestTrailers after ReadBody said io.EOF.
	RequestTrailers() []http1.Field

	// SetRate paces the output: bytes per second (0 = no limit) after the first `after` bytes. ResumeAt is the instant before which
	// nothing more may be sent (0 = now): who waits on Writable also waits until then.
	SetRate(bytesPerSecond, after int64)
	ResumeAt() loop.Instant

	// SendInterim sends a 1xx answer (103, or 100 passed through).
	SendInterim(status int, fields []http1.Field) error
	// Raw gives the client's connection for splicing body bytes, when nothing but raw bytes is to be sent from here on
	// for n bytes (HTTP/1 without chunking and TLS); nil when not possible. Pending output has been flushed.
	Raw() *conn.Conn
	// CountSent adds bytes that were sent around Send (splice) to the accounting of the response.
	CountSent(n int64)
	// Hijack ends HTTP on this connection: a tunnel takes over (101, CONNECT). early = bytes already read beyond the request.
	Hijack() (c *conn.Conn, early []byte, err error)
	// Lingering/keep-alive: NoKeepAlive makes this the connection's last request.
	NoKeepAlive()
}
