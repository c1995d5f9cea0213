package http2

// Stream is the wire's record of one stream. See the package comment for its life.
type Stream struct {
	// ID is 0 at a client until the stream's headers have been begun.
	ID uint32
	// Owner is whatever the wire's user puts there.
	Owner any
}

// Open makes a stream at a client. Its number is assigned by Headers. head: the request's method is HEAD, so that the
// answer's Content-Length says nothing of its body. The error is ErrFull or ErrGoingAway.
func (w *Wire) Open(owner any, head bool) (*Stream, error) { panic("not yet") }

// Release ends the use of s, which must not be touched afterwards: no handler is called with it any more. If the stream
// is not closed it is reset: with NO_ERROR when this side has ended it (a server that answers before it has the whole
// request), else with CANCEL.
func (w *Wire) Release(s *Stream) { panic("not yet") }

// Reset closes the stream with RST_STREAM, unless it is closed. What has been written before is still sent.
func (w *Wire) Reset(s *Stream, code ErrCode) { panic("not yet") }

// Closed reports whether both sides have ended, or one has reset the stream, or the connection has failed.
func (s *Stream) Closed() bool { panic("not yet") }

// Ended reports whether this side has sent END_STREAM.
func (s *Stream) Ended() bool { panic("not yet") }

// PeerEnded reports whether the peer has sent END_STREAM.
func (s *Stream) PeerEnded() bool { panic("not yet") }

// WasReset reports whether the stream was closed by RST_STREAM of either side, or by GOAWAY.
func (s *Stream) WasReset() bool { panic("not yet") }
