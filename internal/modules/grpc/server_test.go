package grpc

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// script is a server as a test writes it: what it does with a request. It sees frames and makes frames, and can so be wrong
// in ways that no server made of ours could.
type script struct {
	begin  func(q *call) // when a request's head has come; nil = nothing
	answer func(q *call) // when it has come to its end; nil = nothing
	calls  []*call       // in the order they came
	resets []http2.ErrCode
	credit bool // gives credit for what comes
}

// call is one request.
type call struct {
	*line
	id     uint32
	fields []string // "name: value"
	body   []byte
	ended  bool
	window int // what may be sent; that of the connection is wider
}

// line is one connection to the server.
type line struct {
	*script
	in, frame, out, block bytes.Buffer
	framer                *http2.Framer
	encoder               *hpack.Encoder
	decoder               *hpack.Decoder
	open                  map[uint32]*call
	begun                 bool
	closed                bool
	initial               int    // window of a stream
	push                  func() // has what was written sent, and everything happen that follows; on the fake network
}

func (s *script) connect() *line {
	l := &line{script: s, open: map[uint32]*call{}, decoder: hpack.NewDecoder(4096, nil)}
	l.framer = http2.NewFramer(&l.out, &l.frame)
	l.encoder = hpack.NewEncoder(&l.block)
	l.framer.WriteSettings()
	return l
}

const frameHead = 9

// feed takes bytes and does what whole frames among them ask for; out has what is to be sent then.
func (l *line) feed(p []byte) {
	l.in.Write(p)
	if !l.begun {
		if l.in.Len() < len(http2.ClientPreface) {
			return
		}
		l.in.Next(len(http2.ClientPreface))
		l.begun = true
	}
	for b := l.in.Bytes(); len(b) >= frameHead; b = l.in.Bytes() {
		n := frameHead + int(binary.BigEndian.Uint32(b)>>8)
		if len(b) < n {
			return
		}
		l.frame.Write(l.in.Next(n))
		f, err := l.framer.ReadFrame()
		if err != nil {
			panic(err)
		}
		l.take(f)
	}
}

func (l *line) take(f http2.Frame) {
	q := l.open[f.Header().StreamID]
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if n, ok := f.Value(http2.SettingInitialWindowSize); ok {
			l.initial = int(n)
		}
		if !f.IsAck() {
			l.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			l.framer.WritePing(true, f.Data)
		}
	case *http2.WindowUpdateFrame:
		if q != nil {
			q.window += int(f.Increment)
		}
	case *http2.RSTStreamFrame:
		l.resets = append(l.resets, f.ErrCode)
	case *http2.HeadersFrame:
		fields, err := l.decoder.DecodeFull(f.HeaderBlockFragment())
		if err != nil {
			panic(err)
		}
		if q == nil {
			q = &call{line: l, id: f.StreamID, window: l.initial}
			l.open[q.id] = q
			l.calls = append(l.calls, q)
		}
		for _, h := range fields {
			q.fields = append(q.fields, h.Name+": "+h.Value)
		}
		if l.begin != nil {
			l.begin(q)
		}
		q.end(f.StreamEnded())
	case *http2.DataFrame:
		q.body = append(q.body, f.Data()...)
		if l.script.credit && len(f.Data()) > 0 {
			l.framer.WriteWindowUpdate(0, uint32(len(f.Data())))
			l.framer.WriteWindowUpdate(q.id, uint32(len(f.Data())))
		}
		q.end(f.StreamEnded())
	}
}

func (q *call) end(ended bool) {
	if ended && !q.ended {
		q.ended = true
		if q.answer != nil {
			q.answer(q)
		}
	}
}

// sent is the request in an order that does not depend on who sent it.
func (q *call) sent() string {
	fields := slices.Clone(q.fields)
	slices.Sort(fields)
	return strings.Join(fields, "\n") + "\n\n" + string(q.body)
}

func (q *call) has(field string) bool { return slices.Contains(q.fields, field) }

// head sends a header block of "name: value".
func (q *call) head(end bool, fields ...string) {
	q.block.Reset()
	for _, f := range fields {
		name, value, _ := strings.Cut(f[1:], ": ") // the first character may be the colon of a pseudo field
		q.encoder.WriteField(hpack.HeaderField{Name: f[:1] + name, Value: value})
	}
	q.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: q.id, BlockFragment: q.block.Bytes(), EndStream: end, EndHeaders: true})
}

// flood sends as much as the window lets it, and returns how much that was.
func (q *call) flood() (n int) {
	for ; q.window > 0; q.window -= min(q.window, 16384) {
		q.data(false, strings.Repeat("x", min(q.window, 16384)))
		n += min(q.window, 16384)
	}
	return n
}

func (q *call) data(end bool, s string) { q.framer.WriteData(q.id, end, []byte(s)) }

func (q *call) reset(code http2.ErrCode) { q.framer.WriteRSTStream(q.id, code) }

// unary is how a call of one message is answered.
func unary(q *call) {
	q.head(false, ":status: 200", "content-type: application/grpc")
	q.data(false, "\x00\x00\x00\x00\x02hi")
	q.head(true, "grpc-status: 0", "grpc-message: ok")
}
