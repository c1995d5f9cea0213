package http2

import "encoding/binary"

// frameType is the kind of a frame (RFC 9113, section 6).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

var frameNames = [...]string{"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY",
	"WINDOW_UPDATE", "CONTINUATION"}

func (t frameType) String() string {
	if int(t) < len(frameNames) {
		return frameNames[t]
	}
	return "unknown"
}

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	frameHeaderLen = 9
	minMaxFrame    = 1 << 14
	maxMaxFrame    = 1<<24 - 1
	maxWindow      = 1<<31 - 1
	defaultWindow  = 1<<16 - 1
	maxStreamID    = 1<<31 - 1
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is a frame's header.
type frame struct {
	typ    frameType
	flags  uint8
	id     uint32
	length int
}

func parseFrame(b []byte) frame {
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		typ:    frameType(b[3]),
		flags:  b[4],
		id:     binary.BigEndian.Uint32(b[5:]) & maxStreamID,
	}
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// fixed is how many bytes at the payload's front have a meaning of their own; the payload of SETTINGS is such pieces only.
func (f *frame) fixed() (n int) {
	switch f.typ {
	case frameHeaders:
		if f.has(flagPriority) {
			n = 5
		}
		fallthrough
	case frameData:
		if f.has(flagPadded) {
			n++
		}
	case framePriority:
		n = 5
	case frameRSTStream, frameWindowUpdate:
		n = 4
	case framePing, frameGoAway:
		n = 8
	case frameSettings:
		if f.length > 0 {
			n = 6
		}
	}
	return n
}

// check holds a frame's header to what its type says of streams and lengths.
func (f *frame) check() (code ErrCode, reason string) {
	switch f.typ {
	case frameData, frameHeaders, framePriority, frameRSTStream, frameContinuation:
		if f.id == 0 {
			return ProtocolError, "frame without a stream"
		}
	case frameSettings, framePing, frameGoAway:
		if f.id != 0 {
			return ProtocolError, "frame on a stream"
		}
	case framePushPromise:
		return ProtocolError, "frame, which was not allowed"
	}
	ok := true
	switch f.typ {
	case frameRSTStream, frameWindowUpdate:
		ok = f.length == 4
	case framePing:
		ok = f.length == 8
	case frameSettings:
		ok = f.length%6 == 0 && !(f.has(flagAck) && f.length > 0)
	case frameData, frameHeaders, frameGoAway:
		ok = f.length >= f.fixed()
	}
	if !ok {
		return FrameSizeError, "frame with a wrong length"
	}
	return NoError, ""
}

func putFrame(b []byte, length int, t frameType, flags uint8, id uint32) {
	_ = b[8]
	b[0], b[1], b[2] = byte(length>>16), byte(length>>8), byte(length)
	b[3], b[4] = byte(t), flags
	binary.BigEndian.PutUint32(b[5:], id)
}

func appendFrame(b []byte, length int, t frameType, flags uint8, id uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(t), flags,
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}
