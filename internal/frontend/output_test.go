package frontend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

const chunkedHead = "HTTP/1.1 200 OK\nServer: hearth\nTransfer-Encoding: chunked\nConnection: keep-alive\n\n"

func TestAnUnknownLengthIsChunked(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { stream(r, "one", "", "two") })
	c := w.connect()
	for range 2 {
		c.send(get("/"))
		c.want(chunkedHead + "3\none\n3\ntwo\n0\n\n")
		c.wantOpen()
	}
}

func TestAnEmptyBodyOfUnknownLength(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { stream(r, "") })
	c := w.connect()
	c.send(get("/"))
	c.want(chunkedHead + "0\n\n")
}

func TestTrailersComeAfterTheLastChunk(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Out.Trailers = append(r.Out.Trailers,
			http1.Field{Name: []byte("X-Sum"), Value: []byte("7\r\n")},
			http1.Field{Name: []byte("Content-Length"), Value: []byte("7"), ID: http1.ContentLength})
		reply(r, 200, "body") // the length is known, but trailers need chunks
	})
	c := w.connect()
	c.send(get("/"))
	c.want(chunkedHead + "4\nbody\n0\nX-Sum: 7  \n\n")
	c.send("GET / HTTP/1.0\r\n\r\n")
	c.want(head("200 OK", 4, "close") + "body")
}

func TestChunkedTransferEncodingOffMeansUntilClose(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { stream(r, "one") })
	w.set.ChunkedTransfer = false
	c := w.connect()
	c.send(get("/"))
	c.want("HTTP/1.1 200 OK\nServer: hearth\nConnection: close\n\none")
	c.wantClosed()
}

func TestALargeBodyGoesOutAsTheClientTakesIt(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 10000)
	w := newWorld(t, func(r *core.Request) { stream(r, body[:100000], body[100000:]) })
	c := w.connect()
	c.SetWindow(7000)
	c.send(get("/"))
	var got strings.Builder
	for range 100 {
		got.Write(c.Received())
		w.sim.Run()
	}
	want := "186a0\r\n" + body[:100000] + "\r\nea60\r\n" + body[100000:] + "\r\n0\r\n\r\n"
	if _, after, _ := strings.Cut(got.String(), "\r\n\r\n"); after != want {
		t.Fatalf("%d bytes, want %d", len(after), len(want))
	}
	c.wantOpen()
}

func TestACongestedResponseWaitsWithItsNextChunk(t *testing.T) {
	var congested []bool
	w := newWorld(t, func(r *core.Request) {
		r.Out.Status, r.Out.ContentLength = 200, 20000
		r.Down.SendHead(r)
		for i := range 2 {
			r.Down.Send(core.Chunk{Mem: make([]byte, 10000), Last: i == 1})
			congested = append(congested, r.Down.Congested())
			r.Down.WaitFlush()
		}
	})
	c := w.connect()
	c.SetWindow(5000)
	c.send(get("/"))
	for range 10 {
		c.Received()
		w.sim.Run()
	}
	if !congested[0] || len(congested) != 2 {
		t.Errorf("congested %v", congested)
	}
	w.wantLog("GET / HTTP/1.1 200 20000")
}

func TestSmallPiecesWaitForEachOtherUnlessFlushed(t *testing.T) {
	var seen []int
	w := newWorld(t, nil)
	c := w.connect()
	w.shard.engine.serve = func(r *core.Request, _ *core.Address) {
		r.Out.Status = 200
		r.Down.SendHead(r)
		r.Down.Send(core.Chunk{Mem: []byte("held")})
		seen = append(seen, len(c.Pending()))
		r.Down.Send(core.Chunk{Flush: true})
		seen = append(seen, len(c.Pending()))
		r.Down.Send(core.Chunk{Mem: make([]byte, 1460)})
		seen = append(seen, len(c.Pending()))
		r.Down.Send(core.Chunk{Last: true})
	}
	c.send(get("/"))
	if seen[0] != 0 || seen[1] == 0 || seen[2] < seen[1]+1460 {
		t.Errorf("pending %v", seen)
	}
}

func TestFilesGoOutInTheirPlaceBetweenMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	content := strings.Repeat("file", 20000)
	os.WriteFile(path, []byte(content), 0o600)
	for _, length := range []int64{-1, int64(len("before") + 40000 + len("after"))} {
		w := newWorld(t, func(r *core.Request) {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r.Out.Status, r.Out.ContentLength = 200, length
			r.Down.SendHead(r)
			r.Down.Send(core.Chunk{Mem: []byte("before"), File: conn.FileOf(f), Off: 4, Len: 40000})
			r.Down.Send(core.Chunk{Mem: []byte("after"), Last: true})
			r.Down.WaitFlush()
		})
		c := w.connect()
		c.SetWindow(9000)
		c.send(get("/"))
		var got strings.Builder
		for range 100 {
			got.WriteString(c.got())
			w.sim.Run()
		}
		want := "before" + content[4:40004] + "after"
		if length < 0 {
			want = "9c46\r\nbefore" + content[4:40004] + "\r\n5\r\nafter\r\n0\r\n\r\n"
		}
		if _, after, _ := strings.Cut(got.String(), "\r\n\r\n"); after != want {
			t.Fatalf("%d bytes, want %d", len(after), len(want))
		}
		c.wantOpen()
	}
}

func TestABigResponseToAFastClientLetsOthersTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 5*flushBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	other := false
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/other" {
			other = true
			ok(r)
			return
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r.Out.Status, r.Out.ContentLength = 200, 5*flushBytes
		r.Down.SendHead(r)
		r.Down.Send(core.Chunk{File: conn.FileOf(f), Len: 5 * flushBytes, Last: true})
		if err := r.Down.WaitFlush(); err != nil || !other {
			t.Errorf("error %v, the other served: %v", err, other)
		}
	})
	big, small := w.connect(), w.connect()
	big.SetWindow(10 * flushBytes)
	big.Send([]byte(get("/big")))
	small.Send([]byte(get("/other")))
	w.sim.Run()
	w.wantLog("GET /other HTTP/1.1 200 6", "GET /big HTTP/1.1 200 5242880")
}

func TestASmallFileLeavesWithItsHead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	os.WriteFile(path, []byte("0123456789"), 0o600)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var length int64
	w := newWorld(t, func(r *core.Request) {
		r.Out.Status, r.Out.ContentLength = 200, length
		r.Down.SendHead(r)
		r.Aborted = r.Down.Send(core.Chunk{File: conn.FileOf(f), Off: 2, Len: length, Last: true}) != nil
	})
	writes := 0
	c := w.connect()
	c.OnData = func(*conn.Peer) { writes++ }
	length = 8
	c.send(get("/"))
	c.want(head("200 OK", 8, "keep-alive") + "23456789")
	if writes != 1 {
		t.Errorf("%d writes", writes)
	}
	length = 9 // the file has become shorter
	c.send(get("/"))
	c.wantClosed()
	if got := c.got(); strings.Contains(got, "2345") {
		t.Error(got)
	}
}

func TestSendTimeoutIsBetweenTwoSuccessfulWrites(t *testing.T) {
	var err error
	w := newWorld(t, func(r *core.Request) {
		err = reply(r, 200, strings.Repeat("x", 30000))
		r.Aborted = err != nil
	})
	c := w.connect()
	c.SetWindow(5000)
	c.send(get("/"))
	for range 3 {
		w.advance(59 * time.Second)
		c.Received()
		w.sim.Run()
	}
	w.advance(59 * time.Second)
	c.wantOpen()
	w.advance(time.Second)
	c.wantClosed()
	if err != loop.ErrTimeout {
		t.Errorf("error %v", err)
	}
	w.wantNoLeak()
}

func TestAClientThatLeavesDuringAResponse(t *testing.T) {
	var err error
	w := newWorld(t, func(r *core.Request) {
		err = reply(r, 200, strings.Repeat("x", 30000))
		r.Aborted = err != nil
	})
	for _, leave := range []func(c *client){func(c *client) { c.Close() }, func(c *client) { c.Reset() }} {
		err = nil
		c := w.connect()
		c.SetWindow(5000)
		c.send(get("/"))
		leave(c)
		c.SetWindow(10000)
		w.sim.Run()
		c.wantClosed()
		if err == nil {
			t.Error("the handler was not told")
		}
		w.wantNoLeak()
	}
}

func TestGoneIsSetWhenTheClientCloses(t *testing.T) {
	var said []bool
	w := newWorld(t, func(r *core.Request) {
		said = append(said, r.Down.ClientGone())
		w := r.Loop.Wait(0, r.Down.Gone())
		said = append(said, w == nil && r.Down.ClientGone())
		r.Aborted = true
	})
	c := w.connect()
	c.send(get("/") + "GET /pipelined")
	c.Close()
	w.sim.Run()
	if len(said) != 2 || said[0] || !said[1] {
		t.Errorf("%v", said)
	}
	w.wantNoLeak()
}

// A response whose end is told by closing must not look complete when it is not: RFC 9112, 8.
func TestACutResponseNeverLooksComplete(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		length        int64
		reset         bool
	}{
		{"by length", get("/"), 100, false},
		{"in chunks", get("/"), -1, false},
		{"until close", "GET / HTTP/1.0\r\n\r\n", -1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(r *core.Request) {
				r.Out.Status, r.Out.ContentLength = 200, tt.length
				r.Down.SendHead(r)
				r.Down.Send(core.Chunk{Mem: []byte("half"), Flush: true})
				r.Aborted = true
			})
			c := w.connect()
			c.send(tt.request)
			c.wantClosed()
			if got := string(c.Received()); strings.HasSuffix(got, "0\r\n\r\n") {
				t.Error(got)
			}
			if c.ConnReset() != tt.reset {
				t.Errorf("reset: %v", c.ConnReset())
			}
		})
	}
}

func TestABodyThatDoesNotMatchItsLengthEndsTheConnection(t *testing.T) {
	for _, length := range []int64{3, 5} {
		w := newWorld(t, func(r *core.Request) {
			r.Out.Status, r.Out.ContentLength = 200, length
			r.Down.SendHead(r)
			if r.Down.Send(core.Chunk{Mem: []byte("four"), Last: true}) == nil {
				t.Error("no error")
			}
		})
		c := w.connect()
		c.send(get("/"))
		c.wantClosed()
		if got := c.got(); strings.HasSuffix(got, "four") && length == 3 {
			t.Error(got)
		}
	}
}

func TestClosingWithoutAnAnswer(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { r.Aborted = true })
	c := w.connect()
	c.send(get("/"))
	c.wantNothing()
	c.wantClosed()
	w.wantNoLeak()
}

func TestATunnelTakesTheConnection(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Out.Status = 101
		r.Out.Fields = append(r.Out.Fields, http1.Field{Name: []byte("Upgrade"), Value: []byte("websocket"), ID: http1.Upgrade})
		r.Down.SendHead(r)
		c, early, err := r.Down.Hijack()
		if err != nil {
			t.Error(err)
		}
		c.Write([]byte("early: "+string(early)), 0)
		p := make([]byte, 100)
		n, _ := c.Read(p, 0)
		c.Write(p[:n], 0)
	})
	c := w.connect()
	c.send("GET / HTTP/1.1\r\n" + host + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\nframe")
	c.want("HTTP/1.1 101 Switching Protocols\nServer: hearth\nConnection: upgrade\nUpgrade: websocket\n\nearly: frame")
	c.send("more")
	c.want("more")
	c.wantClosed()
	w.wantNoLeak()
}

func TestSplicedBytesCount(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Out.Status, r.Out.ContentLength = 200, 10
		r.Down.SendHead(r)
		r.Down.Raw().Write([]byte("0123456789"), 0)
		r.Down.CountSent(10)
		r.Down.Send(core.Chunk{Last: true})
		r.Down.WaitFlush()
	})
	c := w.connect()
	for range 2 {
		c.send(get("/"))
		c.want(head("200 OK", 10, "keep-alive") + "0123456789")
		w.wantLog("GET / HTTP/1.1 200 10")
	}
}

func TestThereIsNoRawConnectionWhereBytesAreNotRaw(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request string
		window  int
		length  int64
		rate    int64
	}{
		{"chunks", get("/"), 1000, -1, 0},
		{"a limited rate", get("/"), 1000, 5, 1000},
		{"a head still in the queue", get("/"), 10, 5, 0},
		{"no body", "HEAD / HTTP/1.1\r\n" + host + "\r\n", 1000, 5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(r *core.Request) {
				r.Down.SetRate(tt.rate, 0)
				r.Out.Status, r.Out.ContentLength = 200, tt.length
				r.Down.SendHead(r)
				if r.Down.Raw() != nil {
					t.Error("raw")
				}
				r.Aborted = true
			})
			c := w.connect()
			c.SetWindow(tt.window)
			c.send(tt.request)
		})
	}
}

func TestAClientThatReadsOnlyAfterItHasSentAll(t *testing.T) {
	w := newWorld(t, func(r *core.Request) { reply(r, 200, strings.Repeat("x", 30000)) })
	c := w.connect()
	c.SetWindow(1000)
	c.send("POST / HTTP/1.1\r\n" + host + "Content-Length: 100000\r\n\r\n")
	c.send(strings.Repeat("b", 50000))
	c.send(strings.Repeat("b", 50000)) // taken although the response is stuck
	for range 100 {
		c.Received()
		w.sim.Run()
	}
	w.wantLog("POST / HTTP/1.1 200 30000")
	c.send(get("/"))
	if w.shard.active.n != 1 {
		t.Error("the next request is not served")
	}
}
