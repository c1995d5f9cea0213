package http2

import (
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"

	"hearth/internal/http1"
)

// flood calls send until the connection fails, at most n times, and reports after how many it did.
func (p *peer) flood(n int, send func(i int)) (calls int, err *ConnError) {
	for i := range n {
		send(i)
		if e := p.feed(); e != nil {
			return i + 1, e.(*ConnError)
		}
		p.frames()
	}
	return n, nil
}

// TestFloodsEndTheConnection lists what is cheap to send and is not to be had for ever. Time stands still.
func TestFloodsEndTheConnection(t *testing.T) {
	id := func(i int) uint32 { return uint32(3 + 2*i) }
	for name, c := range map[string]struct {
		most int // how many are at most let through
		send func(p *peer, i int)
	}{
		"rapid reset": {400, func(p *peer, i int) {
			p.headers(id(i), true, get...)
			p.WriteRSTStream(id(i), xnet.ErrCodeCancel)
		}},
		"resets that we are made to send, by a malformed request": {400, func(p *peer, i int) { p.headers(id(i), true, ":method=GET") }},
		"resets that we are made to send, by a window of nothing": {400, func(p *peer, i int) {
			p.headers(id(i), true, get...)
			p.WriteWindowUpdate(id(i), 0)
		}},
		"resets that we are made to send, by DATA after the end": {400, func(p *peer, i int) {
			p.headers(id(i), true, get...)
			p.WriteData(id(i), true, nil)
		}},
		"DATA on a closed stream":     {400, func(p *peer, i int) { p.WriteData(1, false, []byte("x")) }},
		"streams beyond the limit":    {700, func(p *peer, i int) { p.headers(id(i), false, get...) }},
		"PING":                        {2100, func(p *peer, i int) { p.WritePing(false, [8]byte{}) }},
		"SETTINGS":                    {2100, func(p *peer, i int) { p.WriteSettings() }},
		"acknowledgements":            {2100, func(p *peer, i int) { p.WriteSettingsAck() }},
		"PRIORITY":                    {2100, func(p *peer, i int) { p.WritePriority(3, xnet.PriorityParam{}) }},
		"WINDOW_UPDATE":               {2100, func(p *peer, i int) { p.WriteWindowUpdate(0, 1) }},
		"RST_STREAM":                  {2100, func(p *peer, i int) { p.WriteRSTStream(1, xnet.ErrCodeCancel) }},
		"GOAWAY":                      {2100, func(p *peer, i int) { p.WriteGoAway(0, 0, nil) }},
		"unknown frames":              {2100, func(p *peer, i int) { p.WriteRawFrame(0x55, 0, 0, nil) }},
		"unknown settings":            {2100, func(p *peer, i int) { p.WriteSettings(xnet.Setting{ID: 0x55, Val: 1}) }},
		"empty DATA":                  {2100, func(p *peer, i int) { p.empty(false) }},
		"DATA of nothing but padding": {2100, func(p *peer, i int) { p.empty(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			p := client(t, nil)
			p.headers(1, true, get...)
			p.feed()
			p.w.Release(p.e.streams[1])
			p.e.onReset = func(s *Stream) { p.w.Release(s) }
			n, err := p.flood(5000, func(i int) { c.send(p, i) })
			if err == nil || err.Code != EnhanceYourCalm {
				t.Fatalf("error %v after %d", err, n)
			}
			if n > c.most || n < 100 {
				t.Errorf("it was stopped after %d", n)
			}
			if !strings.HasSuffix(p.frames(), "ENHANCE_YOUR_CALM") {
				t.Error("the peer was not told")
			}
		})
	}
}

// empty sends DATA without content on a stream that stays open.
func (p *peer) empty(padded bool) {
	const id = 9999
	if p.w.lastID < id {
		p.headers(id, false, post...)
	}
	if padded {
		p.WriteDataPadded(id, false, nil, []byte{})
	} else {
		p.WriteData(id, false, nil)
	}
}

func TestCreditInDropsEndsTheConnection(t *testing.T) {
	p, s := serving(t, nil, 1, xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 0})
	body := make([]byte, 1<<20)
	p.e.onRoom = func(s *Stream) { body = body[p.w.WriteData(s, body, true):] }
	p.e.onRoom(s[0])
	n, err := p.flood(5000, func(int) { p.WriteWindowUpdate(1, 1) })
	if err == nil || err.Code != EnhanceYourCalm || n > 2100 || len(body) == 1<<20 {
		t.Errorf("error %v after %d", err, n)
	}
}

func TestCreditForEachFrameIsNoFlood(t *testing.T) {
	p, s := serving(t, nil, 1)
	n, err := p.flood(5000, func(int) {
		p.w.WriteData(s[0], []byte("hello"), false)
		p.WriteWindowUpdate(0, 5)
		p.WriteWindowUpdate(1, 5)
	})
	if err != nil {
		t.Errorf("%v after %d", err, n)
	}
}

func TestTheSamePaceForEverIsNoFlood(t *testing.T) {
	p := client(t, nil)
	p.e.onReset = func(s *Stream) { p.w.Release(s) }
	n, err := p.flood(20000, func(i int) {
		p.now += second / 100
		p.WritePing(false, [8]byte{})
		if i%4 == 0 {
			p.headers(uint32(1+i/2), true, get...)
			p.WriteRSTStream(uint32(1+i/2), xnet.ErrCodeCancel)
		}
	})
	if err != nil {
		t.Errorf("%v after %d", err, n)
	}
}

func TestWorkEarnsControl(t *testing.T) {
	p := client(t, nil)
	p.e.onHead = func(s *Stream, b *Block, end bool) {
		p.w.Headers(s).End(false)
		p.w.WriteData(s, []byte("x"), true)
		p.w.Release(s)
	}
	n, err := p.flood(20000, func(i int) {
		id := uint32(1 + 2*i)
		p.headers(id, true, get...)
		p.WriteWindowUpdate(0, 1)
		p.WriteWindowUpdate(id, 1)
		p.WritePing(false, [8]byte{})
	})
	if err != nil {
		t.Errorf("%v after %d", err, n)
	}
}

func TestAPeerThatReadsNoAnswersIsStopped(t *testing.T) {
	p := client(t, &Options{OutputLimit: 1 << 10})
	for i := range 4000 {
		p.now += second
		p.WritePing(false, [8]byte{})
		if err := p.feed(); err != nil {
			if e := err.(*ConnError); e.Code != EnhanceYourCalm || !p.w.Backlogged() {
				t.Error(err)
			}
			if n := len(p.w.Output()); n > 20<<10 {
				t.Errorf("%d bytes of output after %d", n, i)
			}
			return
		}
	}
	t.Error("it was not stopped")
}

func TestStreamsBeyondTheLimitAreRefused(t *testing.T) {
	p := client(t, &Options{MaxStreams: 2})
	for id := uint32(1); id <= 5; id += 2 {
		p.headers(id, true, get...)
	}
	p.want("1 GET http://a/ end", "3 GET http://a/ end", "5 refused: REFUSED_STREAM: has too many streams open at a time")
	p.wantFrames("RST_STREAM 5 REFUSED_STREAM")
}

func TestStreamsThatArePastButStillBusyAreBounded(t *testing.T) {
	p := client(t, &Options{MaxStreams: 10})
	for i := range uint32(30) { // nobody releases them
		p.headers(1+2*i, true, get...)
		p.WriteRSTStream(1+2*i, xnet.ErrCodeCancel)
	}
	p.feed()
	if n := p.w.Streams(); n != 20 {
		t.Errorf("%d streams", n)
	}
}

func TestHeaderBlocksThatGoOnForEverEndTheConnection(t *testing.T) {
	for name, fragment := range map[string][]byte{
		"empty": nil,
		"small": {0x82},
		"large": make([]byte, 16000),
	} {
		t.Run(name, func(t *testing.T) {
			p := client(t, nil)
			p.WriteRawFrame(xnet.FrameHeaders, flagEndStream, 1, nil)
			n, err := p.flood(1000, func(int) { p.WriteContinuation(1, false, fragment) })
			if err == nil || err.Code != EnhanceYourCalm || n > 80 {
				t.Errorf("error %v after %d", err, n)
			}
			if p.w.part.buf != nil && len(p.w.part.buf) > 4*32<<10 {
				t.Errorf("%d bytes are held", len(p.w.part.buf))
			}
		})
	}
}

// TestABombOfHeadersIsNotUnpacked sends a field of 4000 bytes, and then a thousand references to it.
func TestABombOfHeadersIsNotUnpacked(t *testing.T) {
	p := client(t, nil)
	block := p.block(append(get, "bomb="+strings.Repeat("x", 4000))...)
	p.WriteHeaders(xnet.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
	p.feed()
	block = p.block(get...)
	for range 10000 {
		block = append(block, 0x80|62)
	}
	var got *Block
	p.e.onHead = func(s *Stream, b *Block, end bool) {
		got = &Block{TooLarge: b.TooLarge, Fields: append(got.fields(), b.Fields...)}
	}
	p.WriteHeaders(xnet.HeadersFrameParam{StreamID: 3, BlockFragment: block, EndHeaders: true, EndStream: true})
	if err := p.feed(); err != nil {
		t.Fatal(err)
	}
	if !got.TooLarge || len(got.Fields) > 8 {
		t.Errorf("too large: %v, %d fields", got.TooLarge, len(got.Fields))
	}
	p.headers(5, true, append(get, "bomb="+strings.Repeat("x", 4000))...)
	p.e.log = nil
	if p.feed(); len(p.e.log) != 1 || strings.Contains(p.e.log[0], "large") {
		t.Error("the header table is out of step")
	}
}

func (b *Block) fields() []http1.Field {
	if b == nil {
		return nil
	}
	return b.Fields
}

func TestFieldsAreCounted(t *testing.T) {
	p := client(t, &Options{MaxFields: 2})
	p.headers(1, true, append(get, "a=1", "b=2")...)
	p.headers(3, true, append(get, "a=1", "b=2", "c=3")...)
	p.want("1 GET http://a/ a=1 b=2 end", "3 GET http://a/ a=1 b=2 too large end")
}

func TestAFieldThatIsFarTooLargeEndsTheConnection(t *testing.T) {
	p := client(t, &Options{MaxHeaderBytes: 1000})
	p.headers(1, true, append(get, "a="+strings.Repeat("x", 2000))...)
	p.want("1 GET http://a/ too large end")
	// 4100 bytes, of which Huffman's code makes less.
	p.headers(3, true, append(get, "a="+strings.Repeat("0", 4100))...)
	if e, ok := p.feed().(*ConnError); !ok || e.Code != EnhanceYourCalm {
		t.Errorf("error %v", e)
	}
}
