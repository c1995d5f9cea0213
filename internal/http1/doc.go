// Package http1 is the HTTP/1 codec: bytes to message heads, bodies and
// chunks, and back (RFC 9112, with nginx's behaviour where the RFC leaves
// room).
//
// It is pure. It knows no connections, clocks or goroutines; the caller owns
// the buffer and offers it again, longer, when more bytes have arrived. What
// the parsers return are views into that buffer.
//
// It is lenient where nginx is and nothing can go wrong (bare LF line ends,
// empty lines before a request, HTTP/0.9, unusual header names), and strict where two
// parsers could disagree about where a message ends: there the message is
// refused with the text and status nginx has for it. A message means the same
// however it is cut into segments; the fuzz tests hold every parser to that.
package http1
