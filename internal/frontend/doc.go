// Package frontend serves client connections: it turns what a client sends into core.Requests, and what the
// engine sends into bytes of HTTP/1 (RFC 9112) or HTTP/2 (RFC 9113).
//
// The data structures:
//
//   - clientConn, one per client connection, is small. A connection that is idle (new, kept alive, or lingering) has
//     nothing else: no fiber, no buffer.
//   - session, taken from the loop's free list when the first byte of a request arrives and given back when the
//     connection is idle again, has the parser, the read buffer and the state of one request and its response. It
//     implements core.Downstream: its body part reads the request's body, its output part writes.
//   - h2Conn is what a connection that speaks HTTP/2 has in a session's place. It has no fiber: the loop feeds what comes
//     to the wire of package http2, and what all requests have to say leaves in one write at the end of the turn. It too
//     has no buffers while it is idle.
//   - h2Stream, one per request on such a connection, taken from the loop's free list, is that request's fiber and its
//     core.Downstream.
//   - shard, one per loop, owns the free lists, the list of idle connections, the counters and the cached Date.
//
// It does not own: parsing (http1, http2), listening (server), which server answers and what (core). Nothing in it is
// shared between loops but the counters and the connections' serial numbers.
package frontend
