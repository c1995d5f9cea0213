package frontend

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http2"
	"hearth/internal/loop"
)

func TestH2AnswersARequest(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connectH2()
	c.fields = true
	c.wantTold(c.ask("GET /a", true), "200 content-length=2 [/a] end")
	c.wantTold(c.ask("HEAD /abc", true), "200 content-length=4 end")
	w.wantLog("GET /a HTTP/2.0 200 2", "HEAD /abc HTTP/2.0 200 0")
	c.wantOpen()
	w.advance(75 * time.Second)
	c.exchange()
	c.wantClosed()
	c.wantGoAway("3 NO_ERROR")
	w.wantNoStreams()
	w.wantNoLeak()
}

func TestBothProtocolsAreSpokenOnOnePort(t *testing.T) {
	w := newWorld(t, ok)
	w.server.HTTP2.On = true
	old := w.connect()
	old.send(get("/1"))
	old.want(head("200 OK", 2, "keep-alive") + "/1")
	c := w.connectH2()
	c.wantTold(c.ask("GET /2", true), "200 [/2] end")

	// The preface may come in pieces; what only begins like it is a request.
	slow := w.connect()
	for _, b := range h2Preface[:10] {
		slow.send(string(b))
	}
	slow.wantNothing()
	slow.send(h2Preface[10:])
	if got := slow.got(); len(got) < 9 || got[3] != 4 {
		t.Errorf("no SETTINGS: %q", got)
	}
	other := w.connect()
	other.send("PRI /x HTTP/1.1\r\nHost: a\r\n\r\n")
	other.want(head("200 OK", 2, "keep-alive") + "/x")
}

func TestWithoutHTTP2ThePrefaceIsABadRequest(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send(h2Preface)
	if got := c.got(); !strings.HasPrefix(got, "HTTP/1.1 400") {
		t.Errorf("%q", got)
	}
}

func TestManyRequestsAtATimeLeaveInOneWrite(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connectH2()
	var ids []uint32
	for i := range 20 {
		ids = append(ids, c.begin(fmt.Sprintf("GET /%d", i), true))
	}
	writes := 0
	c.Peer.OnData = func(*conn.Peer) { writes++ }
	c.exchange()
	for i, id := range ids {
		c.wantTold(id, fmt.Sprintf("200 [/%d] end", i))
	}
	if writes != 1 {
		t.Errorf("%d turns with output", writes)
	}
}

func TestRequestsAreAnsweredInTheOrderTheyAreDone(t *testing.T) {
	var first loop.Event
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/first" {
			r.Loop.Wait(0, &first)
		}
		ok(r)
	})
	c := w.connectH2()
	a, b := c.ask("GET /first", true), c.ask("GET /second", true)
	c.wantTold(b, "200 [/second] end")
	c.wantTold(a, "")
	w.sim.Do(w.loop, func() { first.Set(w.loop) })
	c.exchange()
	c.wantTold(a, "200 [/first] end")
	w.wantLog("GET /second HTTP/2.0 200 7", "GET /first HTTP/2.0 200 6")
}

func TestH2RequestBodies(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connectH2()
	id := c.ask("POST /", false, "content-length: 10")
	c.data(id, "hello", false)
	c.wantTold(id, "")
	c.data(id, "there", true)
	c.wantTold(id, "200 [[hellothere]] end")

	id = c.ask("POST /", false) // of unknown length
	c.data(id, "abc", false)
	c.data(id, "", true)
	c.wantTold(id, "200 [[abc]] end")

	id = c.ask("POST /", false, "expect: 100-continue")
	c.wantTold(id, "100")
	c.data(id, "x", true)
	c.wantTold(id, "200 [[x]] end")

	id = c.ask("POST /", false, "content-length: 3")
	c.data(id, "toolong", false)
	c.wantTold(id, "reset PROTOCOL_ERROR")
	w.wantNoStreams()
	c.wantTold(c.ask("POST /", true), "200 [[]] end") // the others are not disturbed
}

func TestTrailersGoBothWays(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		body, err := readAll(r)
		if err != nil {
			t.Error(err)
		}
		for _, f := range r.Down.RequestTrailers() {
			body += " " + string(f.Name) + "=" + string(f.Value)
		}
		r.Out.AddTrailer([]byte("X-Sum"), []byte("7"))
		stream(r, "one ", body)
	})
	c := w.connectH2()
	id := c.ask("POST /", false)
	c.data(id, "two", false)
	c.trailers(id, "x-a: b")
	c.wantTold(id, "200 [one two x-a=b] {x-sum=7} end")
}

func TestTheClientsCreditComesBackAsItsBodyIsRead(t *testing.T) {
	var read loop.Event
	total := 0
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, &read)
		p := make([]byte, 4096)
		for {
			n, err := r.Down.ReadBody(p)
			total += n
			if err == io.EOF {
				break
			} else if err != nil {
				t.Error(err)
				return
			}
		}
		ok(r)
	})
	c := w.connectH2()
	id := c.ask("POST /up", false)
	body := strings.Repeat("x", 1<<20)
	sent := c.data(id, body, true)
	if sent != 64<<10 {
		t.Errorf("the client may send %d bytes that nobody reads, want http2_body_preread_size", sent)
	}
	if more := c.data(id, body[sent:], true); more != 0 {
		t.Errorf("and %d more", more)
	}
	w.sim.Do(w.loop, func() { read.Set(w.loop) })
	c.exchange()
	for sent < len(body) {
		n := c.data(id, body[sent:], true)
		if n == 0 {
			t.Fatalf("stuck at %d bytes", sent)
		}
		sent += n
	}
	c.wantTold(id, "200 [/up] end")
	if total != len(body) {
		t.Errorf("%d bytes were read", total)
	}
}

func TestASlowClientHoldsBackItsOwnResponseOnly(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 1<<20)
	handed := 0
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) != "/big" {
			ok(r)
			return
		}
		r.Out.Status, r.Out.ContentLength = 200, int64(len(big))
		r.Down.SendHead(r)
		for at := 0; at < len(big); at += 16 << 10 {
			if r.Down.Send(core.Chunk{Mem: big[at : at+16<<10], Last: at+16<<10 == len(big)}) != nil || r.Down.Congested() && r.Down.WaitFlush() != nil {
				return
			}
			handed = at
		}
		r.Down.WaitFlush()
	})
	c := w.connectH2()
	c.hold = true // the default window: 65535 bytes for the stream
	a := c.ask("GET /big", true)
	if handed > 96<<10 {
		t.Errorf("%d bytes were taken from the handler", handed)
	}
	// The connection's window is used up too: heads still pass.
	b := c.ask("HEAD /small", true)
	c.wantTold(b, "200 end")
	c.hold = false
	c.wire.Consumed(c.streams[a], len(c.told[a])-len(" 200 []"))
	c.exchange()
	c.wantTold(a, "200 ["+string(big)+"] end")
	w.wantLog("HEAD /small HTTP/2.0 200 0", "GET /big HTTP/2.0 200 1048576")
}

func TestAClientThatTakesNothingTimesOut(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		if err := reply(r, 200, strings.Repeat("x", 100_000)); err != loop.ErrTimeout {
			t.Errorf("WaitFlush: %v", err)
		}
		r.Aborted, r.LogStatus = true, 408
	})
	c := w.connectH2()
	c.hold = true
	id := c.ask("GET /", true)
	w.advance(59 * time.Second)
	c.told[id] = ""
	c.exchange()
	c.wantTold(id, "")
	w.advance(2 * time.Second)
	c.exchange()
	c.wantTold(id, "reset INTERNAL_ERROR")
	c.wantOpen()
	w.wantNoStreams()
}

func TestASocketThatTakesNothingTimesOut(t *testing.T) {
	var got error
	w := newWorld(t, func(r *core.Request) {
		got = reply(r, 200, strings.Repeat("x", 1<<20))
		r.Aborted = true
	})
	w.server.HTTP2.On = true
	c := newH2(w.connect(), &http2.Options{StreamWindow: 1 << 24, ConnWindow: 1 << 24})
	c.SetWindow(1000)
	c.begin("GET /", true)
	c.Send(c.wire.Output())
	w.sim.Run()
	w.advance(61 * time.Second)
	c.wantClosed()
	if got == nil {
		t.Error("the handler was not told")
	}
	w.wantNoStreams()
	w.wantNoLeak()
}

func TestAResetEndsThatRequestOnly(t *testing.T) {
	left := ""
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/wait" {
			r.Loop.Wait(0, r.Down.Gone())
			left = fmt.Sprint(r.Down.ClientGone())
			r.LogStatus = 499
			return
		}
		ok(r)
	})
	c := w.connectH2()
	id := c.ask("GET /wait", true)
	c.cancel(id)
	if left != "true" {
		t.Errorf("the client has gone: %s", left)
	}
	c.wantTold(c.ask("GET /b", true), "200 [/b] end")
	w.wantLog("GET /wait HTTP/2.0 499 0", "GET /b HTTP/2.0 200 2")

	// One that is reset before it has begun is not served at all.
	id = c.begin("GET /early", true)
	c.wire.Reset(c.streams[id], http2.Cancel)
	c.exchange()
	w.wantLog("GET /early HTTP/2.0 499 0")
	w.wantNoStreams()
}

func TestWhatBreaksAStreamIsLogged(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, r.Down.Gone())
		r.LogStatus = 499
	})
	c := w.connectH2()
	id := c.ask("GET /wait", true)
	c.Send([]byte{0, 0, 4, 8, 0, 0, 0, 0, byte(id), 0, 0, 0, 0}) // WINDOW_UPDATE by nothing
	w.sim.Run()
	c.exchange()
	c.wantTold(id, "reset PROTOCOL_ERROR")
	w.wantLog("GET /wait HTTP/2.0 499 0")
	const why = "client sent WINDOW_UPDATE frame with incorrect window increment 0 while processing HTTP/2 connection"
	if len(w.errors) != 1 || w.errors[0] != why {
		t.Errorf("%q", w.errors)
	}
}

func TestAConnectionThatBreaksEndsAllItsRequests(t *testing.T) {
	ended := 0
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, r.Down.Gone())
		ended++
		if err := reply(r, 200, "x"); err == nil {
			t.Error("an answer could be sent")
		}
		r.Aborted = true
	})
	c := w.connectH2()
	c.ask("GET /1", true)
	c.ask("GET /2", true)
	c.Close()
	w.sim.Run()
	if ended != 2 {
		t.Errorf("%d requests have ended", ended)
	}
	w.wantNoStreams()
	w.wantNoLeak()
}

func TestAPanicEndsItsStreamOnly(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/panic" {
			panic("a bug")
		}
		ok(r)
	})
	var logged string
	w.sim.Log = func(msg string) { logged += msg }
	c := w.connectH2()
	id := c.ask("GET /panic", true)
	c.wantTold(id, "reset INTERNAL_ERROR")
	c.wantTold(c.ask("GET /b", true), "200 [/b] end")
	if !strings.Contains(logged, "a bug") {
		t.Errorf("logged: %q", logged)
	}
	w.wantNoStreams()
}

func TestAnAnswerThatIsCutShortIsReset(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Out.Status = 200
		if string(r.Head.Path) == "/length" {
			r.Out.ContentLength = 100
		}
		r.Down.SendHead(r)
		r.Down.Send(core.Chunk{Mem: []byte("half"), Flush: true})
		r.Aborted = true
	})
	c := w.connectH2()
	c.wantTold(c.ask("GET /", true), "200 [half] reset INTERNAL_ERROR")
	c.wantTold(c.ask("GET /length", true), "200 [half] reset INTERNAL_ERROR")
}

func TestAnAnswerBeforeTheEndOfTheRequestIsNotFollowedByAResetAtOnce(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connectH2()
	id := c.ask("POST /a", false)
	c.wantTold(id, "200 [/a] end")
	c.data(id, "the rest", true)
	c.wantTold(id, "")

	id = c.ask("POST /b", false)
	c.wantTold(id, "200 [/b] end")
	w.advance(time.Second)
	c.exchange()
	c.wantTold(id, "reset NO_ERROR")
	w.wantNoStreams()

	w.set.LingeringClose = core.LingeringOff
	c.wantTold(c.ask("POST /c", false), "200 [/c] end reset NO_ERROR")
}

func TestKeepaliveRequestsIsTheLastStreamOfGOAWAY(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveRequests = 2
	c := w.connectH2()
	c.wantTold(c.ask("GET /1", true), "200 [/1] end")
	c.wantGoAway("")
	c.wantTold(c.ask("GET /2", true), "200 [/2] end")
	c.wantGoAway("3 NO_ERROR")
	c.wantLingering()
	w.advance(5 * time.Second)
	c.wantClosed()
	w.wantNoLeak()
}

func TestWithoutKeepaliveOneRequestIsServed(t *testing.T) {
	w := newWorld(t, ok)
	w.set.KeepaliveTimeout.Idle = 0
	w.set.LingeringClose = core.LingeringOff
	c := w.connectH2()
	w.advance(time.Second)
	c.wantOpen()
	c.wantTold(c.ask("GET /", true), "200 [/] end")
	c.wantGoAway("1 NO_ERROR")
	c.wantClosed()
}

func TestKeepaliveTimeLetsRequestsUnderWayFinish(t *testing.T) {
	var release loop.Event
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/slow" {
			r.Loop.Wait(0, &release)
		}
		ok(r)
	})
	w.set.KeepaliveTime = time.Minute
	w.set.LingeringClose = core.LingeringOff
	c := w.connectH2()
	slow := c.ask("GET /slow", true)
	w.advance(61 * time.Second)
	c.wantTold(c.ask("GET /late", true), "200 [/late] end")
	c.wantGoAway("3 NO_ERROR")
	c.wantOpen()
	w.sim.Do(w.loop, func() { release.Set(w.loop) })
	c.exchange()
	c.wantTold(slow, "200 [/slow] end")
	c.wantClosed()
}

func TestAGracefulEndTellsConnectionsOfHTTP2(t *testing.T) {
	var release loop.Event
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, &release)
		ok(r)
	})
	w.set.LingeringClose = core.LingeringOff
	idle, busy := w.connectH2(), w.connectH2()
	id := busy.ask("GET /busy", true)
	w.sim.Do(w.loop, func() { Drain(w.loop) })
	idle.exchange()
	idle.wantGoAway("0 NO_ERROR")
	idle.wantClosed()
	busy.exchange()
	busy.wantGoAway("1 NO_ERROR")
	busy.wantOpen()
	w.sim.Do(w.loop, func() { release.Set(w.loop) })
	busy.exchange()
	busy.wantTold(id, "200 [/busy] end")
	busy.wantClosed()
	w.wantNoLeak()
}

func TestCloseAllEndsRequestsOfHTTP2(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, r.Down.Gone())
		r.Aborted = true
	})
	c := w.connectH2()
	c.ask("GET /", true)
	w.sim.Do(w.loop, func() { CloseAll(w.loop) })
	c.wantClosed()
	w.wantNoStreams()
	w.wantNoLeak()
}

func TestAHalfSentFrameHasClientHeaderTimeout(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connectH2()
	c.begin("GET /", true)
	out := c.wire.Output()
	c.Send(append([]byte(nil), out[:12]...))
	w.sim.Run()
	w.advance(59 * time.Second)
	c.wantOpen()
	w.advance(2 * time.Second)
	c.wantClosed()
	w.wantNoLeak()
}

func TestABrokenClientIsToldAndDisturbsNoOther(t *testing.T) {
	w := newWorld(t, ok)
	c, other := w.connectH2(), w.connectH2()
	c.Send([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0}) // DATA on stream 0
	w.sim.Run()
	c.exchange()
	c.wantGoAway("0 PROTOCOL_ERROR")
	c.wantLingering()
	if len(w.errors) != 1 || !strings.HasPrefix(w.errors[0], "client sent DATA frame") {
		t.Errorf("%q", w.errors)
	}
	other.wantTold(other.ask("GET /b", true), "200 [/b] end")
}

func TestRefusedHeads(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		fields     []string
		log, why   string
	}{
		{"a method in lower case", "get /", nil, " 400 9", `client sent invalid method: "get" while reading client request headers`},
		{"an authority that is not the host", "GET /", []string{"host: b"}, "GET / HTTP/2.0 400 9", `client sent ":authority" and "Host" headers that differ while reading client request headers`},
		{"a second Authorization", "GET /", []string{"authorization: 1", "authorization: 2"}, "GET / HTTP/2.0 400 9",
			`client sent duplicate header line: "authorization: 2", previous value: "authorization: 1" while reading client request headers`},
		{"more than large_client_header_buffers", "GET /", []string{"a: " + strings.Repeat("x", 20_000), "b: " + strings.Repeat("x", 20_000)},
			"GET / HTTP/2.0 494 9", "client sent too large header while reading client request headers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, ok)
			c := w.connectH2()
			id := c.ask(tt.line, true, tt.fields...)
			if got := c.told[id]; !strings.HasSuffix(got, "end") {
				t.Errorf("told %q", got)
			}
			w.wantLog(tt.log)
			if len(w.errors) != 1 || w.errors[0] != tt.why {
				t.Errorf("%q", w.errors)
			}
			c.wantTold(c.ask("GET /b", true, "host: a"), "200 [/b] end")
		})
	}
}

func TestALimitedRateHoldsAStreamBack(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		if string(r.Head.Path) == "/slow" {
			r.Down.SetRate(1000, 0)
		}
		reply(r, 200, strings.Repeat("x", 3000))
	})
	c := w.connectH2()
	slow, quick := c.ask("GET /slow", true), c.ask("GET /quick", true)
	c.wantTold(quick, "200 ["+strings.Repeat("x", 3000)+"] end")
	if n := strings.Count(c.told[slow], "x"); n != 1000 {
		t.Errorf("%d bytes at once", n)
	}
	w.advance(1100 * time.Millisecond)
	c.exchange()
	if n := strings.Count(c.told[slow], "x"); n < 1900 || n > 2100 {
		t.Errorf("%d bytes after a second", n)
	}
	w.advance(1200 * time.Millisecond)
	c.exchange()
	c.wantTold(slow, "200 ["+strings.Repeat("x", 3000)+"] end")
}

func TestPingDoesNotKeepAConnection(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connectH2()
	for range 2 { // 75 s of keepalive_timeout begin with each request's end
		c.wantTold(c.ask("GET /", true), "200 [/] end")
		for range 7 {
			w.advance(10 * time.Second)
			c.wire.Ping([8]byte{})
			c.exchange()
			c.wantOpen()
		}
	}
	w.advance(5*time.Second - time.Millisecond)
	c.wantOpen()
	w.advance(time.Millisecond)
	c.wantClosed()
}

// A stream that waits for credit goes on outside its fiber when that comes, and may be held back by its pace there.
func TestALimitedRateHoldsWhenCreditComes(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Down.SetRate(100_000, 0) // half as much again as the client has windows for
		reply(r, 200, strings.Repeat("x", 300_000))
	})
	w.set.SendTimeout = 10 * time.Second
	c := w.connectH2()
	id := c.ask("GET /", true)
	for second := range 3 {
		if n := strings.Count(c.told[id], "x"); n < 65_000+second*100_000-15_000 {
			t.Errorf("%d bytes after %d s at 100 kB/s", n, second)
		}
		for range 10 {
			w.advance(100 * time.Millisecond)
			c.exchange()
		}
	}
	c.wantTold(id, "200 ["+strings.Repeat("x", 300_000)+"] end")
}

func TestABodyThatDoesNotComeTimesOut(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connectH2()
	id := c.ask("POST /", false, "content-length: 5")
	c.data(id, "abc", false)
	w.advance(61 * time.Second)
	c.exchange()
	c.wantTold(id, "reset INTERNAL_ERROR")
	w.wantLog("POST / HTTP/2.0 408 0")
	c.wantTold(c.ask("POST /", true), "200 [[]] end")
}

func TestInterimAnswersComeFirst(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Down.SendInterim(103, nil)
		ok(r)
	})
	c := w.connectH2()
	c.wantTold(c.ask("GET /", true), "103 200 [/] end")
}

func TestH2StatusCountsRequests(t *testing.T) {
	var release loop.Event
	w := newWorld(t, func(r *core.Request) {
		r.Loop.Wait(0, &release)
		ok(r)
	})
	c, idle := w.connectH2(), w.connectH2()
	c.ask("GET /1", true)
	status := func() Status {
		var s Status
		w.shard.counters.addTo(&s)
		return s
	}
	if got, want := status(), (Status{Accepted: 2, Handled: 2, Requests: 1, Writing: 1, Waiting: 1, Active: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_ = idle
	w.sim.Do(w.loop, func() { release.Set(w.loop) })
	if got, want := status(), (Status{Accepted: 2, Handled: 2, Requests: 1, Waiting: 2, Active: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestH2RequestsAllocateNothing(t *testing.T) {
	w := newWorld(t, ok)
	w.shard.engine.serve = func(r *core.Request, _ *core.Address) { fixed(r) }
	w.set.KeepaliveRequests = 1 << 30
	w.server.HTTP2.On = true
	p := w.connect()
	client := &quietClient{}
	client.wire = http2.NewClient(&http2.Options{}, client)
	const atATime = 32
	round := func() {
		for range atATime {
			s, _ := client.wire.Open(nil, false)
			hw := client.wire.Headers(s)
			hw.Request(methodGet, methodGet, hearth, slash)
			hw.End(true)
		}
		out := client.wire.Output()
		p.Send(out)
		client.wire.Sent(len(out))
		w.sim.Run()
		if err := client.wire.Feed(p.Received(), 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		round()
	}
	// What a round of many requests costs is the fake network's.
	if n := testing.AllocsPerRun(50, round); n > atATime/2 {
		t.Errorf("%v allocations for %d requests", n, atATime)
	}
}

var methodGet, slash = []byte("GET"), []byte("/")
