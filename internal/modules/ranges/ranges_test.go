package ranges_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/ranges"
)

const digits = "0123456789"

// answer sends the ten digits: as a file, in memory (/mem), or byte by byte (/stream, of which one range can be had).
var answer = core.Module{Phases: []core.Phase{{At: core.Content, Run: func(r *core.Request) core.Verdict {
	o := &r.Out
	o.Status, o.ContentLength, o.AcceptRanges = 200, 10, true
	o.ContentType, o.ETag, o.LastModified = []byte("text/plain"), []byte(`"tag"`), 1700000000
	path := string(r.URI)
	o.SingleRange = strings.HasPrefix(path, "/stream")
	if r.SendHead() != nil {
		return core.Done
	}
	switch {
	case o.HeaderOnly || path == "/mem":
		r.Send(core.Chunk{Mem: []byte(digits), Last: true})
	case strings.HasPrefix(path, "/str"):
		for i := range digits {
			if r.Send(core.Chunk{Mem: []byte(digits[i : i+1])}) != nil {
				return core.Done
			}
		}
		r.Send(core.Chunk{Last: true})
	default:
		f, err := os.Open(string(r.Filename()))
		if err != nil {
			return 500
		}
		defer f.Close()
		r.Send(core.Chunk{File: conn.FileOf(f), Off: 3, Len: 10, Last: true})
	}
	return core.Done
}}}}

var modules = []*core.Module{&ranges.Body, &answer, &ranges.Module}

func serve(t *testing.T, config string) *coretest.Server {
	s := coretest.New(t, modules, config)
	s.File("html/file", "abc"+digits+"def")
	return s
}

func TestOneRange(t *testing.T) {
	s := serve(t, "")
	for _, path := range []string{"/file", "/mem", "/stream"} {
		for value, want := range map[string]string{"2-5": "2345", "0-0": "0", "-3": "789", "7-99": "789", "0-": digits} {
			res := s.Get(path, "Range: bytes="+value)
			if res.Status != 206 || res.Body != want || !res.Complete || res.Header.Get("Content-Length") != length(want) {
				t.Errorf("%s %s: %d %q %v", path, value, res.Status, res.Body, res.Header)
			}
			if res.Header.Has("Accept-Ranges") {
				t.Errorf("Accept-Ranges in %v", res.Header)
			}
		}
	}
	if got := s.Get("/file", "Range: BYTES=2-5").Header.Get("Content-Range"); got != "bytes 2-5/10" {
		t.Errorf("Content-Range: %s", got)
	}
}

func length(s string) string { return strconv.Itoa(len(s)) }

func TestSeveralRanges(t *testing.T) {
	s := serve(t, "")
	for _, path := range []string{"/file", "/mem"} {
		res := s.Get(path, "Range: bytes=0-1,4-5,-1")
		_, boundary, ok := strings.Cut(res.Header.Get("Content-Type"), "multipart/byteranges; boundary=")
		if !ok || len(boundary) != 20 || res.Status != 206 {
			t.Fatalf("%d %v", res.Status, res.Header)
		}
		part := func(place, data string) string {
			return "\r\n--" + boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + place + "/10\r\n\r\n" + data
		}
		want := part("0-1", "01") + part("4-5", "45") + part("9-9", "9") + "\r\n--" + boundary + "--\r\n"
		if res.Body != want || !res.Complete {
			t.Errorf("%q, want %q", res.Body, want)
		}
		if got := res.Header.Get("Content-Length"); got != length(want) {
			t.Errorf("Content-Length: %s, want %d", got, len(want))
		}
	}
}

func TestWhatIsSentWhole(t *testing.T) {
	s := serve(t, "")
	for _, tt := range []struct {
		name, path string
		header     []string
		accept     bool
	}{
		{"no range", "/mem", nil, true},
		{"another unit", "/mem", []string{"Range: lines=1-2"}, true},
		{"no list", "/mem", []string{"Range: bytes="}, true},
		{"more than there is", "/mem", []string{"Range: bytes=0-,0-"}, true},
		{"too many", "/stream", []string{"Range: bytes=0-1,3-4"}, true},
		{"another tag", "/mem", []string{"Range: bytes=0-1", `If-Range: "x"`}, true},
		{"another date", "/mem", []string{"Range: bytes=0-1", "If-Range: Tue, 14 Nov 2023 22:13:21 GMT"}, true},
		{"a bad date", "/mem", []string{"Range: bytes=0-1", "If-Range: x"}, true},
	} {
		res := s.Get(tt.path, tt.header...)
		if res.Status != 200 || res.Body != digits || res.Header.Has("Accept-Ranges") != tt.accept {
			t.Errorf("%s: %d %q %v", tt.name, res.Status, res.Body, res.Header)
		}
	}
}

func TestMaxRanges(t *testing.T) {
	s := serve(t, `max_ranges 1;`)
	if res := s.Get("/mem", "Range: bytes=1-2"); res.Status != 206 {
		t.Error(res.Status)
	}
	if res := s.Get("/mem", "Range: bytes=1-2,4-5"); res.Status != 200 {
		t.Error(res.Status)
	}
	s = serve(t, `max_ranges 0;`)
	if res := s.Get("/mem", "Range: bytes=1-2"); res.Status != 200 || res.Header.Has("Accept-Ranges") {
		t.Error(res.Status, res.Header)
	}
}

func TestIfRangeThatHolds(t *testing.T) {
	s := serve(t, "")
	for _, value := range []string{`"tag"`, "Tue, 14 Nov 2023 22:13:20 GMT"} {
		if res := s.Get("/mem", "Range: bytes=0-1", "If-Range: "+value); res.Status != 206 || res.Body != "01" {
			t.Errorf("%s: %d", value, res.Status)
		}
	}
}

func TestNotSatisfiable(t *testing.T) {
	s := serve(t, "")
	res := s.Get("/mem", "Range: bytes=10-")
	if res.Status != 416 || res.Header.Get("Content-Range") != "bytes */10" || res.Header.Has("ETag") || !res.Complete ||
		!strings.Contains(res.Body, "416 Requested Range Not Satisfiable") {
		t.Errorf("%d %q %v", res.Status, res.Body, res.Header)
	}
}

func TestHeadOfARange(t *testing.T) {
	s := serve(t, "")
	res := s.Do(coretest.Message("HEAD", "/file", "", "Range: bytes=0-1"))
	if res.Status != 206 || res.Body != "" || res.Header.Get("Content-Length") != "2" || res.Aborted {
		t.Errorf("%d %q %v", res.Status, res.Body, res.Header)
	}
}

// A body that comes in pieces cannot be rearranged: the response must not look complete.
func TestSeveralRangesOfAStream(t *testing.T) {
	s := serve(t, "")
	res := s.Get("/strange", "Range: bytes=0-1,4-5")
	if !res.Aborted || res.Complete || len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], "[alert] range in overlapped buffers") {
		t.Errorf("aborted %v, log %v", res.Aborted, res.Log)
	}
}
