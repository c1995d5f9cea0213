// Package ranges sends parts of responses (RFC 9110, section 14; nginx's ngx_http_range_header_filter_module and
// ngx_http_range_body_filter_module): Range and If-Range, one part or several as multipart/byteranges.
//
// What makes the response says with Out.AcceptRanges that its body is the whole of something of known length.
package ranges

import (
	"bytes"
	"errors"
	"math/rand/v2"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// Module is the header filter. It runs after those that change the body, which take AcceptRanges away.
var Module = core.Module{
	Name:    "ngx_http_range_header_filter_module",
	Headers: []core.HeaderFilter{{Run: filterHead}},
}

// Body is the body filter. It is the first of them, since ranges are of what the handler sends.
var Body = core.Module{
	Name:   "ngx_http_range_body_filter_module",
	Bodies: []core.BodyFilter{{Run: filterBody, Active: cutting}},
}

// cut is which parts of a response are sent.
type cut struct {
	spans    []span
	seen     int64  // bytes of the body that have come by
	partHead []byte // of a multipart body: what stands before each part, but for its place
	total    int64  // length of the whole
}

func (c *cut) Reset() { *c = cut{spans: c.spans[:0]} }

var cuts = core.NewState[cut]()

func filterHead(r *core.Request) error {
	o := &r.Out
	limit := r.Location.Conf.MaxRanges
	if !o.AcceptRanges || o.Status != 200 || !r.IsMain() || o.ContentLength < 0 || limit == 0 || r.Head.Major == 0 {
		o.AcceptRanges = false
		return nil
	}
	o.AcceptRanges = false // from here on it is a field, or has been done
	if o.SingleRange {
		limit = 1
	}
	value, ok := wanted(r)
	if !ok {
		o.AddHeader("Accept-Ranges", unit)
		return nil
	}
	c := cuts.Of(r)
	spans, result := parse(c.spans, value, o.ContentLength, limit)
	switch result {
	case ignored:
		o.AddHeader("Accept-Ranges", unit)
		return nil
	case unsatisfiable:
		o.AddHeader("Content-Range", text.AppendInt(append(r.Alloc(len("bytes */") + 20)[:0], "bytes */"...), o.ContentLength))
		return r.Instead(416)
	}
	c.spans, c.total = spans, o.ContentLength
	o.Status, o.Reason = 206, nil
	if len(spans) == 1 {
		o.AddHeader("Content-Range", appendPlace(r.Alloc(len("bytes ") + 64)[:0], spans[0], c.total))
		o.ContentLength = spans[0].end - spans[0].start
		return nil
	}
	c.multipart(r)
	return nil
}

var unit = []byte("bytes")

// wanted is the list of ranges that is asked for, unless If-Range says that the client has parts of something else.
func wanted(r *core.Request) ([]byte, bool) {
	const prefix = "bytes="
	value, ok := r.Head.Get(http1.Range)
	if !ok || len(value) <= len(prefix) || !text.HasPrefixFold(value, prefix) {
		return nil, false
	}
	value = value[len(prefix):]
	since, ok := r.Head.Get(http1.IfRange)
	switch {
	case !ok:
		return value, true
	case len(since) >= 2 && since[len(since)-1] == '"':
		return value, bytes.Equal(since, r.Out.ETag)
	}
	t, ok := text.ParseHTTPDate(since)
	return value, ok && t.Unix() == r.Out.LastModified
}

func appendPlace(dst []byte, s span, total int64) []byte {
	dst = append(dst, "bytes "...)
	dst = append(text.AppendInt(dst, s.start), '-')
	dst = append(text.AppendInt(dst, s.end-1), '/')
	return text.AppendInt(dst, total)
}

const (
	boundarySize = 20
	partStart    = "\r\n--"
	partType     = "\r\nContent-Type: "
	partRange    = "\r\nContent-Range: "
	multipart    = "multipart/byteranges; boundary="
)

// multipart makes the head of a response with several parts. Each part is preceded by partHead and its place.
func (c *cut) multipart(r *core.Request) {
	o := &r.Out
	head := append(r.Alloc(len(partStart) + boundarySize + len(partType) + len(o.ContentType) + len(partRange))[:0], partStart...)
	var random [boundarySize]byte
	digits := text.AppendInt(random[:0], rand.Int64())
	for range boundarySize - len(digits) {
		head = append(head, '0')
	}
	head = append(head, digits...)
	if len(o.ContentType) > 0 {
		head = append(append(head, partType...), o.ContentType...)
	}
	c.partHead = append(head, partRange...)
	o.ContentType = r.Concat([]byte(multipart), c.boundary())
	o.ContentLength = int64(len(partStart) + boundarySize + len("--\r\n"))
	var place [96]byte
	for _, s := range c.spans {
		o.ContentLength += int64(len(c.partHead)+len(appendPlace(place[:0], s, c.total))+len("\r\n\r\n")) + s.end - s.start
	}
}

func (c *cut) boundary() []byte { return c.partHead[len(partStart):][:boundarySize] }

func cutting(r *core.Request) bool {
	c := cuts.Get(r)
	return c != nil && len(c.spans) > 0
}

func filterBody(r *core.Request, chunk core.Chunk, out core.Next) error {
	c := cuts.Get(r)
	if len(c.spans) == 1 {
		return c.sendOne(chunk, out)
	}
	return c.sendParts(r, chunk, out)
}

// sendOne passes on what of a chunk is in the one range.
func (c *cut) sendOne(chunk core.Chunk, out core.Next) error {
	want := c.spans[0]
	part := within(chunk, c.seen, want)
	before := c.seen
	c.seen += chunk.Size()
	if before < want.end && c.seen >= want.end {
		part.Flush = true // the client need not wait for what it will not get
	}
	if part.Size() == 0 && !part.Last && !part.Flush {
		return nil
	}
	return out.Send(part)
}

// errScattered is for a body of which several ranges are asked, and which does not come in one piece.
var errScattered = errors.New("range in overlapped buffers")

// sendParts sends the parts of a body that is all in this chunk.
func (c *cut) sendParts(r *core.Request, chunk core.Chunk, out core.Next) error {
	if size := chunk.Size(); size > 0 {
		if c.seen > 0 || size != c.total {
			r.Error(logs.Alert, "%s", errScattered)
			return errScattered
		}
		c.seen = size
		for _, s := range c.spans {
			head := r.Alloc(len(c.partHead) + 96)[:0]
			head = append(appendPlace(append(head, c.partHead...), s, c.total), "\r\n\r\n"...)
			if err := out.Send(core.Chunk{Mem: head}); err != nil {
				return err
			}
			if err := out.Send(within(core.Chunk{Mem: chunk.Mem, File: chunk.File, Off: chunk.Off, Len: chunk.Len}, 0, s)); err != nil {
				return err
			}
		}
	}
	end := core.Chunk{Flush: chunk.Flush, Last: chunk.Last}
	if chunk.Last {
		end.Mem = r.Concat([]byte(partStart), c.boundary(), []byte("--\r\n"))
	}
	if !end.Last && !end.Flush {
		return nil
	}
	return out.Send(end)
}

// within is the part of a chunk that is in s, when the chunk's first byte is the body's at `at`.
func within(c core.Chunk, at int64, s span) core.Chunk {
	clamp := func(n, size int64) int64 { return min(max(n, 0), size) }
	size := int64(len(c.Mem))
	c.Mem = c.Mem[clamp(s.start-at, size):clamp(s.end-at, size)]
	at += size
	from, to := clamp(s.start-at, c.Len), clamp(s.end-at, c.Len)
	c.Off, c.Len = c.Off+from, to-from
	if c.Len == 0 {
		c.File, c.Off = conn.File{}, 0
	}
	return c
}
