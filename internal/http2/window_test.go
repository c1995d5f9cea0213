package http2

import (
	"fmt"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"
)

// serving opens streams 1, 3, 5 ... with nothing to say.
func serving(t *testing.T, o *Options, streams int, settings ...xnet.Setting) (*peer, []*Stream) {
	p := client(t, o)
	p.WriteSettings(settings...)
	var s []*Stream
	for i := range streams {
		p.headers(uint32(1+2*i), true, get...)
	}
	p.feed()
	for i := range streams {
		s = append(s, p.e.streams[uint32(1+2*i)])
	}
	p.e.log = nil
	p.frames()
	return p, s
}

func TestDataStopsAtTheStreamsWindow(t *testing.T) {
	p, s := serving(t, nil, 1, xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 3})
	if n := p.w.WriteData(s[0], []byte("hello"), true); n != 3 {
		t.Fatalf("%d bytes were taken", n)
	}
	p.wantFrames("DATA 1 hel")
	p.want()
	p.WriteWindowUpdate(1, 1)
	p.want("1 room")
	if n := p.w.WriteData(s[0], []byte("lo"), true); n != 1 {
		t.Fatalf("%d bytes were taken", n)
	}
	p.WriteSettings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 2})
	p.want() // the window is -1 now
	if p.w.Room(s[0]) != 0 || s[0].window != -1 {
		t.Errorf("window %d", s[0].window)
	}
	p.WriteSettings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 10})
	p.want("1 room")
	if n := p.w.WriteData(s[0], []byte("o"), true); n != 1 || !s[0].Closed() {
		t.Fatalf("%d bytes were taken", n)
	}
	p.wantFrames("DATA 1 l", "SETTINGS 0 ack", "SETTINGS 0 ack", "DATA 1 o end")
}

func TestTheLastOfSeveralWindowsInOneSettingsCounts(t *testing.T) {
	p, s := serving(t, nil, 1, xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 100}, xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1})
	p.w.WriteData(s[0], []byte("hello"), true)
	p.wantFrames("DATA 1 h")
}

func TestDataStopsAtTheConnectionsWindow(t *testing.T) {
	p, s := serving(t, &Options{OutputLimit: 1 << 20}, 3)
	big := make([]byte, 40000)
	for i, want := range []int{40000, 25535, 0} {
		if n := p.w.WriteData(s[i], big, true); n != want {
			t.Errorf("stream %d: %d bytes were taken", i, n)
		}
	}
	p.frames()
	p.want()
	p.WriteWindowUpdate(0, 10)
	p.want("3 room", "5 room") // the longest waiting first
	if n := p.w.WriteData(s[2], big, true); n != 10 {
		t.Errorf("%d bytes were taken", n)
	}
	p.w.Release(s[1])
	p.frames()
	p.WriteWindowUpdate(0, 10)
	p.want("5 room")
}

func TestTheOutputIsBoundedAndSharedByTurns(t *testing.T) {
	p, s := serving(t, &Options{OutputLimit: 32 << 10}, 4)
	p.WriteWindowUpdate(0, 1<<30)
	for i := range s {
		p.WriteWindowUpdate(s[i].ID, 1<<30)
	}
	p.feed()
	sent := make([]int, 4)
	block := make([]byte, 1<<20)
	write := func(s *Stream) { sent[s.ID/2] += p.w.WriteData(s, block, false) }
	p.e.onRoom = write
	for _, s := range s {
		write(s)
	}
	most := 0
	for range 400 {
		n := len(p.w.Output())
		most = max(most, n)
		p.w.Sent(n)
	}
	if most > 33<<10 {
		t.Errorf("%d bytes of output", most)
	}
	for i := range sent {
		if sent[i] < 2<<20 || sent[i] > 4<<20 {
			t.Errorf("unequal shares: %v", sent)
			break
		}
	}
}

func TestASingleStreamGetsEverything(t *testing.T) {
	p, s := serving(t, nil, 1)
	p.WriteWindowUpdate(0, 1<<30)
	p.WriteWindowUpdate(1, 1<<30)
	p.feed()
	block := make([]byte, 1<<20)
	if n := p.w.WriteData(s[0], block, false); n != 64<<10 || !p.w.Congested() {
		t.Errorf("%d bytes were taken", n)
	}
	told := 0
	p.e.onRoom = func(s *Stream) { told++ }
	p.w.Sent(1)
	if told != 0 {
		t.Error("it was told of room too early")
	}
	p.w.Sent(len(p.w.Output()))
	if told != 1 {
		t.Errorf("it was told of room %d times", told)
	}
}

func TestReservedRoomIsSentAsItWasFilled(t *testing.T) {
	p, s := serving(t, nil, 1, xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 5})
	if b := p.w.Reserve(s[0], 100); len(b) != 5 {
		t.Errorf("room for %d bytes", len(b))
	} else {
		copy(b, "abc")
	}
	p.w.Commit(s[0], 3, false)
	copy(p.w.Reserve(s[0], 1), "d")
	p.w.Commit(s[0], 1, true)
	if p.w.Reserve(s[0], 1) != nil {
		t.Error("there is room on a closed stream")
	}
	p.wantFrames("DATA 1 abc", "DATA 1 d end")
}

func TestFramesAreNoLargerThanTheStreamsChunk(t *testing.T) {
	p, s := serving(t, nil, 1)
	s[0].Chunk = 2
	p.w.WriteData(s[0], []byte("hello"), true)
	p.wantFrames("DATA 1 he", "DATA 1 ll", "DATA 1 o end")
}

func TestCreditIsGivenBackInLargePieces(t *testing.T) {
	p := client(t, &Options{StreamWindow: 100000, ConnWindow: 200000})
	p.e.keep = true
	p.headers(1, false, post...)
	p.feed()
	s := p.e.streams[1]
	for range 10 {
		p.WriteData(1, false, make([]byte, 10000))
	}
	if err := p.feed(); err != nil {
		t.Fatal(err)
	}
	p.w.Consumed(s, 49999)
	p.wantFrames()
	p.w.Consumed(s, 1)
	p.wantFrames("WINDOW_UPDATE 1 50000")
	p.w.Consumed(s, 50000)
	p.wantFrames("WINDOW_UPDATE 0 100000", "WINDOW_UPDATE 1 50000")
}

func TestPaddingIsCreditedAtOnce(t *testing.T) {
	p := client(t, &Options{StreamWindow: 400, ConnWindow: 1 << 20})
	p.e.keep = true
	p.headers(1, false, post...)
	p.WriteDataPadded(1, false, []byte("x"), make([]byte, 255))
	p.want("1 POST http://a/", "1 data x")
	p.wantFrames("WINDOW_UPDATE 1 256")
}

func TestAPeerThatSendsMoreThanItMayIsStopped(t *testing.T) {
	p := client(t, &Options{StreamWindow: 10})
	p.e.keep = true
	p.headers(1, false, post...)
	p.WriteData(1, false, make([]byte, 10))
	p.WriteData(1, false, make([]byte, 1))
	p.feed()
	p.wantFrames("RST_STREAM 1 FLOW_CONTROL_ERROR")

	p = client(t, &Options{ConnWindow: 65535, StreamWindow: 100000})
	p.e.keep = true
	p.headers(1, false, post...)
	for range 5 {
		p.WriteData(1, false, make([]byte, 16000))
	}
	p.feed()
	p.wantFrames("GOAWAY 0 last 1 FLOW_CONTROL_ERROR")
}

func TestASmallWindowHoldsOnceItIsKnown(t *testing.T) {
	p := rawClient(t, &Options{StreamWindow: 10})
	p.out.WriteString(preface)
	p.WriteSettings()
	p.headers(1, false, post...)
	p.WriteData(1, true, make([]byte, 1000))
	p.feed()
	if s := p.e.streams[1]; s.WasReset() {
		t.Error("what was sent before our SETTINGS could be known was refused")
	}
}

func TestReleaseGivesBackWhatWasNotConsumed(t *testing.T) {
	p := client(t, &Options{ConnWindow: 65535})
	p.e.keep = true
	p.headers(1, false, post...)
	for range 4 {
		p.WriteData(1, false, make([]byte, 10000))
	}
	p.feed()
	p.w.Release(p.e.streams[1])
	p.wantFrames("RST_STREAM 1 CANCEL", "WINDOW_UPDATE 0 40000")
}

func TestWidenLetsThePeerSendMore(t *testing.T) {
	p := client(t, &Options{StreamWindow: 1000})
	p.headers(1, false, post...)
	p.feed()
	p.w.Widen(p.e.streams[1], 1<<20)
	p.w.Widen(p.e.streams[1], 1<<20)
	p.wantFrames(fmt.Sprintf("WINDOW_UPDATE 1 %d", 1<<20-1000))
}

func TestWritingToAStreamThatIsGoneDoesNothing(t *testing.T) {
	p, s := serving(t, nil, 1)
	p.WriteRSTStream(1, xnet.ErrCodeCancel)
	p.want("1 reset by peer: CANCEL: sent RST_STREAM")
	hw := p.w.Headers(s[0])
	hw.Status(200)
	hw.Field(field("a", strings.Repeat("b", 100)))
	if size := hw.End(true); size != 0 {
		t.Errorf("%d bytes of head", size)
	}
	if n := p.w.WriteData(s[0], []byte("x"), true); n != 1 {
		t.Errorf("%d bytes were taken", n)
	}
	p.w.Reset(s[0], Cancel)
	p.w.Release(s[0])
	p.wantFrames()
}

// TestAStreamThatIsReleasedWhileOthersAreTold releases the last of those who wait from within the call to the first.
func TestAStreamThatIsReleasedWhileOthersAreTold(t *testing.T) {
	p, s := serving(t, &Options{OutputLimit: 1 << 20}, 3)
	big := make([]byte, 70000)
	for _, s := range s {
		p.w.WriteData(s, big, true)
	}
	p.frames()
	var told []uint32
	p.e.onRoom = func(at *Stream) {
		told = append(told, at.ID)
		if at == s[1] {
			p.w.Release(s[2])
		}
		p.w.send.queue(at) // as if it found no room
	}
	p.WriteWindowUpdate(0, 10)
	p.feed()
	if fmt.Sprint(told) != "[3]" {
		t.Errorf("%v were told", told)
	}
}
