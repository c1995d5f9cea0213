package http2

import "hearth/internal/http1"

// HeaderWriter encodes one header block straight into the output. Headers begins it, End completes it; nothing else may be
// asked of the wire in between. Pseudo-header fields come first.
type HeaderWriter struct{}

// Headers begins a header block on the stream: the request (whose stream is numbered now), a response, or trailers. It is
// never refused for want of room; who sends bodies looks at Congested. On a closed stream what is written is dropped.
func (w *Wire) Headers(s *Stream) *HeaderWriter { panic("not yet") }

// Congested reports whether OutputLimit has been reached.
func (w *Wire) Congested() bool { panic("not yet") }

// Status writes :status.
func (hw *HeaderWriter) Status(code int) { panic("not yet") }

// Request writes the pseudo-header fields of a request. authority may be empty. For CONNECT scheme and path are left out.
func (hw *HeaderWriter) Request(method, scheme, authority, path []byte) { panic("not yet") }

// Field writes a field. Its name may be in any case. Fields that are about the connection (Connection, Keep-Alive,
// Transfer-Encoding, Upgrade, Proxy-Connection) are left out here.
func (hw *HeaderWriter) Field(f http1.Field) { panic("not yet") }

// Known writes a field with a known name.
func (hw *HeaderWriter) Known(id http1.ID, value []byte) { panic("not yet") }

// End completes the block and returns how many bytes it takes on the wire. end: the stream ends with it.
func (hw *HeaderWriter) End(end bool) (size int) { panic("not yet") }
