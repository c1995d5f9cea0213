package http2

import (
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"

	"hearth/internal/http1"
)

func TestAServerGreetsAtOnce(t *testing.T) {
	p := rawClient(t, &Options{MaxStreams: 7, StreamWindow: 1000})
	p.wantFrames("SETTINGS 0 MAX_CONCURRENT_STREAMS=7 INITIAL_WINDOW_SIZE=1000", "WINDOW_UPDATE 0 2147418112")
	p.out.WriteString(preface)
	p.WriteSettings()
	p.want()
	p.wantFrames("SETTINGS 0 ack")
}

func TestAClientGreetsAtOnce(t *testing.T) {
	p := newPeer(t)
	p.w = NewClient(&Options{}, p.e)
	if got := p.read(len(preface)); got != preface {
		t.Errorf("preface %q", got)
	}
	p.wantFrames("SETTINGS 0 ENABLE_PUSH=0 INITIAL_WINDOW_SIZE=65536", "WINDOW_UPDATE 0 2147418112")
}

func TestAnExchangeAtTheServer(t *testing.T) {
	p := client(t, nil)
	p.headers(1, false, append(post, "accept=x", "content-length=5")...)
	p.WriteData(1, false, []byte("he"))
	p.WriteData(1, true, []byte("llo"))
	p.want("1 POST http://a/ accept=x content-length=5", "1 data he", "1 data llo end")
	s := p.e.streams[1]
	hw := p.w.Headers(s)
	hw.Status(200)
	hw.Field(http1.Field{Name: []byte("X-Thing"), Value: []byte("1")})
	hw.Known(http1.ContentType, []byte("text/plain"))
	hw.Known(http1.Connection, []byte("close"))
	hw.End(false)
	if n := p.w.WriteData(s, []byte("body"), false); n != 4 {
		t.Errorf("%d bytes were taken", n)
	}
	hw = p.w.Headers(s)
	hw.Field(http1.Field{Name: []byte("Sum"), Value: []byte("9")})
	hw.End(true)
	p.wantFrames("HEADERS 1 :status=200 x-thing=1 content-type=text/plain", "DATA 1 body", "HEADERS 1 sum=9 end")
	if !s.Closed() || s.WasReset() || p.w.Idle() {
		t.Error("the stream is not closed, or the wire idle before its release")
	}
	p.w.Release(s)
	if !p.w.Idle() || p.w.out.buf != nil {
		t.Error("the wire is not idle")
	}
}

func TestAnExchangeAtTheClient(t *testing.T) {
	p := server(t, nil)
	s, err := p.w.Open("me", false)
	if err != nil {
		t.Fatal(err)
	}
	hw := p.w.Headers(s)
	hw.Request([]byte("PUT"), []byte("https"), []byte("b"), []byte("/x"))
	hw.Field(http1.Field{Name: []byte("TE"), Value: []byte("trailers"), ID: http1.TE})
	hw.End(false)
	p.w.WriteData(s, []byte("up"), true)
	p.wantFrames("HEADERS 1 :method=PUT :scheme=https :authority=b :path=/x te=trailers", "DATA 1 up end")
	p.headers(1, false, ":status=103", "link=a")
	p.headers(1, false, ":status=200", "server=s")
	p.WriteData(1, false, []byte("down"))
	p.headers(1, true, "grpc-status=0")
	p.want("1 103 link=a", "1 200 server=s", "1 data down", "1 trailers grpc-status=0 end")
	if s.Owner != "me" {
		t.Error("the owner was lost")
	}
	p.w.Release(s)
	if !p.w.Idle() {
		t.Error("the wire is not idle")
	}
}

func TestPingIsAnsweredAndAnswersAreToldOf(t *testing.T) {
	p := client(t, nil)
	p.WritePing(false, [8]byte([]byte("12345678")))
	p.w.Ping([8]byte([]byte("abcdefgh")))
	p.WritePing(true, [8]byte([]byte("abcdefgh")))
	p.want("pong abcdefgh")
	p.wantFrames("PING 0 abcdefgh", "PING 0 12345678 ack")
}

func TestGoAwayOfAServerLetsStreamsEnd(t *testing.T) {
	p := client(t, nil)
	p.headers(1, false, post...)
	p.feed()
	p.w.GoAway(NoError, "")
	p.w.GoAway(NoError, "")
	p.headers(3, true, get...)
	p.WriteData(3, true, nil)
	p.WriteData(1, true, []byte("x"))
	p.want("1 POST http://a/", "1 data x end")
	p.wantFrames("GOAWAY 0 last 1 NO_ERROR")
}

func TestGoAwayOfTheServerResetsWhatItWillNotProcess(t *testing.T) {
	p := server(t, nil)
	var s [3]*Stream
	for i := range s {
		s[i], _ = p.w.Open(i, false)
	}
	for _, s := range s[:2] {
		hw := p.w.Headers(s)
		hw.Request([]byte("GET"), []byte("http"), []byte("a"), []byte("/"))
		hw.End(true)
	}
	p.WriteGoAway(1, xnet.ErrCodeNo, []byte("bye"))
	p.headers(1, true, ":status=200")
	p.want("0 reset by peer: REFUSED_STREAM: sent GOAWAY", "3 reset by peer: REFUSED_STREAM: sent GOAWAY",
		"goaway 1 NO_ERROR bye", "1 200 end")
	if _, err := p.w.Open(nil, false); err != ErrGoingAway {
		t.Errorf("Open: %v", err)
	}
}

func TestOpenKeepsToThePeersLimit(t *testing.T) {
	p := server(t, nil, xnet.Setting{ID: xnet.SettingMaxConcurrentStreams, Val: 1})
	s, err := p.w.Open(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.w.Open(nil, false); err != ErrFull {
		t.Errorf("the second Open: %v", err)
	}
	p.w.Release(s)
	if _, err := p.w.Open(nil, false); err != nil {
		t.Errorf("after Release: %v", err)
	}
}

func TestLargeHeaderBlocksAreSplit(t *testing.T) {
	p := server(t, nil)
	s, _ := p.w.Open(nil, false)
	big := strings.Repeat("x", 40000)
	hw := p.w.Headers(s)
	hw.Request([]byte("GET"), []byte("http"), []byte("a"), []byte("/"))
	hw.Field(http1.Field{Name: []byte("big"), Value: []byte(big)})
	hw.Field(http1.Field{Name: []byte("small"), Value: []byte("1")})
	hw.End(true)
	p.wantFrames("HEADERS 1 end", "CONTINUATION 1", "CONTINUATION 1 :method=GET :scheme=http :authority=a :path=/ big="+big+" small=1")
}
