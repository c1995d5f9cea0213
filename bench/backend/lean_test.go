package backend

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// Requests are answered however they are cut into segments, and counted.
func TestLeanAnswersEveryRequest(t *testing.T) {
	b := &counting{Behaviour: Behaviour{Lean: true}, seen: map[string]bool{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go b.serveLean(ln.(*net.TCPListener)) // until the test's process ends
	const request = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n"
	for cut := range len(request) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(c, request[:cut])
		fmt.Fprint(c, request[cut:]+request)
		got := make([]byte, 2*len(leanAnswer))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, append(leanAnswer[:len(leanAnswer):len(leanAnswer)], leanAnswer...)) {
			t.Fatalf("cut at %d: %q, %v", cut, got, err)
		}
		c.Close()
	}
	runtime.GC() // it must not wait for the loop
	n := int64(len(request))
	for end := time.Now().Add(10 * time.Second); b.stats().Open != 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if s := b.stats(); s.Accepted != n || s.Requests != 2*n || s.Open != 0 || s.ClosedByPeer != n {
		t.Errorf("%d connections: %+v", n, s)
	}
}

func TestAHeadsEndIsFoundAcrossReads(t *testing.T) {
	for _, pieces := range [][]string{
		{"a\r\n\r\n"}, {"a\r", "\n\r", "\n"}, {"a\r\n\r", "\nb"}, {"\r", "\n", "\r", "\n"}, {"a\r\n\r\r\n", "\r", "\n"},
	} {
		h, n := partialHead{}, 0
		for _, p := range pieces {
			n += h.complete(append(h.bytes[:h.len:h.len], p...))
		}
		if n != 1 {
			t.Errorf("%q: %d heads", pieces, n)
		}
	}
	if n := (&partialHead{}).complete([]byte("a\r\n\r\nb\r\n\r\n\r\n\r")); n != 2 {
		t.Errorf("%d heads of two", n)
	}
}
