package upstream

import (
	"strconv"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/http2"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// Stream is an exchange's part of a connection that several share, in the place of a Conn of its own: Exchange.Stream. Nothing of it
// waits. It is of one try, and ends with Release.
type Stream interface {
	// Readable is set while there may be something for the protocol: a head, bytes of the body, trailers, the end, or the
	// stream's failure. Who finds nothing clears it. Writable is set while Write may take something, or fail.
	Readable() *loop.Event
	Writable() *loop.Event
	// Write hands over as much of the request's body as flow control and bounded memory let through now; end: nothing
	// comes behind p. When it takes less than all of p, Writable is clear until there is room.
	Write(p []byte, end bool) (taken int)
	// WriteTrailers ends the request with fields behind its body.
	WriteTrailers(fields []http1.Field)
	// Stopped says that nothing more of the request is wanted: the response is complete, or the stream has failed. What is
	// written is then dropped.
	Stopped() bool
	// Traffic is how many bytes it has moved, header blocks as they are on the wire.
	Traffic() (received, sent int64)
	// Release ends the use of the stream; if it has not ended it is reset. Afterwards it is another exchange's.
	Release()
}

// Streams makes and uses connections that several exchanges share: Settings.Streams.
type Streams interface {
	// Carry makes a connection that has been dialled one that is shared, for the pool (see pool.Opener).
	Carry(c *conn.Conn, s *pool.Shared) pool.Carrier
	// Open begins a stream for x on a connection that Carry made. nil: the connection takes none any more.
	Open(c pool.Carrier, x *Exchange) Stream
}

// RequestHead is a request's head as fields, for protocols that encode it for the connection it goes out on. BuildRequest
// fills it in; its views live at least as long as the request.
type RequestHead struct {
	Method, Scheme, Authority, Path []byte
	Fields                          []http1.Field // names in any case; without what frames the message
}

// ResetError is a stream that has been closed before its end, the connection going on.
type ResetError struct {
	Code   http2.ErrCode
	ByPeer bool
	// Refused: the peer has not processed anything of the request (REFUSED_STREAM, or a GOAWAY that leaves the stream
	// out; RFC 9113, section 8.7): any request may be sent again, and nobody has failed.
	Refused bool
	GoAway  bool
	Reason  string // what the peer did wrong, where we have reset it
}

// Error is what nginx's log says.
func (e *ResetError) Error() string {
	switch {
	case !e.ByPeer:
		return "upstream " + e.Reason
	case e.GoAway:
		return "upstream sent goaway with error " + strconv.FormatUint(uint64(e.Code), 10)
	}
	return "upstream rejected request with error " + strconv.FormatUint(uint64(e.Code), 10)
}
