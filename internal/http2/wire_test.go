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

func TestAfterCloseEverythingIsQuiet(t *testing.T) {
	p := client(t, nil)
	p.headers(1, false, post...)
	p.headers(3, false, post...)
	p.WriteRawFrame(xnet.FrameHeaders, 0, 5, p.block(get...)) // half-way
	p.feed()
	s := p.e.streams[1]
	p.e.log = nil
	p.w.Ping([8]byte{})
	p.w.Close()
	p.w.Close()
	if len(p.w.Output()) != 0 || p.w.Err() == nil || p.w.part.buf != nil {
		t.Error("there is output, or no error, or a buffer")
	}
	p.w.Headers(s).Status(200)
	p.w.Headers(s).End(false)
	p.w.WriteData(s, []byte("x"), true)
	p.w.Consumed(s, 0)
	p.w.Widen(s, 1<<20)
	p.w.Reset(s, Cancel)
	p.w.Ping([8]byte{})
	p.w.GoAway(NoError, "")
	p.w.Release(s)
	p.w.Release(p.e.streams[3])
	p.headers(7, true, get...)
	p.want("error: the connection was closed (NO_ERROR)")
	if len(p.w.Output()) != 0 || p.w.Streams() != 0 {
		t.Error("it goes on")
	}
}

func TestAClientIgnoresWhatComesForStreamsItHasLeft(t *testing.T) {
	p := server(t, nil)
	var s []*Stream
	for range 4 {
		st, _ := p.w.Open(nil, false)
		p.w.Headers(st).End(true)
		s = append(s, st)
	}
	for _, s := range s {
		p.w.Release(s)
	}
	p.frames()
	for id := uint32(1); id < 9; id += 2 {
		p.headers(id, false, ":status=200", "x=y")
		p.WriteData(id, false, []byte("hello"))
		p.WriteData(id, true, nil)
		p.WriteWindowUpdate(id, 1)
		p.WriteRSTStream(id, xnet.ErrCodeNo)
	}
	p.want()
	p.wantFrames()
}

func TestSettingsAreLookedAtBeforeTheFirstStream(t *testing.T) {
	p := newPeer(t)
	p.w = NewClient(&Options{}, p.e)
	p.e.w = p.w
	if p.w.Ready() || p.w.PeerMaxStreams() != 100 {
		t.Error("settings before there are any")
	}
	p.WriteSettings(xnet.Setting{ID: xnet.SettingMaxConcurrentStreams, Val: 7})
	p.feed()
	if !p.w.Ready() || p.w.PeerMaxStreams() != 7 {
		t.Errorf("%d streams", p.w.PeerMaxStreams())
	}
}

func TestWhiteSpaceAroundValuesIsCutOff(t *testing.T) {
	p := client(t, nil)
	p.headers(1, true, append(get, "a= \t x y ")...)
	p.want("1 GET http://a/ a=x y end")
}

func TestFieldsAboutTheConnectionAreLeftOut(t *testing.T) {
	p := client(t, nil)
	p.headers(1, true, get...)
	p.feed()
	hw := p.w.Headers(p.e.streams[1])
	hw.Status(200)
	for _, f := range []http1.Field{
		{Name: []byte("Connection"), Value: []byte("close"), ID: http1.Connection}, {Name: []byte("Keep-Alive"), Value: []byte("1"), ID: http1.KeepAlive},
		{Name: []byte("Proxy-Connection"), Value: []byte("close"), ID: http1.ProxyConnection}, {Name: []byte("Upgrade"), Value: []byte("h2c"), ID: http1.Upgrade},
		{Name: []byte("Transfer-Encoding"), Value: []byte("gzip"), ID: http1.TransferEncoding}, {Name: []byte("TE"), Value: []byte("gzip"), ID: http1.TE},
		{Name: []byte("A"), Value: []byte("b")},
	} {
		hw.Field(f)
	}
	hw.End(true)
	p.wantFrames("HEADERS 1 :status=200 a=b end")
}

func TestStatusesAndMethodsBeyondTheStaticTable(t *testing.T) {
	p := client(t, nil)
	p.headers(1, true, get...)
	p.feed()
	for range 3 {
		hw := p.w.Headers(p.e.streams[1])
		hw.Status(103)
		hw.End(false)
	}
	for _, code := range []int{200, 204, 206, 304, 400, 404, 500} {
		hw := p.w.Headers(p.e.streams[1])
		hw.Status(code)
		hw.End(false)
	}
	p.wantFrames("HEADERS 1 :status=103", "HEADERS 1 :status=103", "HEADERS 1 :status=103", "HEADERS 1 :status=200", "HEADERS 1 :status=204",
		"HEADERS 1 :status=206", "HEADERS 1 :status=304", "HEADERS 1 :status=400", "HEADERS 1 :status=404", "HEADERS 1 :status=500")

	c := server(t, nil)
	for _, r := range [][4]string{{"GET", "https", "a", "/"}, {"POST", "ftp", "", "/x"}, {"CONNECT", "http", "a:1", "/"}, {"OPTIONS", "http", "a", "*"}} {
		s, _ := c.w.Open(nil, false)
		hw := c.w.Headers(s)
		hw.Request([]byte(r[0]), []byte(r[1]), []byte(r[2]), []byte(r[3]))
		hw.End(true)
	}
	c.wantFrames("HEADERS 1 :method=GET :scheme=https :authority=a :path=/ end", "HEADERS 3 :method=POST :scheme=ftp :path=/x end",
		"HEADERS 5 :method=CONNECT :authority=a:1 end", "HEADERS 7 :method=OPTIONS :scheme=http :authority=a :path=* end")
}

func TestConnectIsARequestOfItsOwnForm(t *testing.T) {
	p := client(t, &Options{ExtendedConnect: true})
	p.headers(1, false, ":method=CONNECT", ":authority=a:1")
	p.headers(3, false, ":method=CONNECT", ":protocol=websocket", ":scheme=http", ":path=/x", ":authority=a")
	p.headers(5, true, ":method=OPTIONS", ":scheme=http", ":path=*", ":authority=a")
	p.want("1 CONNECT ://a:1", "3 CONNECT http://a/x", "5 OPTIONS http://a* end")
}

func TestALengthInTrailersIsLeftOut(t *testing.T) {
	p := client(t, nil)
	p.headers(1, false, post...)
	p.WriteData(1, false, []byte("hello"))
	p.headers(1, true, "content-length=9", "sum=1")
	p.want("1 POST http://a/", "1 data hello", "1 trailers sum=1 end")
}
