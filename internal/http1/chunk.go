package http1

import (
	"math"

	"hearth/internal/text"
)

// ChunkReader decodes a chunked body (RFC 9112, section 7.1) as it arrives.
// It copies no data; only trailers are collected.
//
// It is strict, because lenient chunk parsing is how requests are smuggled: a
// size has 1 to 16 hexadecimal digits, every line ends with CR LF (as in nginx
// since 1.29.4), and between size and line end only spaces and extensions may stand.
type ChunkReader struct {
	remaining int64 // bytes of the current chunk still to come
	state     chunkState
	digits    uint8
	extension int    // bytes of the current chunk's extensions
	trailer   []byte // the trailer section as it came
	trailers  []Field
	bad       *Error
	limit     int
}

type chunkState uint8

const (
	chunkSize chunkState = iota // zero value: before the first digit
	chunkSizeMore
	chunkSpace // after the size: spaces
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer
	chunkDone
)

const (
	maxChunkExtension   = 1024
	defaultTrailerLimit = 8192
)

// Errors for a chunked body that is not one, from a client and from an upstream server.
var (
	ErrRequestChunk  = badRequest("client sent invalid chunked body")
	ErrResponseChunk = badResponse("upstream sent invalid chunked response")
)

// ResetRequest prepares for a client's body. trailerLimit bounds the trailer
// section, in bytes; 0 means 8 KB.
func (c *ChunkReader) ResetRequest(trailerLimit int) { c.reset(trailerLimit, ErrRequestChunk) }

// ResetResponse prepares for an upstream server's body.
func (c *ChunkReader) ResetResponse(trailerLimit int) { c.reset(trailerLimit, ErrResponseChunk) }

func (c *ChunkReader) reset(trailerLimit int, bad *Error) {
	if trailerLimit <= 0 {
		trailerLimit = defaultTrailerLimit
	}
	*c = ChunkReader{trailer: c.trailer[:0], trailers: c.trailers[:0], bad: bad, limit: trailerLimit}
}

// Done reports whether the body and its trailers are complete. What follows
// in the buffer belongs to the next message.
func (c *ChunkReader) Done() bool { return c.state == chunkDone }

// Remaining returns how many bytes of data are certain to come next: that
// many can be read, or spliced, past the decoder and then reported by Skip.
func (c *ChunkReader) Remaining() int64 {
	if c.state != chunkData {
		return 0
	}
	return c.remaining
}

// Skip tells the decoder that n of the Remaining bytes have gone past it.
func (c *ChunkReader) Skip(n int64) {
	if c.remaining -= n; c.remaining == 0 {
		c.state = chunkDataCR
	}
}

// Trailers returns the fields after the last chunk once Done. Fields that
// may not stand there (RFC 9110, section 6.5.1) are left out. They are valid until the next Reset.
func (c *ChunkReader) Trailers() []Field { return c.trailers }

// Decode consumes bytes from the front of src: framing, and at most one run
// of data, which it returns as a view of src. consumed covers both. It ends
// when src is used up, after a run of data, or when the body is complete;
// so call it again while something is left and the body is not Done.
func (c *ChunkReader) Decode(src []byte) (data []byte, consumed int, err error) {
	for i := 0; i < len(src); i++ {
		switch c.state {
		case chunkData:
			n := int(min(int64(len(src)-i), c.remaining))
			c.Skip(int64(n))
			return src[i : i+n], i + n, nil
		case chunkTrailer:
			n, err := c.readTrailer(src[i:])
			return nil, i + n, err
		case chunkDone:
			return nil, i, nil
		}
		if !c.step(src[i]) {
			return nil, i, c.bad
		}
	}
	return nil, len(src), nil
}

// step consumes one byte of framing.
func (c *ChunkReader) step(b byte) bool {
	switch c.state {
	case chunkSize:
		c.remaining, c.digits, c.extension = 0, 0, 0
		c.state = chunkSizeMore
		return c.digit(b)
	case chunkSizeMore:
		return c.digit(b) || c.afterSize(b)
	case chunkSpace:
		c.extension++
		return c.extension <= maxChunkExtension && (b == ' ' || b == '\t' || c.afterSize(b))
	case chunkExtension:
		if b == '\r' {
			c.state = chunkSizeLF
			return true
		}
		c.extension++
		return c.extension <= maxChunkExtension && (b >= ' ' && b != 0x7f || b == '\t')
	case chunkSizeLF:
		c.state = chunkData
		if c.remaining == 0 {
			c.state = chunkTrailer
		}
		return b == '\n'
	case chunkDataCR:
		c.state = chunkDataLF
		return b == '\r'
	case chunkDataLF:
		c.state = chunkSize
		return b == '\n'
	}
	return false
}

func (c *ChunkReader) digit(b byte) bool {
	d := text.HexDigit(b)
	if d < 0 || c.digits == 16 || c.remaining > math.MaxInt64>>4 {
		return false
	}
	c.digits++
	c.remaining = c.remaining<<4 | int64(d)
	return true
}

// afterSize consumes the first byte that is not part of the size.
func (c *ChunkReader) afterSize(b byte) bool {
	switch b {
	case ' ', '\t':
		c.state = chunkSpace
	case ';':
		c.state = chunkExtension
	case '\r':
		c.state = chunkSizeLF
	default:
		return false
	}
	return true
}

// readTrailer consumes the trailer section and the empty line that ends the body.
func (c *ChunkReader) readTrailer(src []byte) (int, error) {
	for i, b := range src {
		c.trailer = append(c.trailer, b)
		if b != '\n' {
			if len(c.trailer) > c.limit {
				return i, c.bad
			}
			continue
		}
		end, ok := c.trailerLine()
		if !ok {
			return i, c.bad
		}
		if end {
			return i + 1, c.finish()
		}
	}
	return len(src), nil
}

// trailerLine looks at the line that has just ended: is it the empty one, is its end a CR LF?
func (c *ChunkReader) trailerLine() (empty, ok bool) {
	n := len(c.trailer)
	if n < 2 || c.trailer[n-2] != '\r' {
		return false, false
	}
	return n == 2 || c.trailer[n-3] == '\n', true
}

func (c *ChunkReader) finish() error {
	l := lines{}
	for {
		line, state := l.next(c.trailer, lineLimit{})
		if state != lineComplete || len(line) == 0 {
			c.state = chunkDone
			return nil
		}
		name, value, id, kind, bad := splitField(line)
		if bad >= 0 || len(c.trailers) >= maxFields {
			return c.bad
		}
		if kind&oddByte == 0 && !forbiddenInTrailer(id) {
			c.trailers = append(c.trailers, Field{name, value, id})
		}
	}
}

// forbiddenInTrailer names the fields that frame or route a message, and so
// come too late after it.
func forbiddenInTrailer(id ID) bool {
	switch id {
	case ContentLength, TransferEncoding, Host, Connection, KeepAlive, Upgrade, TE, Trailer, Expect,
		ContentEncoding, ContentType, ContentRange, Authorization, ProxyAuthorization, ProxyConnection, SetCookie, Cookie:
		return true
	}
	return false
}
