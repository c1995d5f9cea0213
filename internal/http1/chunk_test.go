package http1

import (
	"fmt"
	"strings"
	"testing"
)

// chunkCase is a chunked body: what is in it and what is left after it, or
// that it is invalid.
type chunkCase struct {
	name, body string
	data, rest string
	trailers   string
	bad        bool
	incomplete bool
}

var chunkCases = []chunkCase{
	{name: "two chunks", body: "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET", data: "hello!", rest: "GET"},
	{name: "empty", body: "0\r\n\r\n"},
	{name: "several zeros", body: "000\r\n\r\n"},
	{name: "hexadecimal in both cases", body: "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", data: "01234567890123456789"},
	{name: "leading zeros", body: "0005\r\nhello\r\n0\r\n\r\n", data: "hello"},
	{name: "extensions", body: "5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", data: "hello"},
	{name: "spaces after the size", body: "5  \r\nhello\r\n0 \t\r\n\r\n", data: "hello"},
	{name: "spaces before the extension", body: "5 ;a\r\nhello\r\n0\r\n\r\n", data: "hello"},
	{name: "trailers", body: "0\r\nX-Sum: 1\r\nY:2\r\n\r\n", trailers: "X-Sum=1 Y=2 "},
	{name: "framing in trailers is left out", body: "0\r\nContent-Length: 5\r\nHost: x\r\nX: y\r\n\r\n", trailers: "X=y "},
	{name: "no last chunk", body: "5\r\nhello\r\n", data: "hello", incomplete: true},
	{name: "no end of trailers", body: "0\r\nX: y\r\n", incomplete: true},
	{name: "cut in the data", body: "5\r\nhe", data: "he", incomplete: true},

	{name: "no size", body: "\r\n\r\n", bad: true},
	{name: "extension without size", body: ";a\r\n", bad: true},
	{name: "space first", body: " 5\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "sign", body: "+5\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "0x", body: "0x5\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "junk after the size", body: "5g\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "junk after a space", body: "5 6\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "bare LF after the size", body: "5\nhello\r\n0\r\n\r\n", bad: true},
	{name: "bare LF in the extension", body: "5;a\nhello\r\n0\r\n\r\n", bad: true},
	{name: "bare CR in the extension", body: "5;a\rb\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "NUL in the extension", body: "5;\x00\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "bare LF after the data", body: "5\r\nhello\n0\r\n\r\n", data: "hello", bad: true},
	{name: "data longer than the size", body: "5\r\nhello!\r\n0\r\n\r\n", data: "hello", bad: true},
	{name: "bare LF after the last chunk", body: "0\n\n", bad: true},
	{name: "bare LF at the end", body: "0\r\n\n", bad: true},
	{name: "bare LF in the trailers", body: "0\r\nX: y\n\r\n", bad: true},
	{name: "trailer with space before the colon", body: "0\r\nX : y\r\n\r\n", bad: true},
	{name: "trailer without colon", body: "0\r\nX\r\n\r\n", bad: true},
	{name: "seventeen digits", body: "00000000000000005\r\nhello\r\n0\r\n\r\n", bad: true},
	{name: "size beyond 63 bits", body: "8000000000000000\r\n", bad: true},
	{name: "endless extension", body: "5;" + strings.Repeat("a", 2000), bad: true},
	{name: "endless spaces", body: "5" + strings.Repeat(" ", 2000), bad: true},
	{name: "endless trailers", body: "0\r\n" + strings.Repeat("X: y\r\n", 2000), bad: true},
}

func TestChunkedBodies(t *testing.T) {
	for _, c := range chunkCases {
		t.Run(c.name, func(t *testing.T) {
			var r ChunkReader
			r.ResetResponse(0)
			data, n, err := decode(&r, []byte(c.body), len(c.body))
			if string(data) != c.data {
				t.Errorf("data %q, want %q", data, c.data)
			}
			if c.bad {
				if err != ErrResponseChunk {
					t.Errorf("accepted: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Done() == c.incomplete {
				t.Errorf("done: %v", r.Done())
			}
			if rest := c.body[n:]; rest != c.rest {
				t.Errorf("left %q, want %q", rest, c.rest)
			}
			var trailers string
			for _, f := range r.Trailers() {
				trailers += fmt.Sprintf("%s=%s ", f.Name, f.Value)
			}
			if trailers != c.trailers {
				t.Errorf("trailers %q, want %q", trailers, c.trailers)
			}
		})
	}
}

func TestDataCanBypassTheChunkReader(t *testing.T) {
	var r ChunkReader
	r.ResetResponse(0)
	if _, n, err := r.Decode([]byte("10\r\n")); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if r.Remaining() != 16 {
		t.Fatalf("%d bytes can be spliced, want 16", r.Remaining())
	}
	r.Skip(10)
	data, n, err := r.Decode([]byte("abcdef\r\n0\r\n\r\n"))
	if string(data) != "abcdef" || n != 6 || err != nil || r.Remaining() != 0 {
		t.Fatalf("%q %d %v, %d to come", data, n, err, r.Remaining())
	}
	if _, _, err = r.Decode([]byte("\r\n0\r\n\r\n")); err != nil || !r.Done() {
		t.Fatal(err, r.Done())
	}
}

func TestWrittenChunksReadBack(t *testing.T) {
	body := AppendChunkHead(nil, 26)
	body = append(body, "abcdefghijklmnopqrstuvwxyz"+EndChunk...)
	body = AppendLastChunk(body, []Field{{Name: []byte("X"), Value: []byte("y")}})
	if want := "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX: y\r\n\r\n"; string(body) != want {
		t.Fatalf("wrote %q", body)
	}
	var r ChunkReader
	r.ResetRequest(0)
	if data, n, err := decode(&r, body, 3); string(data) != "abcdefghijklmnopqrstuvwxyz" || n != len(body) || err != nil || len(r.Trailers()) != 1 {
		t.Errorf("%q %d %v %v", data, n, err, r.Trailers())
	}
}
