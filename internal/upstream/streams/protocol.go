package streams

import (
	"io"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/pool"
	"hearth/internal/upstream"
)

// Protocol is upstream.Protocol for HTTP/2 (RFC 9113). It is made once for a location.
type Protocol struct {
	// Build fills in x.Request: the pseudo-header fields, and the fields in order, Content-Length among them if it is to be
	// sent. x.Request is empty before, its Fields keep their memory. What is no field of HTTP/2 (Connection and the like) is left out when it is sent.
	Build func(x *upstream.Exchange) error
}

var _ upstream.Protocol = (*Protocol)(nil)

// BuildRequest implements upstream.Protocol.
func (p *Protocol) BuildRequest(x *upstream.Exchange) error {
	x.Request = upstream.RequestHead{Fields: x.Request.Fields[:0]}
	if err := p.Build(x); err != nil {
		return err
	}
	x.Target = x.Request.Path
	return nil
}

// WriteRequest implements upstream.Protocol: it sends the head and begins with the body.
func (p *Protocol) WriteRequest(x *upstream.Exchange) error {
	s := x.Stream.(*stream)
	end := x.BodySize() == 0
	if !s.writeHead(&x.Request, end) || end {
		return nil // a connection that failed just now says so where the response is read
	}
	return x.BeginUpload()
}

// ReadHead implements upstream.Protocol.
func (p *Protocol) ReadHead(x *upstream.Exchange) error {
	s := x.Stream.(*stream)
	for {
		for len(s.interims) > 0 {
			i := s.interims[0]
			s.interims = s.interims[1:]
			if err := x.Interim(i.status, i.fields); err != nil {
				return err
			}
		}
		switch {
		case s.status != 0:
			return s.head(x)
		case s.err != nil:
			return s.err
		}
		s.readable.Clear()
		if err := x.Await(); err != nil {
			return err
		}
	}
}

// head hands the final response's head to the exchange.
func (s *stream) head(x *upstream.Exchange) error {
	if s.tooLarge || x.Set.HeadSize > 0 && sizeOf(s.fields) > x.Set.HeadSize {
		return &upstream.InvalidResponse{Cause: "upstream sent too big header"}
	}
	length := s.length
	if !s.isHead && (len(s.trailers) > 0 || length == 0 && !s.ended) {
		length = -1 // with a length HTTP/1 has no place for trailers, and a stream that goes on with no body has some
	}
	x.Head = &x.Parser.Head
	x.Head.Assemble(s.status, s.fields, length)
	switch {
	case s.isHead, s.status == 204, s.status == 304, s.ended && s.in.empty() && len(s.trailers) == 0:
		x.Head.Framing = http1.NoBody
	case length >= 0:
		x.Head.Framing = http1.ByLength
	default:
		x.Head.Framing = http1.UntilClose
	}
	x.Trailers = x.Trailers[:0]
	return nil
}

func sizeOf(fields []http1.Field) (n int64) {
	for i := range fields {
		n += int64(len(fields[i].Name) + len(fields[i].Value) + len(": \r\n"))
	}
	return n
}

// TryBody implements upstream.Protocol. What it gave last time has been taken by the client's side: the backend may send
// as much again.
func (p *Protocol) TryBody(x *upstream.Exchange) ([]byte, error) {
	s := x.Stream.(*stream)
	s.credit()
	piece := s.in.next()
	if s.ended && s.in.empty() {
		x.Trailers = append(x.Trailers[:0], s.trailers...)
	}
	switch {
	case len(piece) > 0:
		s.lent = len(piece)
		return piece, nil
	case s.ended:
		return nil, io.EOF
	case s.err != nil:
		return nil, s.err
	}
	s.readable.Clear()
	return nil, conn.ErrAgain
}

// BodyDone implements upstream.Protocol.
func (p *Protocol) BodyDone(x *upstream.Exchange) bool {
	s := x.Stream.(*stream)
	return s.ended && s.in.empty()
}

// RawBody implements upstream.Protocol: a body in frames is never raw.
func (p *Protocol) RawBody(*upstream.Exchange) int64 { return 0 }

// TookRaw implements upstream.Protocol.
func (p *Protocol) TookRaw(*upstream.Exchange, int64) {}

// Fate implements upstream.Protocol. What becomes of the connection is not one exchange's to say.
func (p *Protocol) Fate(*upstream.Exchange) (pool.Close, pool.Hint) { return pool.Kept, pool.Hint{} }
