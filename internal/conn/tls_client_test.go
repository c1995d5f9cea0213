package conn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// tlsClient is a Conn that has connected to a TLS server of the test's: c is at rest, and what the server sends next waits in
// held until it is let through.
type tlsClient struct {
	*testing.T
	sim  *loop.Sim
	c    *Conn
	p    *Peer
	peer *tls.Conn
}

// connected shakes hands. With late tickets, those have arrived but have not been read.
func connected(t *testing.T, server, client *tls.Config) *tlsClient {
	t.Helper()
	sim := loop.NewSim()
	t.Cleanup(sim.Stop)
	c, p := Pair(sim.Loop())
	t.Cleanup(c.Close)
	x := &tlsClient{t, sim, c, p, tls.Server(p.NetConn(sim), server)}
	err := errors.New("not done")
	c.Loop().Go(func() { err = c.ConnectTLS(client, TLSOptions{}) })
	if e := x.peer.Handshake(); e != nil {
		t.Fatal(e, err)
	}
	sim.Run()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *tlsClient) read() (s string, err error) {
	buf := make([]byte, 100)
	x.sim.Do(x.c.Loop(), func() {
		n, e := x.c.TryRead(buf)
		s, err = string(buf[:n]), e
	})
	return s, err
}

// wantPeek runs the loop and looks.
func (x *tlsClient) wantPeek(want error) {
	x.Helper()
	x.sim.Run()
	x.sim.Do(x.c.Loop(), func() {
		if err := x.c.Peek(); err != want {
			x.Errorf("a look says %v, want %v", err, want)
		}
	})
}

// caught is what f has the server send, kept from the Conn.
func (x *tlsClient) caught(f func()) []byte {
	before := x.p.TakeBack()
	f()
	sent := x.p.TakeBack()
	x.p.mem.in = before
	return sent
}

// lateTickets are configurations with which the server sends its tickets after the client's last flight.
func lateTickets(t *testing.T) (server, client *tls.Config) {
	server, client = tlsConfigs(t)
	server.ClientAuth = tls.RequestClientCert
	client.ClientSessionCache = tls.NewLRUClientSessionCache(10)
	return server, client
}

func TestATLSClientReadsAndWrites(t *testing.T) {
	server, client := tlsConfigs(t)
	x := connected(t, server, client)
	if _, err := x.read(); err != ErrAgain {
		t.Error(err, "before anything was sent")
	}
	x.sim.Do(x.c.Loop(), func() { x.c.TryWrite([]byte("question")) })
	buf := make([]byte, 100)
	if n, _ := x.peer.Read(buf); string(buf[:n]) != "question" {
		t.Errorf("%q", buf[:n])
	}
	x.peer.Write([]byte("answer"))
	x.sim.Run()
	if s, err := x.read(); s != "answer" || err != nil {
		t.Error(s, err)
	}
}

func TestTicketsOnAnIdleConnectionAreNoData(t *testing.T) {
	server, client := lateTickets(t)
	x := connected(t, server, client)
	if len(x.p.mem.in) == 0 {
		t.Fatal("the server has sent no tickets")
	}
	x.wantPeek(nil)
	if x.c.Unsettled() {
		t.Error("unsettled")
	}
	again := connected(t, server, client)
	if !again.c.TLS().ConnectionState().DidResume {
		t.Error("the session has not been kept")
	}
}

func TestTicketsBeforeTheFirstAnswerAreNotPartOfIt(t *testing.T) {
	server, client := lateTickets(t)
	x := connected(t, server, client)
	if s, err := x.read(); err != ErrAgain {
		t.Errorf("%q, %v", s, err)
	}
	x = connected(t, server, client)
	x.peer.Write([]byte("answer"))
	x.sim.Run()
	if s, err := x.read(); s != "answer" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	x.wantPeek(nil)
}

func TestDataOnAnIdleTLSConnectionIsUnexpected(t *testing.T) {
	server, client := lateTickets(t)
	x := connected(t, server, client)
	x.peer.Write([]byte("!"))
	x.wantPeek(ErrUnexpected)
}

func TestAGoodbyeEndsAnIdleTLSConnection(t *testing.T) {
	server, client := lateTickets(t)
	x := connected(t, server, client) // with the tickets unread: one event for both
	x.peer.CloseWrite()
	x.wantPeek(io.EOF)

	x = connected(t, server, client)
	x.p.CloseWrite() // the tickets and then the socket's end
	x.wantPeek(io.EOF)

	x = connected(t, server, client)
	x.wantPeek(nil)
	x.p.Reset()
	x.wantPeek(unix.ECONNRESET)
}

func TestPartOfARecordIsNeitherDataNorNothing(t *testing.T) {
	server, client := tlsConfigs(t)
	server.SessionTicketsDisabled = true
	x := connected(t, server, client)
	x.wantPeek(nil)
	record := x.caught(func() { x.peer.Write([]byte("late")) })
	for _, b := range record[:len(record)-1] {
		x.p.Send([]byte{b})
		x.wantPeek(ErrPartial)
		if !x.c.Unsettled() {
			t.Fatal("settled")
		}
	}
	x.p.Send(record[len(record)-1:])
	x.wantPeek(ErrUnexpected)

	server, client = lateTickets(t)
	x = connected(t, server, client)
	tickets := x.p.TakeBack()
	x.p.Send(tickets[:len(tickets)-10])
	x.wantPeek(ErrPartial)
	x.p.Send(tickets[len(tickets)-10:])
	x.wantPeek(nil)
}

func TestACutTLSStreamIsNotAnEndedOne(t *testing.T) {
	server, client := tlsConfigs(t)
	for _, tt := range []struct {
		name string
		end  func(x *tlsClient)
		want error
	}{
		{"goodbye", func(x *tlsClient) { x.peer.CloseWrite(); x.p.Close() }, io.EOF},
		{"cut between records", func(x *tlsClient) { x.p.Close() }, io.ErrUnexpectedEOF},
		{"cut within a record", func(x *tlsClient) {
			x.p.Send(x.caught(func() { x.peer.Write([]byte("lost")) })[:7])
			x.p.Close()
		}, io.ErrUnexpectedEOF},
	} {
		x := connected(t, server, client)
		x.peer.Write([]byte("body"))
		tt.end(x)
		x.sim.Run()
		if s, err := x.read(); s != "body" || err != nil {
			t.Errorf("%s: %q, %v", tt.name, s, err)
		}
		for range 2 {
			if _, err := x.read(); err != tt.want {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
	}
}

func TestBytesBeforeTheHandshakeAreAnError(t *testing.T) {
	_, client := tlsConfigs(t)
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	for _, early := range []bool{true, false} {
		sim := loop.NewSim()
		t.Cleanup(sim.Stop)
		c, p := Pair(sim.Loop())
		if early {
			p.Send([]byte(answer))
			sim.Run()
		}
		var err error
		c.Loop().Go(func() { err = c.ConnectTLS(client, TLSOptions{}) })
		sim.Run()
		if !early {
			p.Send([]byte(answer))
			sim.Run()
		}
		var header tls.RecordHeaderError
		if early && err != ErrUnexpected || !early && !errors.As(err, &header) {
			t.Errorf("early %v: %v", early, err)
		}
		c.Close()
	}
}

func TestAPeerThatClosesInsteadOfShakingHands(t *testing.T) {
	_, client := tlsConfigs(t)
	sim := loop.NewSim()
	t.Cleanup(sim.Stop)
	c, p := Pair(sim.Loop())
	t.Cleanup(c.Close)
	var err error
	c.Loop().Go(func() { err = c.ConnectTLS(client, TLSOptions{Deadline: c.Loop().Now().Add(time.Minute)}) })
	sim.Run()
	p.Close()
	sim.Run()
	if err != io.EOF {
		t.Error(err)
	}
}

func TestALentTLSConnectionIsClosedWithAGoodbye(t *testing.T) {
	server, client := tlsConfigs(t)
	x := connected(t, server, client)
	spare := len(cipherBuffersOf(x.c.Loop()).free)
	x.sim.Do(x.c.Loop(), func() { x.c.OnIdle(quietly{}) })
	x.c.Close() // on no loop's goroutine
	if n := len(cipherBuffersOf(x.c.Loop()).free); n != spare {
		t.Error("the loop's buffers were touched")
	}
	if _, err := x.peer.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

type quietly struct{}

func (quietly) ConnReady(*Conn) {}

func TestATLSConnectionMovesBetweenLoops(t *testing.T) {
	sim := loop.NewSim()
	t.Cleanup(sim.Stop)
	from, to := sim.Loop(), sim.Loop()
	server, client := lateTickets(t)
	c, p := Pair(from)
	t.Cleanup(c.Close)
	from.Go(func() {
		if err := c.ConnectTLS(client, TLSOptions{}); err != nil {
			t.Error(err)
		}
	})
	peer := tls.Server(p.NetConn(sim), server)
	if err := peer.Handshake(); err != nil {
		t.Fatal(err)
	}
	sim.Do(from, func() {
		c.Peek()
		c.OnIdle(quietly{})
	})
	sim.Do(to, func() {
		if err := c.Move(to); err != nil {
			t.Error(err)
		}
		c.OnIdle(nil)
		c.TryWrite([]byte("from there"))
		if n := len(cipherBuffersOf(to).free); n != 1 {
			t.Errorf("%d buffers of the new loop", n)
		}
	})
	buf := make([]byte, 100)
	if n, err := peer.Read(buf); string(buf[:n]) != "from there" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

func TestRecordsAreFollowedHoweverTheyAreCut(t *testing.T) {
	var stream bytes.Buffer
	ends := map[int]bool{0: true}
	for _, n := range []int{0, 1, 300, 16384, 0, 5} {
		stream.Write([]byte{23, 3, 3, byte(n >> 8), byte(n)})
		stream.Write(make([]byte, n))
		ends[stream.Len()] = true
	}
	all := stream.Bytes()
	for _, most := range []int{1, 3, 7, 100, 20000} {
		var e recordEdge
		for at := 0; at < len(all); {
			n := min(1+rand.IntN(most), len(all)-at)
			e.pass(all[at : at+n])
			if at += n; e.inside() == ends[at] {
				t.Fatalf("cuts of up to %d: inside %v after %d bytes", most, e.inside(), at)
			}
		}
	}
}
