package http2

import (
	"errors"

	"golang.org/x/net/http2/hpack"
)

// partialBlock is a header block that is coming in: HEADERS, and CONTINUATION until END_HEADERS. It is decoded when it is
// complete; nearly always that is one frame, which is then never copied.
type partialBlock struct {
	id      uint32 // 0 = there is none
	end     bool   // END_STREAM
	depends uint32 // the stream that priority makes it depend on
	frames  int
	size    int // on the wire
	buf     []byte
}

func (p *partialBlock) drop(w *Wire) {
	w.mem.putBuffer(p.buf)
	*p = partialBlock{}
}

func (w *Wire) headersBegin(f *frame, depends uint32) {
	w.part = partialBlock{id: f.id, end: f.has(flagEndStream), depends: depends}
	w.continuationBegins(f)
}

// continuationBegins counts a frame of the block. The size of the frames that END_HEADERS has not come with says nothing of
// how many will follow (CVE-2024-27316), and empty ones have none.
func (w *Wire) continuationBegins(f *frame) {
	p := &w.part
	p.frames++
	p.size += frameHeaderLen + f.length
	if most := w.opt.MaxHeaderBytes; p.size > 4*most || p.frames > 8+most/512 {
		w.fail(EnhanceYourCalm, "sent a header block that is too large")
	}
}

// fragment takes a piece of the block.
func (w *Wire) fragment(b []byte, last bool) {
	p := &w.part
	done := last && w.in.frame.has(flagEndHeaders)
	if !done || len(p.buf) > 0 {
		if cap(p.buf)-len(p.buf) < len(b) {
			bigger := append(w.mem.buffer(len(p.buf)+len(b)), p.buf...)
			w.mem.putBuffer(p.buf)
			p.buf = bigger
		}
		p.buf = append(p.buf, b...)
		b = p.buf
	}
	if !done {
		return
	}
	part := *p
	*p = partialBlock{}
	w.block = w.mem.takeBlock()
	w.block.Size = part.size
	if w.server {
		w.fromClient(&part, b)
	} else {
		w.fromServer(&part, b)
	}
	if w.block != nil {
		w.mem.putBlock(w.block)
		w.block = nil
	}
	w.mem.putBuffer(part.buf)
}

// fromClient says what a block from a client is: a new request, or trailers.
func (w *Wire) fromClient(p *partialBlock, b []byte) {
	if p.id%2 == 0 {
		w.fail(ProtocolError, "sent HEADERS frame with an even stream number")
		return
	}
	if p.id > w.lastID {
		w.request(p, b)
		return
	}
	s := w.streams.find(p.id)
	switch {
	case s == nil && w.streams.wasReset(p.id) != nil, s == nil && w.beyondGoAway(p.id), s != nil && s.reset == byUs:
		w.decode(b, skipped)
	case s == nil && w.forgotten(p.id):
		if w.decode(b, skipped) {
			w.control()
		}
	case s == nil && !w.wasOpened(p.id):
		w.fail(ProtocolError, "sent HEADERS frame with a stream number that is not above the last")
	case s == nil, s.ended && s.peerDone:
		w.fail(StreamClosed, "sent HEADERS frame on a closed stream")
	case s.reset == byPeer, s.peerDone:
		if w.decode(b, skipped) {
			w.streamError(s, p.id, StreamClosed, "sent HEADERS frame on a closed stream")
		}
	default:
		w.trailers(s, p, b)
	}
}

// request opens a stream.
func (w *Wire) request(p *partialBlock, b []byte) {
	w.rememberOpened(p.id)
	t := &w.streams
	switch {
	case w.sentGoAway:
		w.decode(b, skipped)
		return
	case t.open >= w.opt.MaxStreams, t.live >= 2*w.opt.MaxStreams:
		if w.decode(b, skipped) {
			w.refuse(p, RefusedStream, "has too many streams open at a time")
		}
		return
	case p.depends == p.id:
		if w.decode(b, skipped) {
			w.refuse(p, ProtocolError, "sent HEADERS frame that makes a stream depend on itself")
		}
		return
	}
	if !w.decode(b, Request) {
		return
	}
	reason := w.verdict.bad
	if reason == "" {
		reason = w.checkLength(p.end, false)
	}
	if reason != "" {
		w.refuse(p, ProtocolError, reason)
		return
	}
	s := w.newStream(p.id)
	s.headDone = true
	s.bodyLeft = w.block.ContentLength
	w.floods.useful(0, 4)
	w.deliver(s, p.end)
}

// fromServer says what a block from a server is: a response, an interim one, or trailers.
func (w *Wire) fromServer(p *partialBlock, b []byte) {
	if w.idleStream(p.id) {
		w.fail(ProtocolError, "sent HEADERS frame for a stream that was not opened")
		return
	}
	s := w.streams.find(p.id)
	switch {
	case s == nil, s.Closed():
		w.decode(b, skipped)
	case s.peerDone:
		if w.decode(b, skipped) {
			w.streamError(s, p.id, StreamClosed, "sent HEADERS frame on a closed stream")
		}
	case s.headDone:
		w.trailers(s, p, b)
	default:
		w.response(s, p, b)
	}
}

func (w *Wire) response(s *Stream, p *partialBlock, b []byte) {
	if !w.decode(b, Response) {
		return
	}
	reason := w.verdict.bad
	block := w.block
	noBody := s.toHEAD || block.Status == 204 || block.Status == 304
	switch {
	case reason != "":
	case block.Status == 101:
		reason = "sent status 101, which HTTP/2 does not have"
	case block.Status < 200 && p.end:
		reason = "sent an interim response that ends the stream"
	case block.Status < 200:
		block.Kind = Interim
	default:
		reason = w.checkLength(p.end, noBody)
	}
	if reason != "" {
		w.streamError(s, p.id, ProtocolError, reason)
		return
	}
	if block.Kind == Response {
		s.headDone = true
		if !noBody {
			s.bodyLeft = block.ContentLength
		}
	}
	w.deliver(s, p.end)
}

// checkLength compares Content-Length with a body that is known to be empty.
func (w *Wire) checkLength(end, noBody bool) string {
	if end && !noBody && w.block.ContentLength > 0 {
		return "sent a body shorter than its Content-Length"
	}
	return ""
}

func (w *Wire) trailers(s *Stream, p *partialBlock, b []byte) {
	if !w.decode(b, Trailers) {
		return
	}
	reason := w.verdict.bad
	switch {
	case reason != "":
	case !p.end:
		reason = "sent trailers that do not end the stream"
	case s.bodyLeft > 0:
		reason = "sent a body shorter than its Content-Length"
	}
	if reason != "" {
		w.streamError(s, p.id, ProtocolError, reason)
		return
	}
	w.deliver(s, true)
}

func (w *Wire) deliver(s *Stream, end bool) {
	if end {
		w.peerEnd(s)
	}
	b := w.block
	w.block = nil
	w.h.OnHeaders(s, b, end)
	w.mem.putBlock(b)
}

// skipped is the kind of a block that is decoded for the sake of the header table alone.
const skipped Kind = 255

// decode reads a block into w.block. It reports false when the connection has failed; w.verdict says whether the block is
// malformed.
func (w *Wire) decode(b []byte, kind Kind) bool {
	w.block.Kind, w.block.ContentLength = kind, -1
	w.verdict = blockVerdict{}
	w.decoder.SetEmitEnabled(kind != skipped)
	_, err := w.decoder.Write(b)
	if err == nil {
		err = w.decoder.Close()
	}
	switch {
	case err == nil:
	case errors.Is(err, hpack.ErrStringLength):
		w.fail(EnhanceYourCalm, "sent a header field that is too large")
		return false
	default:
		w.fail(CompressionError, "sent an invalid header block: "+err.Error())
		return false
	}
	if kind != skipped && w.verdict.bad == "" && !w.block.TooLarge {
		w.verdict.bad = w.block.checkPseudo(w.opt.ExtendedConnect)
	}
	return true
}
