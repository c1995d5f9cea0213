package http2

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	xnet "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"hearth/internal/http1"
)

// answering is a Handler that answers each request as soon as it is there, as a server with nothing to do would; at the client
// it lets go of what has been answered.
type answering struct {
	w        *Wire
	fields   []http1.Field
	body     []byte
	answered int
}

func (a *answering) OnHeaders(s *Stream, b *Block, end bool) {
	if b.Kind == Request && end {
		a.answer(s)
	}
}

func (a *answering) OnData(s *Stream, p []byte, end bool) {
	a.w.Consumed(s, len(p))
	if !end {
		return
	}
	if a.w.server {
		a.answer(s)
		return
	}
	a.answered++
	a.w.Release(s)
}

func (a *answering) answer(s *Stream) {
	hw := a.w.Headers(s)
	hw.Status(200)
	for _, f := range a.fields {
		hw.Field(f)
	}
	hw.End(false)
	a.w.WriteData(s, a.body, true)
	a.w.Release(s)
}

func (a *answering) OnReset(*Stream, ErrCode, bool, string) {}
func (a *answering) OnRoom(*Stream)                         {}
func (a *answering) OnSettings()                            {}
func (a *answering) OnGoAway(uint32, ErrCode, []byte)       {}
func (a *answering) OnPong([8]byte)                         {}
func (a *answering) OnRefused(uint32, ErrCode, string)      {}

func field(name, value string) http1.Field {
	return http1.Field{Name: []byte(name), Value: []byte(value), ID: http1.Lookup([]byte(name))}
}

var responseFields = []http1.Field{field("Server", "nginx/1.29.4"), field("Date", "Fri, 20 Nov 2026 22:41:18 GMT"),
	field("Content-Type", "text/plain"), field("Content-Length", "128"), field("X-Backend", "b1"), field("Cache-Control", "no-cache")}

var requestFields = []http1.Field{field("User-Agent", "h2load nghttp2/1.52.0"), field("Accept", "*/*"),
	field("Accept-Encoding", "gzip, deflate"), field("X-Forwarded-For", "192.0.2.1")}

// move carries all output of one wire to the other.
func move(from, to *Wire) {
	if p := from.Output(); len(p) > 0 {
		if err := to.Feed(p, 0); err != nil {
			panic(err)
		}
		from.Sent(len(p))
	}
}

// BenchmarkExchange is a small GET between a client's and a server's wire, 32 at a time: both sides' whole cost.
func BenchmarkExchange(b *testing.B) {
	server := &answering{fields: responseFields, body: make([]byte, 128)}
	client := &answering{}
	server.w = NewServer(&Options{}, server)
	client.w = NewClient(&Options{}, client)
	method, scheme, authority, path := []byte("GET"), []byte("http"), []byte("example.com:8080"), []byte("/index.html")
	turn := func() {
		for range 32 {
			s, err := client.w.Open(nil, false)
			if err != nil {
				b.Fatal(err)
			}
			hw := client.w.Headers(s)
			hw.Request(method, scheme, authority, path)
			for _, f := range requestFields {
				hw.Field(f)
			}
			hw.End(true)
		}
		move(client.w, server.w)
		move(server.w, client.w)
	}
	for range 4 {
		turn()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N/32 + 1 {
		turn()
	}
	if client.answered < b.N {
		b.Fatal(client.answered)
	}
}

// requests is what a client sends for n small GETs, after the first.
func requests(n int) (first, more []byte) {
	w := NewClient(&Options{}, &answering{})
	one := func() {
		s, _ := w.Open(nil, false)
		hw := w.Headers(s)
		hw.Request([]byte("GET"), []byte("http"), []byte("example.com:8080"), []byte("/index.html"))
		for _, f := range requestFields {
			hw.Field(f)
		}
		hw.End(true)
		w.closeByReset(s, byPeer)
		w.Release(s)
	}
	one()
	one()
	one()
	first = bytes.Clone(w.Output())
	w.Sent(len(first))
	for range n {
		one()
	}
	return first, bytes.Clone(w.Output())
}

// BenchmarkServe is a server's part of a small GET alone.
func BenchmarkServe(b *testing.B) {
	const batch = 512
	first, more := requests(batch)
	memory := &Memory{}
	b.ReportAllocs()
	var w *Wire
	for i := range b.N {
		if i%batch == 0 {
			b.StopTimer()
			h := &answering{fields: responseFields, body: make([]byte, 128)}
			w = NewServer(&Options{Memory: memory}, h)
			h.w = w
			w.Feed(first, 0)
			w.Sent(len(w.Output()))
			b.StartTimer()
		}
		one := len(more) / batch
		if err := w.Feed(more[i%batch*one:][:one], 0); err != nil {
			b.Fatal(err)
		}
		if i%32 == 31 {
			w.Sent(len(w.Output()))
		}
	}
}

// BenchmarkFramer is what x/net's Framer needs to read the frames of a small exchange alone, without looking into them.
func BenchmarkFramer(b *testing.B) {
	const batch = 512
	_, more := requests(batch)
	r := bytes.NewReader(more)
	f := xnet.NewFramer(io.Discard, r)
	f.SetReuseFrames()
	b.ReportAllocs()
	for range b.N {
		if r.Len() == 0 {
			r.Reset(more)
		}
		if _, err := f.ReadFrame(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFrames is the same by this package.
func BenchmarkFrames(b *testing.B) {
	const batch = 512
	_, more := requests(batch)
	b.ReportAllocs()
	p := more
	sum := 0
	for range b.N {
		if len(p) == 0 {
			p = more
		}
		f := parseFrame(p)
		sum += f.fixed()
		if code, _ := f.check(); code != NoError {
			b.Fatal(code)
		}
		p = p[frameHeaderLen+f.length:]
	}
}

// BenchmarkEncoder compares the encoder with hpack's, which cannot be shown views.
func BenchmarkEncoder(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		e := encoder{max: headerTableSize}
		var dst []byte
		b.ReportAllocs()
		for range b.N {
			dst = e.begin(dst[:0])
			for _, f := range responseFields {
				dst = e.appendField(dst, f.Name, f.ID, f.Value, int(staticNames[f.ID]))
			}
		}
	})
	b.Run("hpack", func(b *testing.B) {
		var buf bytes.Buffer
		e := hpack.NewEncoder(&buf)
		b.ReportAllocs()
		for range b.N {
			buf.Reset()
			for _, f := range responseFields {
				e.WriteField(hpack.HeaderField{Name: string(f.Name), Value: string(f.Value)})
			}
		}
	})
}

// BenchmarkBody moves a body of 1 MB from a server to a client.
func BenchmarkBody(b *testing.B) {
	body := make([]byte, 1<<20)
	for _, size := range []int{1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			sender := &sending{body: body[:size]}
			receiver := &answering{}
			sender.w = NewServer(&Options{}, sender)
			receiver.w = NewClient(&Options{StreamWindow: 256 << 10}, receiver)
			b.ReportAllocs()
			for range b.N {
				s, err := receiver.w.Open(nil, false)
				if err != nil {
					b.Fatal(err)
				}
				hw := receiver.w.Headers(s)
				hw.Request([]byte("GET"), []byte("http"), []byte("a"), []byte("/"))
				hw.End(true)
				for before := receiver.answered; receiver.answered == before; {
					move(receiver.w, sender.w)
					move(sender.w, receiver.w)
				}
			}
		})
	}
}

// sending is a server that sends a body as there is room for it.
type sending struct {
	answering
	body []byte
	left []byte
}

func (h *sending) OnHeaders(s *Stream, b *Block, end bool) {
	hw := h.w.Headers(s)
	hw.Status(200)
	hw.End(false)
	h.left = h.body
	h.OnRoom(s)
}

func (h *sending) OnRoom(s *Stream) {
	if h.left = h.left[h.w.WriteData(s, h.left, true):]; len(h.left) == 0 {
		h.w.Release(s)
	}
}
