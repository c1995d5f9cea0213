package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// flood is a client of HTTP/2 that means ill.
type flood struct {
	*http2.Framer
	out    bytes.Buffer
	block  bytes.Buffer
	enc    *hpack.Encoder
	stream uint32
}

// head is a header block of a GET, or of a POST.
func (f *flood) head(method, path string) []byte {
	f.block.Reset()
	for _, h := range [][2]string{{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "flood"}} {
		f.enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return f.block.Bytes()
}

// open begins another stream.
func (f *flood) open(method, path string, end bool) uint32 {
	f.stream += 2
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.stream, BlockFragment: f.head(method, path), EndHeaders: true, EndStream: end})
	return f.stream
}

// floods are what a client does over and over, until its connection is ended; first is done once before.
var floods = []struct {
	name        string
	first, more func(*flood)
}{
	{"rapid reset", nil, func(f *flood) { f.WriteRSTStream(f.open("GET", "/back/", true), http2.ErrCodeCancel) }},
	{"resets that are provoked", nil, func(f *flood) {
		f.AllowIllegalWrites = true
		f.WriteWindowUpdate(f.open("POST", "/back/", false), 0)
	}},
	{"a head that never ends", func(f *flood) {
		f.stream += 2
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.stream, BlockFragment: f.head("GET", "/")})
	}, func(f *flood) { f.WriteContinuation(f.stream, false, []byte("\x00\x01a\x01b")) }},
	{"a head that never ends and has nothing more", func(f *flood) {
		f.stream += 2
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.stream, BlockFragment: f.head("GET", "/")})
	}, func(f *flood) { f.WriteContinuation(f.stream, false, nil) }},
	{"SETTINGS", nil, func(f *flood) { f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535}) }},
	{"PING", nil, func(f *flood) { f.WritePing(false, [8]byte{}) }},
	{"credit in drops", nil, func(f *flood) { f.WriteWindowUpdate(0, 1) }},
	{"empty DATA", func(f *flood) { f.open("POST", "/back/", false) }, func(f *flood) { f.WriteData(f.stream, false, nil) }},
	{"PRIORITY", nil, func(f *flood) { f.WritePriority(1, http2.PriorityParam{StreamDep: 3}) }},
	{"a small head that is large when decoded", func(f *flood) {
		f.stream += 2
		block := append(f.head("GET", "/"), "\x40\x01x"...) // a field for the table, of 3000 bytes
		block = append(hpackLength(block, 3000), strings.Repeat("x", 3000)...)
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.stream, BlockFragment: block, EndHeaders: true, EndStream: true})
	}, func(f *flood) {
		f.stream += 2
		block := append(f.head("GET", "/"), bytes.Repeat([]byte{0x80 | 62}, 16000)...) // 48 MB
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.stream, BlockFragment: block, EndHeaders: true, EndStream: true})
	}},
}

// hpackLength appends the length of a string without Huffman's code.
func hpackLength(b []byte, n int) []byte {
	b = append(b, 0x7f)
	for n -= 0x7f; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// A flood ends with its connection, soon, whether or not its answers are read; others notice nothing of it, and nothing remains.
func TestFloodsEndWithTheirConnection(t *testing.T) {
	t.Parallel()
	p := h2Hearth(t)
	want := func(what string) {
		t.Helper()
		if a := p.lab.Get(p.Addr(1), "/"); a.Status != 200 {
			t.Errorf("%s: another client gets %d", what, a.Status)
		}
	}
	want("before")
	before := p.resident()
	for _, c := range floods {
		for _, reads := range []bool{true, false} {
			what := fmt.Sprintf("%s, answers are read: %v", c.name, reads)
			conn, err := net.Dial("tcp", p.Addr(1))
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(patience))
			if code, err := drown(conn, reads, c.first, c.more); err != nil || code != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("%s: %v, %v", what, code, err)
			}
			conn.Close()
			want(what)
		}
	}
	if grown := p.resident() - before; grown > 150<<20 {
		t.Errorf("%d MB more are resident", grown>>20)
	}
	if log := p.Read("error.log"); strings.Contains(log, "[alert]") || strings.Contains(log, "[crit]") {
		t.Errorf("%s", tail(log))
	}
}

// drown floods until the connection is ended, and returns what was said at its end. Reading nothing, it goes on only for as long as
// what it sends is taken.
func drown(conn net.Conn, reads bool, first, more func(*flood)) (http2.ErrCode, error) {
	f := &flood{stream: ^uint32(0)} // the first is 1
	f.Framer, f.enc = http2.NewFramer(&f.out, nil), hpack.NewEncoder(&f.block)
	f.out.WriteString(http2.ClientPreface)
	f.WriteSettings()
	if first != nil {
		first(f)
	}
	ended := make(chan error, 1)
	var said http2.ErrCode
	read := func() {
		in := http2.NewFramer(nil, conn)
		for {
			frame, err := in.ReadFrame()
			if err != nil {
				ended <- err
				return
			}
			if f, ok := frame.(*http2.GoAwayFrame); ok {
				said = f.ErrCode
			}
		}
	}
	if reads {
		go read()
	}
	for rounds := 0; rounds < 300_000 && len(ended) == 0; rounds += 100 {
		for range 100 {
			more(f)
		}
		if !reads {
			if rounds > 30_000 {
				break
			}
			conn.SetWriteDeadline(time.Now().Add(time.Second))
		}
		if _, err := conn.Write(f.out.Bytes()); err != nil {
			break
		}
		f.out.Reset()
	}
	if !reads {
		go read()
	}
	conn.SetDeadline(time.Now().Add(patience))
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		return said, errors.New("goes on")
	}
	return said, nil
}
