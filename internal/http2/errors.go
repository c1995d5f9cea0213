package http2

import (
	"errors"
	"strconv"
)

// ErrCode is the reason in RST_STREAM and GOAWAY (RFC 9113, section 7).
type ErrCode uint32

// The error codes of RFC 9113, section 7.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
	"ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

// String is the name the RFC has for the code.
func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "error code " + strconv.FormatUint(uint64(c), 10)
}

// ConnError ends the connection: GOAWAY with the code has been put into Output, and nothing more is read.
type ConnError struct {
	Code   ErrCode
	Reason string // for the error log: what the peer did ("sent DATA frame on stream 0")
}

func (e *ConnError) Error() string { return e.Reason + " (" + e.Code.String() + ")" }

// What Open answers when the connection takes no further stream.
var (
	// ErrFull: as many streams are open as the peer allows at a time.
	ErrFull = errors.New("http2: the peer takes no more streams at a time")
	// ErrGoingAway: GOAWAY was received or sent, the connection has failed, or its stream numbers are used up.
	ErrGoingAway = errors.New("http2: the connection takes no new streams")
)
