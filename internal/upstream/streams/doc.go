// Package streams is HTTP/2 with backends: the connections that the exchanges of a loop share (over http2.Wire), and the
// upstream.Protocol that sends a request and reads its response on one stream of them. proxy_http_version 2 and gRPC are made of it.
//
// # How a module uses it
//
//	l.Settings.Streams = streams.Connections // exchanges share connections
//	l.Settings.Proto = "h2"                  // pool.Identity
//	protocol := &streams.Protocol{Build: build}
//	upstream.Run(r, &l.Settings, group, protocol)
//
// build fills in x.Request once for each request (for each try with Settings.RequestDynamic). A module that has more to say of
// a response embeds *Protocol and overrides a method: ReadHead, for one, may look at x.Head before the engine does.
//
// # Both ways at once
//
// WriteRequest sends the head and begins the upload of the body. It does not wait for the upload's end: that goes on, within flow
// control, while ReadHead waits and while the engine relays the response, whichever ends first. With
// Settings.RequestBuffering off the body goes out as the client sends it; with Settings.Buffering off
// what the backend sends goes to the client at once, and no faster than he takes it: credit goes back to the backend
// for bytes that the client's side has taken, so a slow receiver slows the sender. A response that ends before the
// request does ends the request too: the stream is reset, the connection goes on.
//
// Trailers of the response are in x.Trailers when TryBody has said io.EOF, and are passed on with Settings.PassTrailers; a
// response of a head alone (gRPC's Trailers-Only) is one without a body, its fields are the head's. Trailers of
// the request are passed on with Settings.RequestTrailers.
//
// A stream that the backend resets is *upstream.ResetError, with the code; the engine's log line and retries are made of it.
//
// # Who owns what
//
// A line is one connection. It belongs to its loop, has no fiber, and between events no buffer: what is read is fed to the
// wire, whose calls put it into the streams it is for; what all streams write in a turn leaves in one write at
// its end. A stream belongs to its exchange, and goes to a free list with Release.
package streams
