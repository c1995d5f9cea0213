package frontend

import (
	"hearth/internal/core"
	"hearth/internal/http1"
)

// framing is how the client finds the end of the body (RFC 9112, 6.3).
type framing uint8

const (
	noBody   framing = iota // by the method or the status
	byLength                // Content-Length
	byChunks
	byClose
)

// frame puts the chunk's bytes out, with what marks them on the wire.
func (s *session) frame(c core.Chunk) error {
	o := &s.out
	size := c.Size()
	switch o.framing {
	case noBody:
		return nil
	case byLength:
		if size > o.left {
			return o.fail(errLength)
		}
		o.left -= size
	case byChunks:
		return s.frameChunk(c, size)
	}
	if err := s.put(c.Mem, nil); err != nil {
		return err
	}
	return s.putFile(c)
}

func (s *session) frameChunk(c core.Chunk, size int64) error {
	o := &s.out
	var tail []byte
	if c.Last {
		if size > 0 && len(o.req.Out.Trailers) == 0 {
			tail = lastChunkAfterData
		} else if size == 0 {
			s.room()
			o.queue = appendLastChunk(o.queue, o.req.Out.Trailers)
			return nil
		}
	}
	if size == 0 {
		return nil
	}
	s.room()
	o.queue = http1.AppendChunkHead(o.queue, size)
	if tail == nil {
		tail = endChunk
	}
	if !c.File.IsOpen() {
		if err := s.put(c.Mem, tail); err != nil {
			return err
		}
	} else {
		if err := s.put(c.Mem, nil); err != nil {
			return err
		}
		if err := s.putFile(c); err != nil {
			return err
		}
		s.room()
		o.queue = append(o.queue, tail...)
	}
	if c.Last && len(tail) == len(endChunk) {
		o.queue = appendLastChunk(o.queue, o.req.Out.Trailers)
	}
	return nil
}

var (
	endChunk           = []byte(http1.EndChunk)
	lastChunkAfterData = []byte(http1.EndChunk + "0\r\n\r\n")
)

// chooseFraming decides how the body's end will be told (RFC 9112, 6.3).
func (s *session) chooseFraming(r *core.Request) {
	o, out := &s.out, &r.Out
	c := s.settings()
	switch {
	case out.HeaderOnly || out.Status == 204 || out.Status == 304 || out.Status < 200:
		o.framing = noBody
	case o.http11 && c.ChunkedTransfer && (out.ContentLength < 0 || len(out.Trailers) > 0):
		o.framing = byChunks
	case out.ContentLength >= 0:
		o.framing, o.left = byLength, out.ContentLength
	default:
		o.framing = byClose
	}
}

// appendLastChunk ends a chunked body, with those trailers that may be sent after it (RFC 9110, 6.5.1).
func appendLastChunk(b []byte, trailers []http1.Field) []byte {
	b = append(b, "0\r\n"...)
	b = appendFields(b, trailers)
	return append(b, "\r\n"...)
}
