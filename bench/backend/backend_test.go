package backend

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestParseStubStatus(t *testing.T) {
	got, err := parseStubStatus("Active connections: 291 \nserver accepts handled requests\n 16630948 16630947 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Stats{Open: 291, Accepted: 16630948, Requests: 31070465}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := parseStubStatus("<html>404</html>"); err == nil {
		t.Error("another page is no error")
	}
}

// dial starts a counting backend inside the test and connects to it.
func dial(t *testing.T, how Behaviour) (*counting, net.Conn) {
	t.Helper()
	b := &counting{Behaviour: how, seen: map[string]bool{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go b.accept(ln)
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return b, c
}

// wantAnswer reads one answer.
func wantAnswer(t *testing.T, c net.Conn) {
	t.Helper()
	got := make([]byte, len(answer))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, answer) {
		t.Fatalf("got %q, %v", got, err)
	}
}

func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatalf("got %d bytes, %v, want the connection closed", n, err)
	}
}

func TestBodiesAreReadWhateverTheirFraming(t *testing.T) {
	b, c := dial(t, Behaviour{})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst",
		"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\nTrailer: x\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
	} {
		fmt.Fprint(c, request)
		wantAnswer(t, c)
	}
	s := b.stats()
	if s.Requests != 4 || s.Bytes != 11 || s.Accepted != 1 || s.PeakRequests != 1 || s.Open != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestRepeatedIDsAreCounted(t *testing.T) {
	b, c := dial(t, Behaviour{})
	for _, id := range []string{"1", "2", "1", "1"} {
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nX-Bench-Id: %s\r\n\r\n", id)
		wantAnswer(t, c)
	}
	if s := b.stats(); s.Repeated != 2 {
		t.Errorf("%d repeated, want 2", s.Repeated)
	}
}

func TestCloseOnReuseAnswersTheFirstRequestOnly(t *testing.T) {
	b, c := dial(t, Behaviour{CloseOnReuse: true})
	fmt.Fprint(c, "GET / HTTP/1.1\r\nX-Bench-Id: a\r\n\r\n")
	wantAnswer(t, c)
	fmt.Fprint(c, "POST / HTTP/1.1\r\nX-Bench-Id: b\r\nContent-Length: 1\r\n\r\nx")
	wantClosed(t, c)
	if s := b.stats(); s.Requests != 1 || !b.seen["b"] || s.ClosedByPeer != 0 {
		t.Errorf("got %+v, ids %v", s, b.seen)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	b, c := dial(t, Behaviour{Idle: time.Millisecond})
	wantClosed(t, c)
	if s := b.stats(); s.ClosedByPeer != 0 {
		t.Errorf("the backend's own close was counted as the proxy's: %+v", s)
	}
}

func TestAnnouncedCloseIsHonoured(t *testing.T) {
	for _, request := range []string{"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"} {
		_, c := dial(t, Behaviour{})
		fmt.Fprint(c, request)
		wantAnswer(t, c)
		wantClosed(t, c)
	}
}

func TestReadHeadFailsOnAnEarlyEnd(t *testing.T) {
	if _, err := readHead(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost"))); err == nil {
		t.Error("a cut head is no error")
	}
}
