// Package http2 is the wire of one HTTP/2 connection (RFC 9113), for server and client alike: frames, header
// compression, flow control and the states of streams.
//
// It is pure. It knows no sockets, clocks, goroutines or requests: what was read is fed to a Wire, which calls its
// Handler; what is to be written is collected from it. The same input gives the same calls, however it is cut into
// pieces; the fuzz tests hold it to that.
//
//	err := w.Feed(bytes, now)       // calls OnHeaders, OnData, OnReset, OnRoom ...; err: GOAWAY is in Output, write it and close
//	n := write(w.Output()); w.Sent(n)
//
// A Wire and all of its streams belong to one loop.
//
// # Streams
//
// A Stream is the wire's record. It is made by the peer's HEADERS at a server, which sets Owner in OnHeaders, and by Open
// at a client. Whoever was handed it calls Release exactly once, when he is finished with it, whatever became of the
// stream; until then the pointer stays valid and all calls with it are safe: on a stream that is closed they do nothing. A
// stream that is not closed when it is released is reset.
package http2
