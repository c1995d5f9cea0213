package http1

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// The property every parser here is held to: a message means the same however
// it is cut into segments, and wherever the buffer moves meanwhile.

// inSegments offers message to parse in pieces of step bytes, from a new
// buffer each time; the old one is overwritten, so that a view left in it shows.
func inSegments(message []byte, step int, parse func([]byte) (int, error)) (n int, err error) {
	var old []byte
	for end := 0; ; end = min(end+step, len(message)) {
		buf := make([]byte, end, end+end%3)
		copy(buf, message)
		for i := range old {
			old[i] = '!'
		}
		if n, err = parse(buf); !errors.Is(err, ErrIncomplete) || end == len(message) {
			return n, err
		}
		old = buf
	}
}

// show prints everything a caller can see of a head.
func showRequest(p *RequestParser, n int, err error) string {
	if err != nil {
		return showError(err)
	}
	h := &p.Head
	return fmt.Sprintf("%d %q %q %d %q %q %q %v %q %q %d.%d %q %q %v %d %v %v %v %v %v %d %q", n,
		h.Line, h.Method, h.MethodID, h.Target, h.Path, h.Args, h.Complex, h.Scheme, h.Authority, h.Major, h.Minor,
		h.Host.Name, h.Host.Port, h.Host.Upper, h.ContentLength, h.Chunked, h.Close, h.KeepAlive, h.Upgrade, h.Expect100,
		h.Dropped, h.FirstDropped) + showFields(&h.fields)
}

func showResponse(p *ResponseParser, n int, err error) string {
	if err != nil {
		return showError(err)
	}
	h := &p.Head
	return fmt.Sprintf("%d %q %d %q %d.%d %d %v %v %v %v %v %v %d %q", n, h.Line, h.Status, h.Reason, h.Major, h.Minor,
		h.ContentLength, h.Chunked, h.Framing, h.Close, h.KeepAlive, h.Upgrade, h.KeepAliveHint, h.Dropped, h.FirstDropped) +
		showFields(&h.fields)
}

func showFields(f *fields) (s string) {
	for _, field := range f.Fields {
		s += fmt.Sprintf("\n%q %q %d", field.Name, field.Value, field.ID)
	}
	for id := range numIDs {
		if i := f.Index(id); i >= 0 {
			s += fmt.Sprintf(" %d@%d", id, i)
		}
	}
	return s
}

func showError(err error) string {
	if e, ok := err.(*Error); ok {
		return fmt.Sprintf("%d %q", e.Status, e.Reason)
	}
	return err.Error()
}

func FuzzRequest(f *testing.F) {
	for _, c := range oracleCases {
		f.Add([]byte(c.request), 1, false)
		f.Add([]byte(c.request), 7, true)
	}
	f.Add(browserRequest, 3, false)
	f.Fuzz(func(t *testing.T, message []byte, step int, lenient bool) {
		if len(message) > 4000 {
			return
		}
		opt := RequestOptions{IgnoreInvalidHeaders: !lenient, UnderscoresInHeaders: lenient,
			MaxHeaders: 20, LineLimit: 700, TotalLimit: 2000}
		var whole, cut RequestParser
		whole.Reset(&opt)
		n, err := whole.Parse(message)
		want := showRequest(&whole, n, err)
		cut.Reset(&opt)
		n, err = inSegments(message, 1+step&15, cut.Parse)
		if got := showRequest(&cut, n, err); got != want {
			t.Fatalf("in segments:\n%s\nwhole:\n%s", got, want)
		}
		if err == nil {
			checkRequest(t, message[:n], &whole)
		}
	})
}

// checkRequest holds an accepted request against what must be true of every one.
func checkRequest(t *testing.T, head []byte, p *RequestParser) {
	t.Helper()
	h := &p.Head
	if h.Major != 0 && !bytes.HasSuffix(head, []byte("\n")) {
		t.Fatalf("head ends with %q", head[max(0, len(head)-4):])
	}
	for _, f := range h.Fields {
		if !ValidName(f.Name) || !ValidValue(f.Value) || f.ID != Lookup(f.Name) {
			t.Fatalf("invalid field %q: %q", f.Name, f.Value)
		}
	}
	if h.Chunked && h.ContentLength >= 0 {
		t.Fatal("two framings")
	}
	if h.Complex {
		return
	}
	if path, changed, err := NormalizePath(nil, h.Path, true); changed || err != nil {
		t.Fatalf("path %q is not Complex, but normalizes to %q, %v", h.Path, path, err)
	}
	if h.MethodID == MethodConnect || h.Major == 0 {
		return
	}
	// What is written from it reads the same.
	out := AppendRequestLine(nil, h.Method, append(append([]byte(nil), h.Path...), "?a"...), 1)
	for _, f := range h.Fields {
		out = AppendField(out, f.Name, f.Value)
	}
	out = append(out, EndHead...)
	if !h.AtLeast11() {
		return
	}
	var again RequestParser
	again.Reset(&RequestOptions{UnderscoresInHeaders: true})
	if n, err := again.Parse(out); err != nil || n != len(out) {
		t.Fatalf("written %q reads as %v", out, err)
	}
	if got, want := showFields(&again.Head.fields), showFields(&h.fields); got != want {
		t.Fatalf("written fields\n%s\nread\n%s", want, got)
	}
}

func FuzzResponse(f *testing.F) {
	for _, c := range responseCases {
		f.Add([]byte(c.response), 1, uint8(c.request))
		f.Add([]byte(c.response), 6, uint8(MethodGet))
	}
	f.Add(smallResponse, 3, uint8(MethodHead))
	f.Fuzz(func(t *testing.T, message []byte, step int, method uint8) {
		if len(message) > 4000 {
			return
		}
		opt := ResponseOptions{LineLimit: 500, TotalLimit: 1500}
		var whole, cut ResponseParser
		whole.Reset(&opt, Method(method))
		n, err := whole.Parse(message)
		want := showResponse(&whole, n, err)
		cut.Reset(&opt, Method(method))
		n, err = inSegments(message, 1+step&15, cut.Parse)
		if got := showResponse(&cut, n, err); got != want {
			t.Fatalf("in segments:\n%s\nwhole:\n%s", got, want)
		}
		if err != nil {
			return
		}
		h := &whole.Head
		if h.Status < 100 || h.Status > 999 || !ValidValue(h.Reason) {
			t.Fatalf("status %d %q", h.Status, h.Reason)
		}
		for _, f := range h.Fields {
			if !ValidName(f.Name) || !ValidValue(f.Value) {
				t.Fatalf("invalid field %q: %q", f.Name, f.Value)
			}
		}
	})
}

// decode runs a chunked body through the reader in pieces of step bytes.
func decode(c *ChunkReader, body []byte, step int) (data []byte, consumed int, err error) {
	for end := min(step, len(body)); ; end = min(end+step, len(body)) {
		for consumed < end && !c.Done() {
			view, n, err := c.Decode(body[consumed:end])
			data = append(data, view...)
			consumed += n
			if err != nil {
				return data, consumed, err
			}
		}
		if c.Done() || end == len(body) {
			return data, consumed, nil
		}
	}
}

func FuzzChunks(f *testing.F) {
	for _, c := range chunkCases {
		f.Add([]byte(c.body), 1)
		f.Add([]byte(c.body), 3)
	}
	f.Fuzz(func(t *testing.T, body []byte, step int) {
		show := func(step int) string {
			var c ChunkReader
			c.ResetRequest(100)
			data, n, err := decode(&c, body, step)
			s := fmt.Sprintf("%q %d %v %v %d", data, n, err, c.Done(), c.Remaining())
			for _, f := range c.Trailers() {
				s += fmt.Sprintf("\n%q %q", f.Name, f.Value)
			}
			return s
		}
		want := show(len(body) + 1)
		if got := show(1 + step&7); got != want {
			t.Fatalf("in segments %s\nwhole %s", got, want)
		}
	})
}

func FuzzNormalizePath(f *testing.F) {
	for _, path := range []string{"/", "/a/../b", "/%2e%2e/", "//a//", "/a#b", "/a%20b", "/a/b/..", "/..a/.b/c.."} {
		f.Add([]byte(path), true)
		f.Add([]byte(path), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, merge bool) {
		raw = append([]byte("/"), raw...)
		before := bytes.Clone(raw)
		path, changed, err := NormalizePath([]byte("kept"), raw, merge)
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		if !changed && !bytes.Equal(path, raw) {
			t.Fatalf("%q became %q, but is not changed", raw, path)
		}
		if len(path) == 0 || path[0] != '/' || bytes.IndexByte(path, 0) >= 0 || merge && bytes.Contains(path, []byte("//")) {
			t.Fatalf("%q became %q", raw, path)
		}
		for _, segment := range bytes.Split(path[1:], []byte("/")) {
			if string(segment) == "." || string(segment) == ".." {
				t.Fatalf("%q became %q", raw, path)
			}
		}
	})
}
