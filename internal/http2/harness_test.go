package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"hearth/internal/http1"
)

// events is a Handler that writes down what it is told, one line each, and gives credit at once.
type events struct {
	t       *testing.T
	w       *Wire
	log     []string
	streams map[uint32]*Stream
	onHead  func(s *Stream, b *Block, end bool)
	onData  func(s *Stream, p []byte, end bool)
	onRoom  func(s *Stream)
	onReset func(s *Stream)
	keep    bool // data is not consumed
	joined  bool // pieces of data are put together
}

func (e *events) add(format string, args ...any) { e.log = append(e.log, fmt.Sprintf(format, args...)) }

func (e *events) OnHeaders(s *Stream, b *Block, end bool) {
	if e.streams == nil {
		e.streams = map[uint32]*Stream{}
	}
	e.streams[s.ID] = s
	line := fmt.Sprintf("%d ", s.ID)
	switch b.Kind {
	case Request:
		line += fmt.Sprintf("%s %s://%s%s", b.Method, b.Scheme, b.Authority, b.Path)
	case Response, Interim:
		line += fmt.Sprint(b.Status)
	case Trailers:
		line += "trailers"
	}
	for _, f := range b.Fields {
		line += fmt.Sprintf(" %s=%s", f.Name, f.Value)
		if f.ID != http1.Lookup(f.Name) {
			e.t.Errorf("%s has ID %v", f.Name, f.ID)
		}
	}
	if b.TooLarge {
		line += " too large"
	}
	if end {
		line += " end"
	}
	e.add("%s", line)
	if e.onHead != nil {
		e.onHead(s, b, end)
	}
}

func (e *events) OnData(s *Stream, p []byte, end bool) {
	if n := len(e.log); e.joined && n > 0 && strings.HasPrefix(e.log[n-1], fmt.Sprintf("%d data ", s.ID)) && !strings.HasSuffix(e.log[n-1], "end") {
		e.log[n-1] += string(p)
	} else {
		e.add("%d data %s", s.ID, p)
	}
	if end {
		e.log[len(e.log)-1] += " end"
	}
	if !e.keep {
		e.w.Consumed(s, len(p))
	}
	if e.onData != nil {
		e.onData(s, p, end)
	}
}

func (e *events) OnReset(s *Stream, code ErrCode, byPeer bool, reason string) {
	by := "wire"
	if byPeer {
		by = "peer"
	}
	e.add("%d reset by %s: %v: %s", s.ID, by, code, reason)
	if e.onReset != nil {
		e.onReset(s)
	}
}

func (e *events) OnRoom(s *Stream) {
	if e.onRoom != nil {
		e.onRoom(s)
		return
	}
	e.add("%d room", s.ID)
}
func (e *events) OnSettings() {}
func (e *events) OnGoAway(last uint32, code ErrCode, debug []byte) {
	e.add("goaway %d %v %s", last, code, debug)
}
func (e *events) OnPong(data [8]byte) { e.add("pong %s", data[:]) }
func (e *events) OnRefused(id uint32, code ErrCode, reason string) {
	e.add("%d refused: %v: %s", id, code, reason)
}

// peer speaks to a Wire frame by frame, through x/net's Framer.
type peer struct {
	*xnet.Framer
	t    *testing.T
	w    *Wire
	e    *events
	out  bytes.Buffer // to the wire
	in   bytes.Buffer // from it
	henc *hpack.Encoder
	hbuf bytes.Buffer
	hdec *hpack.Decoder
	now  int64
}

// client returns a client that speaks to a server wire, with the greetings exchanged.
func client(t *testing.T, o *Options) *peer {
	p := rawClient(t, o)
	p.out.WriteString(preface)
	p.WriteSettings()
	p.WriteSettingsAck()
	p.feed()
	p.frames()
	return p
}

func rawClient(t *testing.T, o *Options) *peer {
	if o == nil {
		o = &Options{}
	}
	p := newPeer(t)
	p.w = NewServer(o, p.e)
	p.e.w = p.w
	return p
}

// server is the other way round.
func server(t *testing.T, o *Options, settings ...xnet.Setting) *peer {
	if o == nil {
		o = &Options{}
	}
	p := newPeer(t)
	p.w = NewClient(o, p.e)
	p.e.w = p.w
	p.read(len(preface))
	p.WriteSettings(settings...)
	p.WriteSettingsAck()
	p.feed()
	p.frames()
	return p
}

func newPeer(t *testing.T) *peer {
	p := &peer{t: t, e: &events{t: t}}
	p.Framer = xnet.NewFramer(&p.out, &p.in)
	p.AllowIllegalWrites = true
	p.henc = hpack.NewEncoder(&p.hbuf)
	p.hdec = hpack.NewDecoder(4096, nil)
	return p
}

// feed gives the wire what has been written for it.
func (p *peer) feed() error {
	err := p.w.Feed(p.out.Bytes(), p.now)
	p.out.Reset()
	return err
}

func (p *peer) read(n int) string {
	p.t.Helper()
	out := p.w.Output()
	if len(out) < n {
		p.t.Fatalf("only %d bytes of output", len(out))
	}
	s := string(out[:n])
	p.w.Sent(n)
	return s
}

// frames returns what the wire has written since, a line for each frame.
func (p *peer) frames() string {
	p.t.Helper()
	for len(p.w.Output()) > 0 { // Sent may add to it
		p.in.Write(p.w.Output())
		p.w.Sent(len(p.w.Output()))
	}
	var lines []string
	for p.in.Len() > 0 {
		f, err := p.ReadFrame()
		if err != nil {
			p.t.Fatal(err)
		}
		lines = append(lines, p.line(f))
	}
	return strings.Join(lines, "\n")
}

func (p *peer) line(f xnet.Frame) string {
	h := f.Header()
	line := fmt.Sprintf("%v %d", h.Type, h.StreamID)
	switch f := f.(type) {
	case *xnet.HeadersFrame:
		if f.HeadersEnded() {
			line += p.decode(f.HeaderBlockFragment())
		} else {
			p.hbuf.Write(f.HeaderBlockFragment())
		}
		if f.StreamEnded() {
			line += " end"
		}
	case *xnet.ContinuationFrame:
		p.hbuf.Write(f.HeaderBlockFragment())
		if f.HeadersEnded() {
			line += p.decode(p.hbuf.Bytes())
			p.hbuf.Reset()
		}
	case *xnet.DataFrame:
		line += " " + string(f.Data())
		if f.StreamEnded() {
			line += " end"
		}
	case *xnet.RSTStreamFrame:
		line += " " + f.ErrCode.String()
	case *xnet.GoAwayFrame:
		line += fmt.Sprintf(" last %d %v", f.LastStreamID, f.ErrCode)
		if len(f.DebugData()) > 0 {
			line += " " + string(f.DebugData())
		}
	case *xnet.WindowUpdateFrame:
		line += fmt.Sprintf(" %d", f.Increment)
	case *xnet.SettingsFrame:
		if f.IsAck() {
			line += " ack"
		}
		f.ForeachSetting(func(s xnet.Setting) error {
			line += fmt.Sprintf(" %v=%d", s.ID, s.Val)
			return nil
		})
	case *xnet.PingFrame:
		line += " " + string(f.Data[:])
		if f.IsAck() {
			line += " ack"
		}
	}
	return line
}

func (p *peer) decode(b []byte) string {
	p.t.Helper()
	fields, err := p.hdec.DecodeFull(b)
	if err != nil {
		p.t.Fatal(err)
	}
	line := ""
	for _, f := range fields {
		line += " " + f.Name + "=" + f.Value
	}
	return line
}

// block encodes fields: "name=value" each.
func (p *peer) block(fields ...string) []byte {
	p.hbuf.Reset()
	for _, f := range fields {
		at := strings.Index(f[1:], "=") + 1
		p.henc.WriteField(hpack.HeaderField{Name: f[:at], Value: f[at+1:]})
	}
	return bytes.Clone(p.hbuf.Bytes())
}

var get = []string{":method=GET", ":scheme=http", ":path=/", ":authority=a"}
var post = []string{":method=POST", ":scheme=http", ":path=/", ":authority=a"}

func (p *peer) headers(id uint32, end bool, fields ...string) {
	p.WriteHeaders(xnet.HeadersFrameParam{StreamID: id, BlockFragment: p.block(fields...), EndHeaders: true, EndStream: end})
}

// want feeds what was written and compares what the handler was told since.
func (p *peer) want(lines ...string) {
	p.t.Helper()
	err := p.feed()
	if err != nil {
		p.e.add("error: %v", err)
	}
	got, want := strings.Join(p.e.log, "\n"), strings.Join(lines, "\n")
	p.e.log = nil
	if got != want {
		p.t.Errorf("the handler was told:\n%s\nwant:\n%s", got, want)
	}
}

// wantFrames compares what the wire has written since.
func (p *peer) wantFrames(lines ...string) {
	p.t.Helper()
	if got, want := p.frames(), strings.Join(lines, "\n"); got != want {
		p.t.Errorf("the wire has written:\n%s\nwant:\n%s", got, want)
	}
}
