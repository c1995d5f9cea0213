package http2

import (
	"strconv"

	"hearth/internal/http1"
	"hearth/internal/text"
)

// HeaderWriter encodes one header block straight into the output. Headers begins it, End completes it; nothing else may be
// asked of the wire in between. Pseudo-header fields come first.
type HeaderWriter struct {
	w       *Wire
	s       *Stream
	at      int // where the HEADERS frame begins in the output
	dropped bool
	digits  [3]byte
}

// Headers begins a header block on the stream: the request (whose stream is numbered now), a response, or trailers. It is
// never refused for want of room; who sends bodies looks at Congested. On a closed stream what is written is dropped.
func (w *Wire) Headers(s *Stream) *HeaderWriter {
	hw := &w.writer
	hw.w, hw.s = w, s
	if hw.dropped = s.Closed() || s.ended || w.err != nil; hw.dropped {
		return hw
	}
	if s.ID == 0 {
		w.number(s)
	}
	w.out.room(w, 512)
	hw.at = w.out.pending()
	w.out.buf = appendFrame(w.out.buf, 0, frameHeaders, flagEndHeaders, s.ID)
	w.out.buf = w.encoder.begin(w.out.buf)
	return hw
}

// Status writes :status.
func (hw *HeaderWriter) Status(code int) {
	if hw.dropped {
		return
	}
	if i := staticStatus(code); i != 0 {
		hw.index(i)
		return
	}
	hw.put(statusName, http1.Other, strconv.AppendInt(hw.digits[:0], int64(code), 10), staticStatusName)
}

// Request writes the pseudo-header fields of a request. authority may be empty. For CONNECT scheme and path are left out.
func (hw *HeaderWriter) Request(method, scheme, authority, path []byte) {
	if hw.dropped {
		return
	}
	connect := false
	switch string(method) {
	case "GET":
		hw.index(staticGET)
	case "POST":
		hw.index(staticPOST)
	default:
		connect = string(method) == "CONNECT"
		hw.put(methodName, http1.Other, method, staticGET)
	}
	if !connect {
		switch string(scheme) {
		case "http":
			hw.index(staticHTTP)
		case "https":
			hw.index(staticHTTPS)
		default:
			hw.put(schemeName, http1.Other, scheme, staticHTTP)
		}
	}
	if len(authority) > 0 {
		hw.put(authorityName, http1.Other, authority, staticAuthority)
	}
	if !connect {
		if string(path) == "/" {
			hw.index(staticRoot)
		} else {
			hw.put(pathName, http1.Other, path, staticRoot)
		}
	}
}

// Field writes a field. Its name may be in any case. Fields that are about the connection (Connection, Keep-Alive,
// Transfer-Encoding, Upgrade, Proxy-Connection, and TE but for "trailers") are left out here.
func (hw *HeaderWriter) Field(f http1.Field) {
	if f.ID != http1.Other {
		hw.Known(f.ID, f.Value)
		return
	}
	if !hw.dropped {
		hw.put(f.Name, http1.Other, f.Value, 0)
	}
}

// Known writes a field with a known name.
func (hw *HeaderWriter) Known(id http1.ID, value []byte) {
	switch id {
	case http1.Connection, http1.KeepAlive, http1.TransferEncoding, http1.Upgrade, http1.ProxyConnection, http1.HTTP2Settings:
		return
	case http1.TE:
		if !text.EqualFold(value, "trailers") {
			return // RFC 9113, section 8.2.2
		}
	}
	if !hw.dropped {
		hw.put(id.Lower(), id, value, staticNames[id])
	}
}

func (hw *HeaderWriter) index(i int) {
	hw.w.out.room(hw.w, maxInteger)
	hw.w.out.buf = appendInteger(hw.w.out.buf, 0x80, 7, i)
}

func (hw *HeaderWriter) put(name []byte, id http1.ID, value []byte, static uint8) {
	hw.w.out.room(hw.w, len(name)+len(value)+3*maxInteger)
	hw.w.out.buf = hw.w.encoder.appendField(hw.w.out.buf, name, id, value, int(static))
}

// End completes the block and returns how many bytes it takes on the wire. end: the stream ends with it.
func (hw *HeaderWriter) End(end bool) (size int) {
	if hw.dropped {
		return 0
	}
	w := hw.w
	block := w.out.pending() - hw.at - frameHeaderLen
	most := w.peer.maxFrame
	frames := max(1, (block+most-1)/most)
	if frames > 1 {
		w.out.room(w, (frames-1)*frameHeaderLen)
	}
	start := w.out.sent + hw.at
	flags := uint8(flagEndHeaders)
	if frames > 1 {
		flags = 0
		hw.split(start, block, most, frames)
	}
	if end {
		flags |= flagEndStream
	}
	putFrame(w.out.buf[start:], min(block, most), frameHeaders, flags, hw.s.ID)
	if end {
		w.end(hw.s)
	}
	return block + frames*frameHeaderLen
}

// split makes room for the headers of CONTINUATION frames, from behind: the last piece moves furthest.
func (hw *HeaderWriter) split(start, block, most, frames int) {
	out := &hw.w.out
	old := start + frameHeaderLen
	out.buf = out.buf[:len(out.buf)+(frames-1)*frameHeaderLen]
	for i := frames - 1; i > 0; i-- {
		from, size := i*most, min(most, block-i*most)
		to := old + from + i*frameHeaderLen
		copy(out.buf[to:to+size], out.buf[old+from:])
		flags := uint8(0)
		if i == frames-1 {
			flags = flagEndHeaders
		}
		putFrame(out.buf[to-frameHeaderLen:], size, frameContinuation, flags, hw.s.ID)
	}
}
