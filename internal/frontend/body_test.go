package frontend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/internal/core"
)

const postEcho = "POST /echo HTTP/1.1\r\n" + host

func TestABodyByItsLength(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connect()
	c.send(postEcho+"Content-Length: 10\r\n\r\n0123", "45678", "9"+get("/next"))
	c.want(head("200 OK", 12, "keep-alive") + "[0123456789]" + head("200 OK", 2, "keep-alive") + "[]")
}

func TestABodyInChunks(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connect()
	c.send(postEcho+"Transfer-Encoding: chunked\r\n\r\n", "4\r\n0123\r", "\n6;x=y\r\n456789\r\n0\r\n", "\r\n"+get("/next"))
	c.want(head("200 OK", 12, "keep-alive") + "[0123456789]" + head("200 OK", 2, "keep-alive") + "[]")
}

func TestLargeChunksPassThroughTheBuffer(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connect()
	body := strings.Repeat("0123456789abcdef", 5000)
	c.send(postEcho+"Transfer-Encoding: chunked\r\n\r\n", "13880\r\n"+body+"\r\n0\r\n\r\n")
	c.want(head("200 OK", len(body)+2, "keep-alive") + "[" + body + "]")
}

func TestTrailersOfARequest(t *testing.T) {
	var got []string
	w := newWorld(t, func(r *core.Request) {
		readAll(r)
		for _, f := range r.Down.RequestTrailers() {
			got = append(got, string(f.Name)+"="+string(f.Value))
		}
		reply(r, 200, "")
	})
	c := w.connect()
	c.send(postEcho + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n")
	if len(got) != 1 || got[0] != "X-Sum=7" {
		t.Errorf("trailers %v", got)
	}
	c.want(head("200 OK", 0, "keep-alive"))
}

func TestMalformedChunksAreAnsweredAndTheConnectionClosed(t *testing.T) {
	for _, bad := range []string{"zz\r\n", "4\n0123\r\n0\r\n\r\n", "4\r\n01234\r\n0\r\n\r\n", "-1\r\n", "fffffffffffffffff\r\n", " 4\r\n"} {
		w := newWorld(t, echo)
		c := w.connect()
		c.send(postEcho + "Transfer-Encoding: chunked\r\n\r\n" + bad + get("/smuggled"))
		c.want(head("400 Bad Request", 8, "close") + "bad body")
		c.wantLingering()
		w.wantLog("POST /echo HTTP/1.1 400 8")
	}
}

func TestTheTimeBetweenTwoPartsOfABodyIsBounded(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connect()
	c.send(postEcho + "Content-Length: 10\r\n\r\n0")
	for range 3 {
		w.advance(59 * time.Second)
		c.send("1")
	}
	w.advance(60 * time.Second)
	c.wantClosed()
	c.wantNothing()
	w.wantLog("POST /echo HTTP/1.1 408 0")
	w.wantNoLeak()
}

func TestAClientThatClosesInItsBodyGetsNoAnswer(t *testing.T) {
	for _, framing := range []string{"Content-Length: 10\r\n\r\n012", "Transfer-Encoding: chunked\r\n\r\n5\r\n012"} {
		w := newWorld(t, echo)
		c := w.connect()
		c.send(postEcho + framing)
		c.CloseWrite()
		w.sim.Run()
		c.wantClosed()
		c.wantNothing()
		w.wantLog("POST /echo HTTP/1.1 400 0")
		w.wantNoLeak()
	}
}

func TestExpectContinueIsAnsweredWhenTheBodyIsWanted(t *testing.T) {
	w := newWorld(t, echo)
	c := w.connect()
	c.send(postEcho + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	c.want("HTTP/1.1 100 Continue\n\n")
	c.send("abc")
	c.want(head("200 OK", 5, "keep-alive") + "[abc]")
	w.wantLog("POST /echo HTTP/1.1 200 5")
}

// "A server that responds with a final status code instead of reading the entire request content SHOULD indicate whether it
// intends to close the connection [...] or continue reading the request content." (RFC 9110, 10.1.1)
func TestExpectContinueIsNotAnsweredWhenTheBodyIsNotWanted(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send("POST /no HTTP/1.1\r\n" + host + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	c.want(head("200 OK", 3, "close") + "/no")
	c.send("GET") // the body, or a request: it does not matter any more
	c.wantLingering()
	c.Close()
	w.sim.Run()
	w.wantNoLeak()
}

func TestAnUnreadBodyIsDrainedBeforeTheNextRequest(t *testing.T) {
	for _, body := range []string{
		"Content-Length: 20\r\n\r\nGET /smuggled HTTP/1",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n",
	} {
		w := newWorld(t, ok)
		c := w.connect()
		split := len(body) - 4
		c.send("POST /one HTTP/1.1\r\n" + host + body[:split])
		c.want(head("200 OK", 4, "keep-alive") + "/one")
		c.send(body[split:] + get("/two"))
		c.want(head("200 OK", 4, "keep-alive") + "/two")
	}
}

func TestABodyThatDoesNotComeInTimeEndsTheConnection(t *testing.T) {
	w := newWorld(t, ok)
	c := w.connect()
	c.send("POST /one HTTP/1.1\r\n" + host + "Content-Length: 100\r\n\r\n")
	c.want(head("200 OK", 4, "keep-alive") + "/one")
	for range 7 { // each part in time, but lingering_time is 30s in all
		w.advance(4 * time.Second)
		c.send("x")
		if c.Ended() {
			t.Fatal("ended early")
		}
	}
	w.advance(2 * time.Second)
	c.wantLingering()
}

func TestAnEarlyAnswerReachesAClientThatIsStillSending(t *testing.T) {
	w := newWorld(t, func(r *core.Request) {
		r.Down.NoKeepAlive()
		reply(r, 413, "too much")
	})
	c := w.connect()
	c.send("POST / HTTP/1.1\r\n" + host + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 20000))
	c.want(head("413 Request Entity Too Large", 8, "close") + "too much")
	c.wantLingering()
	c.send(strings.Repeat("x", 100000))
	c.wantLingering()
	c.Close()
	w.sim.Run()
	c.wantClosed()
	w.wantNoLeak()
}

func TestTheLengthOfARequestIsCounted(t *testing.T) {
	var length int64
	w := newWorld(t, func(r *core.Request) { echo(r); length = r.Length })
	for _, tt := range []string{
		get("/"),
		postEcho + "Content-Length: 3\r\n\r\nabc",
		postEcho + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		c := w.connect()
		c.send(tt)
		if length != int64(len(tt)) {
			t.Errorf("length %d of %q, want %d", length, tt, len(tt))
		}
	}
}

func TestWhatIsAheadOfABodyIsItsRestOrThatOfTheChunk(t *testing.T) {
	var left []int64
	w := newWorld(t, func(r *core.Request) {
		left = append(left, r.Down.BodyAhead())
		r.Down.ReadBody(make([]byte, 2))
		left = append(left, r.Down.BodyAhead())
		readAll(r)
		left = append(left, r.Down.BodyAhead())
		reply(r, 200, "")
	})
	c := w.connect()
	c.send(postEcho+"Content-Length: 5\r\n\r\nabcde", postEcho+"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
	if want := []int64{5, 3, 0, 0, 3, 0}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
