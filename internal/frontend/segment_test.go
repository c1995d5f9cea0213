package frontend

import (
	"fmt"
	"strings"
	"testing"

	"hearth/internal/core"
)

// conversations are what clients send on one connection. Each must mean the same however it is cut into segments.
var conversations = []string{
	get("/a"),
	get("/a") + get("/b") + get("/c"),
	"GET /a HTTP/1.1\nHost: a\n\n" + get("/b"),
	"\r\n\r\n" + get("/a") + "\r\n" + get("/b"),
	"\rA",
	"\r\n\r",
	"GET /old\r\n",
	"GET /old\n",
	"GET /a HTTP/1.0\r\n\r\n" + get("/never"),
	"GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + get("/b"),
	"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" + get("/b"),
	"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get("/b"),
	"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get("/b"),
	"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-T: v\r\n\r\n" + get("/b"),
	"POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + get("/b"),
	"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n" + get("/never"),
	"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok" + get("/b"),
	"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok" + get("/never"),
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get("/never"),
	"GET /a HTTP/1.1\r\nHost : a\r\n\r\n" + get("/never"),
	"GET /a HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
	"GET /a HTTP/3.0\r\nHost: a\r\n\r\n",
	"GET /" + strings.Repeat("u", 8000) + " HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("v", 8000) + "\r\nY: " + strings.Repeat("w", 8000) + "\r\n\r\n" + get("/b"),
	"GET /" + strings.Repeat("u", 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n" + get("/b"),
	"GET /chunked HTTP/1.0\r\n\r\n",
	"GET /half HTTP/1.1\r\nHost: a",
	"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
}

// mixed answers by the request's path.
func mixed(r *core.Request) {
	switch string(r.Head.Path) {
	case "/echo":
		echo(r)
	case "/chunked":
		stream(r, "one", "two")
	default:
		ok(r)
	}
}

// converse plays a conversation cut at the places that cut says, and tells what came of it.
func converse(t *testing.T, sent string, cut func(rest string) int) string {
	w := newWorld(t, mixed)
	c := w.connect()
	for len(sent) > 0 && !c.ConnClosed() {
		n := cut(sent)
		c.send(sent[:n])
		sent = sent[n:]
	}
	if !c.ConnClosed() {
		c.CloseWrite()
		w.sim.Run()
	}
	result := fmt.Sprintf("%s\nlog %q\nerrors %q", c.got(), w.log, w.errors)
	w.advance(w.set.LingeringTimeout)
	w.wantNoLeak()
	w.sim.Stop()
	return result
}

func TestAConversationMeansTheSameHoweverItIsCut(t *testing.T) {
	whole := func(rest string) int { return len(rest) }
	bytewise := func(string) int { return 1 }
	for i, sent := range conversations {
		want := converse(t, sent, whole)
		if got := converse(t, sent, bytewise); got != want {
			t.Errorf("conversation %d, byte by byte:\n%s\nin one piece:\n%s", i, visible(got), visible(want))
		}
		if len(sent) > 1000 {
			continue
		}
		for at := 1; at < len(sent); at++ {
			if got := converse(t, sent, func(rest string) int {
				if len(rest) == len(sent) {
					return at
				}
				return len(rest)
			}); got != want {
				t.Errorf("conversation %d, cut at %d:\n%s\nin one piece:\n%s", i, at, visible(got), visible(want))
				break
			}
		}
	}
}

func FuzzConversation(f *testing.F) {
	for i, sent := range conversations {
		if len(sent) < 1000 {
			f.Add(sent, uint8(i*7))
		}
	}
	f.Fuzz(func(t *testing.T, sent string, step uint8) {
		if len(sent) > 3000 {
			return
		}
		whole := converse(t, sent, func(rest string) int { return len(rest) })
		cut := converse(t, sent, func(rest string) int { return min(len(rest), 1+int(step)%13) })
		if whole != cut {
			t.Fatalf("in one piece:\n%s\ncut:\n%s", visible(whole), visible(cut))
		}
	})
}
