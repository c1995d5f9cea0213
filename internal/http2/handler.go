package http2

import "hearth/internal/http1"

// Handler is told what the peer does. It is called from within Feed (and OnRoom also from Sent and Release), may call
// every method of the Wire but Feed, and must not keep the views it is given unless their comments say so.
type Handler interface {
	// OnHeaders has a complete, valid header block: a request (server; the first call for the stream, which sets
	// s.Owner), a response, an interim response or trailers, as h.Kind tells. end: the peer sends nothing more.
	OnHeaders(s *Stream, h *Block, end bool)
	// OnData has a part of the body; p is valid during the call. It may be empty when end is set. What is taken is given
	// back by Consumed, at once or later: until then the peer's credit is less by len(p).
	OnData(s *Stream, p []byte, end bool)
	// OnReset: the stream is closed although it has not ended, by the peer's RST_STREAM, because the peer broke the
	// protocol on it (byPeer is false then), or because the peer's GOAWAY says that it will not be processed (byPeer, and
	// code is RefusedStream). Not called for what the owner resets himself. Release is still the owner's to call.
	OnReset(s *Stream, code ErrCode, byPeer bool, reason string)
	// OnRoom: more can be written to the stream, for which WriteData or Reserve took less than was offered. It is a hint:
	// others may be quicker.
	OnRoom(s *Stream)
	// OnSettings: the peer's SETTINGS have come (each time); see PeerMaxStreams.
	OnSettings()
	// OnGoAway: the peer takes no streams above last. Those that there were have been reset by OnReset before. debug is
	// valid during the call and may be cut short.
	OnGoAway(last uint32, code ErrCode, debug []byte)
	// OnPong answers Ping.
	OnPong(data [8]byte)
	// OnRefused: a stream that was never shown has been reset, with what the peer did for the log. A server alone has
	// such: malformed requests, and those above MaxStreams.
	OnRefused(id uint32, code ErrCode, reason string)
}

// Kind tells what a header block is.
type Kind uint8

// The kinds of header blocks.
const (
	Request Kind = iota
	Response
	Interim // 1xx: another response follows
	Trailers
)

// Block is a header block that has been decoded and found valid (RFC 9113, sections 8.2 and 8.3). The Block and its
// Fields slice are the wire's and are used again after OnHeaders; the bytes of names and values are never changed or
// used again, so views of them may be kept for as long as one likes. They must not be written to.
//
// Valid means: names are tokens in lower case; values have no controls (white space around them has been cut off); no
// pseudo-header field is missing, unknown, doubled or late; none of the connection-specific fields is there;
// Content-Length is a number, and the wire holds the body to it.
type Block struct {
	Kind Kind

	// Of a request. Authority is nil if there is none; whether it agrees with Host is for the user to see.
	Method, Scheme, Authority, Path []byte
	Protocol                        []byte // :protocol of extended CONNECT, which is offered with Options.ExtendedConnect only

	Status int // of a response: 100 to 999

	Fields        []http1.Field // without the pseudo-header fields; names in lower case
	ContentLength int64         // -1 = not told

	// TooLarge: the block is larger than MaxHeaderBytes or has more than MaxFields fields; Fields holds those before. A
	// server answers 400 (nginx: 494), a client gives up the response. The pseudo-header fields may be missing then.
	TooLarge bool
	// Size is what the block took on the wire, with its frame headers: for $request_length.
	Size int
}
