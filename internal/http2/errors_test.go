package http2

import (
	"bytes"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"
)

// TestWhatEndsTheConnection lists what RFC 9113 has as a connection error, at a server on which stream 1 is open, stream 3
// is half closed and stream 5 has ended.
func TestWhatEndsTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		send func(p *peer)
		code ErrCode
	}{
		"DATA on no stream":                    {func(p *peer) { p.WriteData(0, true, nil) }, ProtocolError},
		"DATA on an idle stream":               {func(p *peer) { p.WriteData(9, true, nil) }, ProtocolError},
		"DATA with padding longer than it":     {func(p *peer) { p.WriteRawFrame(xnet.FrameData, flagPadded, 1, []byte{9, 0}) }, ProtocolError},
		"padded DATA without a padding length": {func(p *peer) { p.WriteRawFrame(xnet.FrameData, flagPadded, 1, nil) }, FrameSizeError},
		"a frame that is too large":            {func(p *peer) { p.WriteData(1, false, make([]byte, 16385)) }, FrameSizeError},
		"HEADERS on no stream":                 {func(p *peer) { p.headers(0, true, get...) }, ProtocolError},
		"HEADERS on an even stream":            {func(p *peer) { p.headers(8, true, get...) }, ProtocolError},
		"HEADERS below the last stream":        {func(p *peer) { p.headers(11, true, get...); p.headers(9, true, get...) }, ProtocolError},
		"HEADERS on an ended stream":           {func(p *peer) { p.headers(5, true, get...) }, StreamClosed},
		"HEADERS with too much padding":        {func(p *peer) { p.WriteRawFrame(xnet.FrameHeaders, flagPadded, 7, []byte{9, 0}) }, ProtocolError},
		"HEADERS too short for priority":       {func(p *peer) { p.WriteRawFrame(xnet.FrameHeaders, flagPriority, 7, []byte{9, 0}) }, FrameSizeError},
		"a block that is no HPACK": {func(p *peer) {
			p.WriteRawFrame(xnet.FrameHeaders, flagEndHeaders, 7, []byte{0xff, 0xff, 0xff, 0xff, 0xff})
		}, CompressionError},
		"a block that is cut short":             {func(p *peer) { p.WriteRawFrame(xnet.FrameHeaders, flagEndHeaders, 7, p.block(get...)[:8]) }, CompressionError},
		"a table size update that is too large": {func(p *peer) { p.WriteRawFrame(xnet.FrameHeaders, flagEndHeaders, 7, []byte{0x3f, 0xe2, 0x1f}) }, CompressionError},
		"a block that is interrupted": {func(p *peer) {
			p.WriteRawFrame(xnet.FrameHeaders, 0, 7, p.block(get...))
			p.WritePing(false, [8]byte{})
		}, ProtocolError},
		"a block that another stream continues": {func(p *peer) {
			p.WriteRawFrame(xnet.FrameHeaders, 0, 7, p.block(get...))
			p.WriteContinuation(9, true, nil)
		}, ProtocolError},
		"CONTINUATION of nothing":         {func(p *peer) { p.WriteContinuation(1, true, nil) }, ProtocolError},
		"PRIORITY on no stream":           {func(p *peer) { p.WritePriority(0, xnet.PriorityParam{}) }, ProtocolError},
		"RST_STREAM on no stream":         {func(p *peer) { p.WriteRSTStream(0, 8) }, ProtocolError},
		"RST_STREAM on an idle stream":    {func(p *peer) { p.WriteRSTStream(9, 8) }, ProtocolError},
		"RST_STREAM of a wrong length":    {func(p *peer) { p.WriteRawFrame(xnet.FrameRSTStream, 0, 1, []byte{0}) }, FrameSizeError},
		"SETTINGS on a stream":            {func(p *peer) { p.WriteRawFrame(xnet.FrameSettings, 0, 1, nil) }, ProtocolError},
		"SETTINGS of a wrong length":      {func(p *peer) { p.WriteRawFrame(xnet.FrameSettings, 0, 0, []byte{0}) }, FrameSizeError},
		"an acknowledgement with content": {func(p *peer) { p.WriteRawFrame(xnet.FrameSettings, flagAck, 0, make([]byte, 6)) }, FrameSizeError},
		"ENABLE_PUSH above 1":             {func(p *peer) { p.WriteSettings(xnet.Setting{ID: xnet.SettingEnablePush, Val: 2}) }, ProtocolError},
		"INITIAL_WINDOW_SIZE too large":   {func(p *peer) { p.WriteSettings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1 << 31}) }, FlowControlError},
		"MAX_FRAME_SIZE too small":        {func(p *peer) { p.WriteSettings(xnet.Setting{ID: xnet.SettingMaxFrameSize, Val: 16383}) }, ProtocolError},
		"MAX_FRAME_SIZE too large":        {func(p *peer) { p.WriteSettings(xnet.Setting{ID: xnet.SettingMaxFrameSize, Val: 1 << 24}) }, ProtocolError},
		"PUSH_PROMISE":                    {func(p *peer) { p.WritePushPromise(xnet.PushPromiseParam{StreamID: 1, PromiseID: 2}) }, ProtocolError},
		"PING on a stream":                {func(p *peer) { p.WriteRawFrame(xnet.FramePing, 0, 1, make([]byte, 8)) }, ProtocolError},
		"PING of a wrong length":          {func(p *peer) { p.WriteRawFrame(xnet.FramePing, 0, 0, make([]byte, 7)) }, FrameSizeError},
		"GOAWAY on a stream":              {func(p *peer) { p.WriteRawFrame(xnet.FrameGoAway, 0, 1, make([]byte, 8)) }, ProtocolError},
		"GOAWAY that is too short":        {func(p *peer) { p.WriteRawFrame(xnet.FrameGoAway, 0, 0, make([]byte, 7)) }, FrameSizeError},
		"WINDOW_UPDATE of a wrong length": {func(p *peer) { p.WriteRawFrame(xnet.FrameWindowUpdate, 0, 0, make([]byte, 3)) }, FrameSizeError},
		"WINDOW_UPDATE of nothing":        {func(p *peer) { p.WriteWindowUpdate(0, 0) }, ProtocolError},
		"WINDOW_UPDATE on an idle stream": {func(p *peer) { p.WriteWindowUpdate(9, 1) }, ProtocolError},
		"a connection window too large":   {func(p *peer) { p.WriteWindowUpdate(0, maxWindow) }, FlowControlError},
		"a stream's window too large by SETTINGS": {func(p *peer) {
			p.WriteWindowUpdate(1, maxWindow-defaultWindow)
			p.WriteSettings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: defaultWindow + 1})
		}, FlowControlError},
		"a PRIORITY of a wrong length on a stream that is not open": {func(p *peer) { p.WriteRawFrame(xnet.FramePriority, 0, 9, make([]byte, 4)) }, FrameSizeError},
	} {
		t.Run(name, func(t *testing.T) {
			p := client(t, nil)
			p.headers(1, false, post...)
			p.headers(3, true, get...)
			p.headers(5, true, get...)
			p.feed()
			p.w.Headers(p.e.streams[5]).End(true)
			p.w.Release(p.e.streams[5])
			p.frames()
			c.send(p)
			err := p.feed()
			if e, ok := err.(*ConnError); !ok || e.Code != c.code || !strings.HasPrefix(e.Reason, "sent ") && !strings.HasPrefix(e.Reason, "violated ") {
				t.Fatalf("Feed: %v, want %v", err, c.code)
			}
			if last := p.frames(); !strings.HasSuffix(last, c.code.String()) || !strings.Contains(last, "GOAWAY 0 last ") {
				t.Errorf("the wire has written:\n%s", last)
			}
			p.WritePing(false, [8]byte{})
			if again := p.feed(); again != err || p.frames() != "" {
				t.Error("the wire goes on")
			}
		})
	}
}

// TestWhatResetsAStream lists what is an error of one stream only: there stream 1 is open, stream 3 half closed.
func TestWhatResetsAStream(t *testing.T) {
	for name, c := range map[string]struct {
		send   func(p *peer)
		told   string
		frames string
	}{
		"DATA on a half-closed stream": {func(p *peer) { p.WriteData(3, false, []byte("x")) },
			"3 reset by wire: STREAM_CLOSED: sent DATA frame on a closed stream", "RST_STREAM 3 STREAM_CLOSED"},
		"HEADERS on a half-closed stream": {func(p *peer) { p.headers(3, true, "a=b") },
			"3 reset by wire: STREAM_CLOSED: sent HEADERS frame on a closed stream", "RST_STREAM 3 STREAM_CLOSED"},
		"trailers that do not end": {func(p *peer) { p.headers(1, false, "a=b") },
			"1 reset by wire: PROTOCOL_ERROR: sent trailers that do not end the stream", "RST_STREAM 1 PROTOCOL_ERROR"},
		"trailers with a pseudo-header field": {func(p *peer) { p.headers(1, true, ":method=GET") },
			"1 reset by wire: PROTOCOL_ERROR: sent a pseudo-header field in trailers", "RST_STREAM 1 PROTOCOL_ERROR"},
		"WINDOW_UPDATE of nothing": {func(p *peer) { p.WriteWindowUpdate(1, 0) },
			"1 reset by wire: PROTOCOL_ERROR: sent WINDOW_UPDATE frame with incorrect window increment 0", "RST_STREAM 1 PROTOCOL_ERROR"},
		"a window that is too large": {func(p *peer) { p.WriteWindowUpdate(1, maxWindow) },
			"1 reset by wire: FLOW_CONTROL_ERROR: violated flow control: the stream's window is too large", "RST_STREAM 1 FLOW_CONTROL_ERROR"},
		"PRIORITY on itself": {func(p *peer) { p.WritePriority(1, xnet.PriorityParam{StreamDep: 1}) },
			"1 reset by wire: PROTOCOL_ERROR: sent PRIORITY frame that makes a stream depend on itself", "RST_STREAM 1 PROTOCOL_ERROR"},
		"PRIORITY of a wrong length": {func(p *peer) { p.WriteRawFrame(xnet.FramePriority, 0, 1, make([]byte, 4)) },
			"1 reset by wire: FRAME_SIZE_ERROR: sent PRIORITY frame with a wrong length", "RST_STREAM 1 FRAME_SIZE_ERROR"},
		"HEADERS that depend on themselves": {func(p *peer) {
			p.WriteHeaders(xnet.HeadersFrameParam{StreamID: 7, BlockFragment: p.block(get...), EndHeaders: true, Priority: xnet.PriorityParam{StreamDep: 7}})
		}, "7 refused: PROTOCOL_ERROR: sent HEADERS frame that makes a stream depend on itself", "RST_STREAM 7 PROTOCOL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			p := client(t, nil)
			p.headers(1, false, post...)
			p.headers(3, true, get...)
			p.want("1 POST http://a/", "3 GET http://a/ end")
			c.send(p)
			p.want(c.told)
			p.wantFrames(c.frames)
			p.headers(9, true, get...)
			p.want("9 GET http://a/ end")
		})
	}
}

// TestMalformedRequests are those of RFC 9113, sections 8.1.1 to 8.5.
func TestMalformedRequests(t *testing.T) {
	with := func(fields ...string) []string { return append(get[:len(get):len(get)], fields...) }
	for _, c := range []struct {
		reason string
		fields []string
	}{
		{"a header field with an invalid name", with("Upper=1")},
		{"a header field with an invalid name", with("a b=1")},
		{"a header field without a name", []string{":method=GET", ":scheme=http", ":path=/", "\x00EMPTY=1"}},
		{"a header field with an invalid value", with("a=x\ny")},
		{"a header field with an invalid value", with("a=\x00")},
		{"a header field with an invalid value", []string{":method=GET\r", ":scheme=http", ":path=/"}},
		{"a header field about the connection, which HTTP/2 does not have", with("connection=close")},
		{"a header field about the connection, which HTTP/2 does not have", with("transfer-encoding=chunked")},
		{"a header field about the connection, which HTTP/2 does not have", with("keep-alive=1")},
		{"a header field about the connection, which HTTP/2 does not have", with("proxy-connection=close")},
		{"a header field about the connection, which HTTP/2 does not have", with("upgrade=h2c")},
		{`a TE field other than "trailers"`, with("te=trailers, deflate")},
		{"a pseudo-header field after others", []string{":method=GET", ":scheme=http", "a=b", ":path=/"}},
		{"an unknown pseudo-header field", with(":thing=x")},
		{"an unknown pseudo-header field", with(":status=200")},
		{":method twice", with(":method=GET")},
		{":path twice", with(":path=/")},
		{"no :method", []string{":scheme=http", ":path=/"}},
		{"no :scheme", []string{":method=GET", ":path=/"}},
		{"no :path", []string{":method=GET", ":scheme=http"}},
		{"an invalid :path", []string{":method=GET", ":scheme=http", ":path="}},
		{"an invalid :path", []string{":method=GET", ":scheme=http", ":path=a"}},
		{"an invalid :path", []string{":method=GET", ":scheme=http", ":path=*"}},
		{"an invalid :path", []string{":method=GET", ":scheme=http", ":path=/a b"}},
		{"an invalid :method", []string{":method=G T", ":scheme=http", ":path=/"}},
		{"an invalid :scheme", []string{":method=GET", ":scheme=1", ":path=/"}},
		{"an invalid :authority", []string{":method=GET", ":scheme=http", ":path=/", ":authority=a b"}},
		{"a CONNECT request with other pseudo-header fields than :authority", []string{":method=CONNECT", ":authority=a:1", ":path=/"}},
		{"a CONNECT request with other pseudo-header fields than :authority", []string{":method=CONNECT"}},
		{":protocol, which was not allowed", []string{":method=CONNECT", ":protocol=websocket", ":scheme=http", ":path=/", ":authority=a"}},
		{"an invalid or doubled Content-Length", with("content-length=x")},
		{"an invalid or doubled Content-Length", with("content-length=1", "content-length=1")},
		{"a body shorter than its Content-Length", with("content-length=1")},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p := client(t, nil)
			block := p.block(c.fields...)
			// hpack does not write a field without a name.
			block = bytes.ReplaceAll(block, []byte("\x06\x00EMPTY"), []byte("\x00"))
			p.WriteHeaders(xnet.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
			p.want("1 refused: PROTOCOL_ERROR: sent " + c.reason)
			p.wantFrames("RST_STREAM 1 PROTOCOL_ERROR")
			p.headers(3, true, get...)
			p.want("3 GET http://a/ end")
		})
	}
}

func TestBodiesAreHeldToTheirContentLength(t *testing.T) {
	for name, c := range map[string]struct {
		send func(p *peer)
		told []string
	}{
		"longer": {func(p *peer) { p.WriteData(1, false, []byte("ab")); p.WriteData(1, false, []byte("cd")) },
			[]string{"1 data ab", "1 reset by wire: PROTOCOL_ERROR: sent a body longer than its Content-Length"}},
		"shorter": {func(p *peer) { p.WriteData(1, true, []byte("ab")) },
			[]string{"1 reset by wire: PROTOCOL_ERROR: sent a body shorter than its Content-Length"}},
		"shorter, with trailers": {func(p *peer) { p.WriteData(1, false, []byte("ab")); p.headers(1, true, "a=b") },
			[]string{"1 data ab", "1 reset by wire: PROTOCOL_ERROR: sent a body shorter than its Content-Length"}},
		"as long, padded": {func(p *peer) { p.WriteDataPadded(1, true, []byte("abc"), make([]byte, 9)) }, []string{"1 data abc end"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := client(t, nil)
			p.headers(1, false, append(post, "content-length=3")...)
			p.feed()
			p.e.log = nil
			c.send(p)
			p.want(c.told...)
		})
	}
}

func TestMalformedResponses(t *testing.T) {
	for reason, send := range map[string]func(p *peer){
		"sent no :status":                                func(p *peer) { p.headers(1, true, "a=b") },
		"sent an invalid :status":                        func(p *peer) { p.headers(1, true, ":status=20") },
		"sent an unknown or doubled pseudo-header field": func(p *peer) { p.headers(1, true, ":status=200", ":status=200") },
		"sent status 101, which HTTP/2 does not have":    func(p *peer) { p.headers(1, false, ":status=101") },
		"sent an interim response that ends the stream":  func(p *peer) { p.headers(1, true, ":status=103") },
		"sent DATA frame before the response's head":     func(p *peer) { p.WriteData(1, false, []byte("x")) },
		"sent a body shorter than its Content-Length":    func(p *peer) { p.headers(1, true, ":status=200", "content-length=1") },
	} {
		t.Run(reason, func(t *testing.T) {
			p := server(t, nil)
			s, _ := p.w.Open(nil, false)
			p.w.Headers(s).End(true)
			p.frames()
			send(p)
			p.want("1 reset by wire: PROTOCOL_ERROR: " + reason)
			p.wantFrames("RST_STREAM 1 PROTOCOL_ERROR")
		})
	}
}

func TestLengthsOfBodiesThatAreNotSentMeanNothing(t *testing.T) {
	for _, c := range []struct {
		head   bool
		status string
	}{{true, "200"}, {false, "304"}} {
		p := server(t, nil)
		s, _ := p.w.Open(nil, c.head)
		p.w.Headers(s).End(true)
		p.headers(1, true, ":status="+c.status, "content-length=5")
		p.want("1 " + c.status + " content-length=5 end")
	}
}

func TestThePrefaceMustBeThere(t *testing.T) {
	for name, sent := range map[string]string{
		"HTTP/1":          "GET / HTTP/1.1\r\n",
		"one wrong byte":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\n",
		"PING instead":    preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00",
		"an ACK at first": preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			p := rawClient(t, nil)
			p.out.WriteString(sent)
			if e, ok := p.feed().(*ConnError); !ok || e.Code != ProtocolError {
				t.Errorf("error %v", e)
			}
		})
	}
}

func TestLateFramesAreTolerated(t *testing.T) {
	p := client(t, &Options{ConnWindow: 80000})
	p.headers(1, false, post...)
	p.feed()
	p.w.Release(p.e.streams[1]) // the client cannot know yet
	p.e.log = nil
	for range 5 {
		p.WriteData(1, false, make([]byte, 10000))
	}
	p.WriteWindowUpdate(1, 10)
	p.headers(1, true, "trailer=x")
	p.WriteRSTStream(1, xnet.ErrCodeCancel)
	p.want()
	p.wantFrames("RST_STREAM 1 CANCEL", "WINDOW_UPDATE 0 40000")
}

func TestAnAnswerBeforeTheRequestsEndIsNoError(t *testing.T) {
	p := client(t, nil)
	p.headers(1, false, post...)
	p.feed()
	s := p.e.streams[1]
	hw := p.w.Headers(s)
	hw.Status(413)
	hw.End(true)
	p.w.Release(s)
	p.wantFrames("HEADERS 1 :status=413 end", "RST_STREAM 1 NO_ERROR")
}

func TestUnknownFramesAndFlagsAreIgnored(t *testing.T) {
	p := client(t, nil)
	p.WriteRawFrame(0x77, 0xff, 0, make([]byte, 100))
	p.WriteRawFrame(0x10, 0, 0, make([]byte, 4))
	p.WriteRawFrame(xnet.FramePing, 0xfe, 0, make([]byte, 8))
	p.WriteSettings(xnet.Setting{ID: 0x99, Val: 1})
	p.WriteRawFrame(xnet.FrameHeaders, flagEndHeaders|flagEndStream|0x40, 1, p.block(get...))
	p.want("1 GET http://a/ end")
	p.wantFrames("PING 0 \x00\x00\x00\x00\x00\x00\x00\x00 ack", "SETTINGS 0 ack")
}

func TestTrailersOfAStreamThatIsForgottenAreDropped(t *testing.T) {
	p := client(t, nil)
	p.headers(1, false, post...)
	p.headers(3+2*64, true, get...)
	p.feed()
	for _, s := range p.e.streams {
		p.w.Release(s)
	}
	for i := range uint32(rememberedResets) {
		p.w.streams.rememberReset(1000+i, 0)
	}
	p.e.log = nil
	p.headers(1, true, "a=b")
	p.headers(3, true, "a=b")
	p.want()
	p.headers(5, true, "a=b") // within memory, and never opened
	p.want("error: sent HEADERS frame with a stream number that is not above the last (PROTOCOL_ERROR)")
}
