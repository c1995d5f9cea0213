package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"hearth/internal/core/coretest"
)

// hold keeps the loops from accepting until release is called.
func (w *world) hold() (release func()) {
	busy, end := make(chan bool), make(chan struct{})
	for _, l := range w.server.loops {
		l.Post(func() { busy <- true; <-end })
		<-busy
	}
	return func() { close(end) }
}

// ask connects and sends a request, to be read by nobody yet.
func (w *world) ask(request string) net.Conn {
	w.t.Helper()
	c := w.dial()
	if _, err := io.WriteString(c, request); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) wantAnswer(c net.Conn, body string) {
	w.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		w.t.Errorf("no answer: %v\n%s", err, w.log())
		return
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != body {
		w.t.Errorf("answered %q, %v, want %q", got, err, body)
	}
}

const plainGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestConnectionsInTheQueueAtAGracefulEndAreServed(t *testing.T) {
	w := newWorld(t, answered)
	release := w.hold()
	var clients []net.Conn
	for range 20 {
		clients = append(clients, w.ask(plainGet))
	}
	ended := make(chan struct{})
	go func() { w.server.Quit(nil); close(ended) }()
	release()
	for _, c := range clients {
		w.wantAnswer(c, "ok")
	}
	<-ended
}

func TestConnectionsInTheQueueOfARemovedAddressAreServed(t *testing.T) {
	w := newWorld(t, answered)
	defer func() { w.server.Stop() }()
	removed := w.listen
	w.listen = coretest.FreeAddress(t)
	w.configure(answered)
	w.listen = removed
	release := w.hold()
	var clients []net.Conn
	for range 20 {
		clients = append(clients, w.ask(plainGet))
	}
	release()
	if err := w.server.Reload(); err != nil {
		t.Fatal(err, w.log())
	}
	for _, c := range clients {
		w.wantAnswer(c, "ok")
	}
}

// A kept connection to an address that is no more is closed, since its next request would find a generation that has ended.
// One that was accepted and has sent nothing yet is served one request.
func TestKeptConnectionsToARemovedAddressAreClosed(t *testing.T) {
	w := newWorld(t, answered)
	defer func() { w.server.Stop() }()
	kept, busy := w.ask(plainGet), w.ask("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
	w.wantAnswer(kept, "ok")
	<-w.back.held
	removed := w.listen
	w.listen = coretest.FreeAddress(t)
	w.configure(answered)
	w.listen = removed
	if err := w.server.Reload(); err != nil {
		t.Fatal(err, w.log())
	}
	if n, err := kept.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("the kept connection: %v", err)
	}
	close(w.back.hold)
	w.wantAnswer(busy, "backend /held")
	if n, err := busy.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("the busy connection: %v", err)
	}
	w.server.retiring.Wait()
}
