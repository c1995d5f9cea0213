package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"
)

// heard is everything a wire has told and written for an input that is cut into pieces by r, or not cut.
func heard(w *Wire, e *events, input []byte, r *rand.Rand) string {
	e.w, e.keep, e.joined = w, true, true
	e.onHead = func(s *Stream, b *Block, end bool) {
		if w.server && b.Kind == Request && s.ID%4 == 1 {
			hw := w.Headers(s)
			hw.Status(200)
			hw.End(false)
			w.WriteData(s, []byte("hello"), true)
		}
		if s.ID%8 == 3 {
			w.Release(s)
		}
	}
	var err error
	for len(input) > 0 && err == nil {
		n := len(input)
		if r != nil {
			n = min(n, 1+r.IntN(40))
		}
		err = w.Feed(bytes.Clone(input[:n]), 0)
		input = input[n:]
	}
	return fmt.Sprintf("%s\n%v\n%q", strings.Join(e.log, "\n"), err, w.Output())
}

// FuzzServer holds a server's wire to the rule that the same bytes mean the same however they are cut, and that nothing breaks it.
func FuzzServer(f *testing.F) {
	p := newPeer(nil)
	p.WriteSettings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 3})
	p.WriteSettingsAck()
	p.headers(1, true, get...)
	p.headers(3, false, post...)
	p.WriteDataPadded(3, true, []byte("hello"), make([]byte, 3))
	p.WriteHeaders(xnet.HeadersFrameParam{StreamID: 5, BlockFragment: p.block(post...), PadLength: 3, Priority: xnet.PriorityParam{StreamDep: 3}})
	p.WriteContinuation(5, true, p.block("content-length=5", "a=b"))
	p.WriteData(5, false, []byte("hello"))
	p.headers(5, true, "trailer=x")
	p.WriteWindowUpdate(1, 100)
	p.WriteRSTStream(5, 8)
	p.WritePing(false, [8]byte{})
	p.WriteGoAway(0, 0, []byte("bye"))
	f.Add(p.out.Bytes(), uint64(1))
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		input = append([]byte(preface), input...)
		o := &Options{MaxStreams: 4, StreamWindow: 1000, ConnWindow: 70000, MaxHeaderBytes: 1000, MaxFields: 10}
		whole, cut := &events{t: t}, &events{t: t}
		a := heard(NewServer(o, whole), whole, input, nil)
		b := heard(NewServer(o, cut), cut, input, rand.New(rand.NewPCG(seed, 0)))
		if a != b {
			t.Errorf("whole:\n%s\ncut:\n%s", a, b)
		}
	})
}

// FuzzClient is the same for a client's wire with three open streams.
func FuzzClient(f *testing.F) {
	p := newPeer(nil)
	p.WriteSettings(xnet.Setting{ID: xnet.SettingMaxConcurrentStreams, Val: 3})
	p.WriteSettingsAck()
	p.headers(1, false, ":status=103", "a=b")
	p.headers(1, false, ":status=200", "content-length=5")
	p.WriteData(1, false, []byte("hello"))
	p.headers(1, true, "grpc-status=0")
	p.headers(3, true, ":status=304")
	p.WriteRSTStream(5, 7)
	p.WriteGoAway(3, 0, []byte("bye"))
	f.Add(p.out.Bytes(), uint64(1))
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		newClient := func(e *events) *Wire {
			w := NewClient(&Options{StreamWindow: 1000, ConnWindow: 70000, MaxHeaderBytes: 1000, MaxFields: 10}, e)
			for i := range 3 {
				s, _ := w.Open(i, i == 2)
				hw := w.Headers(s)
				hw.Request([]byte("GET"), []byte("http"), []byte("a"), []byte("/"))
				hw.End(i < 2)
			}
			return w
		}
		whole, cut := &events{t: t}, &events{t: t}
		a := heard(newClient(whole), whole, input, nil)
		b := heard(newClient(cut), cut, input, rand.New(rand.NewPCG(seed, 0)))
		if a != b {
			t.Errorf("whole:\n%s\ncut:\n%s", a, b)
		}
	})
}

// FuzzFrames compares with x/net's Framer: a frame that it refuses ends the connection here too, or the stream.
func FuzzFrames(f *testing.F) {
	for typ := range byte(10) {
		f.Add(typ, byte(0), uint32(1), make([]byte, 8))
	}
	f.Fuzz(func(t *testing.T, typ, flags byte, id uint32, payload []byte) {
		if typ > byte(frameContinuation) || len(payload) > minMaxFrame {
			return
		}
		p := client(t, nil)
		p.headers(1, false, post...)
		p.feed()
		p.frames()
		p.WriteRawFrame(xnet.FrameType(typ), xnet.Flags(flags), id&maxStreamID, payload)
		_, refused := xnet.NewFramer(nil, bytes.NewReader(p.out.Bytes())).ReadFrame()
		if err := p.feed(); refused != nil && err == nil && !strings.Contains(p.frames(), "RST_STREAM") {
			t.Errorf("not refused: %v", refused)
		}
	})
}

// end is one side of a conversation that FuzzConversation leads: what it has sent and received, by stream.
type end struct {
	t       *testing.T
	w       *Wire
	open    []*talk
	by      map[uint32]*talk
	pending map[*Stream]int
}

type talk struct {
	s        *Stream
	toSend   []byte
	sent     []byte
	received []byte
	head     bool // our headers were sent
	finished bool // our side shall end
}

func (e *end) of(s *Stream) *talk { return s.Owner.(*talk) }

func (e *end) OnHeaders(s *Stream, b *Block, end bool) {
	if b.Kind == Request {
		k := &talk{s: s}
		s.Owner = k
		e.open = append(e.open, k)
		e.by[s.ID] = k
	}
	e.settle(s)
}

func (e *end) OnData(s *Stream, p []byte, end bool) {
	k := e.of(s)
	k.received = append(k.received, p...)
	e.pending[s] += len(p)
	e.settle(s)
}

func (e *end) OnReset(s *Stream, code ErrCode, byPeer bool, reason string) {
	if !byPeer {
		e.t.Errorf("stream %d was reset: %v", s.ID, reason)
	}
	e.release(e.of(s))
}

func (e *end) OnRoom(s *Stream) { e.write(e.of(s)) }

func (e *end) write(k *talk) {
	if k.s == nil || !k.head || k.s.Ended() {
		return
	}
	n := e.w.WriteData(k.s, k.toSend, k.finished)
	k.sent = append(k.sent, k.toSend[:n]...)
	k.toSend = k.toSend[n:]
	e.settle(k.s)
}

func (e *end) settle(s *Stream) {
	if k := e.of(s); k.s != nil && s.Closed() {
		e.release(k)
	}
}

func (e *end) release(k *talk) {
	delete(e.pending, k.s)
	e.w.Release(k.s)
	k.s = nil
	e.open = slices.DeleteFunc(e.open, func(o *talk) bool { return o == k })
}

func (e *end) OnSettings()                      {}
func (e *end) OnGoAway(uint32, ErrCode, []byte) {}
func (e *end) OnPong([8]byte)                   {}
func (e *end) OnRefused(id uint32, code ErrCode, reason string) {
	if code != RefusedStream {
		e.t.Errorf("stream %d was refused: %v", id, reason)
	}
}

// FuzzConversation lets a client and a server talk as the input says, over a transport that cuts as it likes. Neither may find
// fault with the other, and what ends must have arrived whole.
func FuzzConversation(f *testing.F) {
	f.Add([]byte("\x00\x41\x82\xc3\x04\x45\x86\xc7\x00\x41\x82\xc3\x04\x45\x86\xc7"), uint64(1))
	f.Add(bytes.Repeat([]byte{0, 1, 8, 17, 3, 2, 9, 16, 4, 5}, 30), uint64(2))
	f.Fuzz(func(t *testing.T, ops []byte, seed uint64) {
		if len(ops) > 2000 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		options := func() *Options {
			return &Options{MaxStreams: 1 + r.IntN(20), StreamWindow: 500 + r.IntN(100000), ConnWindow: 65535 + r.IntN(1000), OutputLimit: 200 + r.IntN(100000)}
		}
		var ends [2]*end
		for i := range ends {
			ends[i] = &end{t: t, by: map[uint32]*talk{}, pending: map[*Stream]int{}}
		}
		client, server := ends[0], ends[1]
		client.w, server.w = NewClient(options(), client), NewServer(options(), server)
		carry := func(from, to *end, most int) bool {
			out := from.w.Output()
			n := min(len(out), most)
			if n == 0 {
				return false
			}
			if err := to.w.Feed(bytes.Clone(out[:n]), 0); err != nil && !strings.Contains(err.Error(), "ENHANCE_YOUR_CALM") {
				t.Fatal(err)
			}
			from.w.Sent(n)
			return true
		}
		consume := func(e *end) {
			for _, k := range slices.Clone(e.open) {
				if n := e.pending[k.s]; n > 0 {
					e.pending[k.s] = 0
					e.w.Consumed(k.s, n)
				}
			}
		}
		for i, op := range ops {
			e := ends[op&1]
			switch op >> 1 % 16 {
			case 0, 1:
				k := &talk{}
				if s, err := client.w.Open(k, false); err == nil {
					k.s = s
					client.open = append(client.open, k)
				}
			case 2, 3, 4: // headers
				for _, k := range slices.Clone(e.open) {
					if k.head {
						continue
					}
					k.head = true
					hw := e.w.Headers(k.s)
					if e == client {
						hw.Request([]byte("POST"), []byte("http"), []byte("a"), fmt.Appendf(nil, "/%d", i%7))
						client.by[k.s.ID] = k
					} else {
						hw.Status(200)
					}
					hw.Field(field("x-thing", strings.Repeat("y", int(op))))
					hw.End(false)
					e.write(k)
					break
				}
			case 5, 6, 7, 8, 9: // data
				if len(e.open) > 0 {
					k := e.open[i%len(e.open)]
					if k.finished {
						break
					}
					k.toSend = append(k.toSend, bytes.Repeat([]byte{op}, r.IntN(20000))...)
					k.finished = r.IntN(3) == 0
					e.write(k)
				}
			case 10:
				if len(e.open) > 0 {
					e.release(e.open[i%len(e.open)])
				}
			case 11:
				consume(e)
			case 12:
				e.w.Ping([8]byte{})
			default:
				carry(ends[op&1], ends[1-op&1], 1+r.IntN(30000))
			}
		}
		// Let everything come to its end.
		for range 100000 {
			moved := carry(client, server, 1<<20)
			moved = carry(server, client, 1<<20) || moved
			consume(client)
			consume(server)
			if !moved && len(client.w.Output()) == 0 && len(server.w.Output()) == 0 {
				break
			}
		}
		if client.w.Err() != nil || server.w.Err() != nil {
			return
		}
		for id, k := range client.by {
			other := server.by[id]
			if other == nil {
				continue // refused
			}
			check := func(from, to *talk) {
				if !bytes.HasPrefix(from.sent, to.received) {
					t.Errorf("stream %d: what was received is not what was sent", id)
				}
				if k.s != nil && other.s != nil && from.head && len(from.toSend) > 0 {
					t.Errorf("stream %d stalls with %d bytes to send", id, len(from.toSend))
				}
				if k.s != nil && other.s != nil && len(from.sent) != len(to.received) {
					t.Errorf("stream %d: %d bytes sent, %d received", id, len(from.sent), len(to.received))
				}
			}
			check(k, other)
			check(other, k)
		}
		for _, e := range ends {
			if n := e.w.Streams(); n != len(e.open) {
				t.Errorf("%d streams, %d known", n, len(e.open))
			}
		}
	})
}
