package pool_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// newTLSServer is a backend that sends its tickets after the client's last flight, as OpenSSL does.
func newTLSServer(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
}

// secured is a lease whose connection has just become a TLS connection, and the backend's side of it. The backend's tickets are
// held back.
func secured(t *testing.T, w *world) (e *exchange, backend *tls.Conn, tickets []byte) {
	e = w.request()
	if e.Reused {
		t.Fatal("reused")
	}
	e.loop.Go(func() {
		if err := e.conn.ConnectTLS(&tls.Config{InsecureSkipVerify: true}, conn.TLSOptions{}); err != nil {
			t.Error(err)
		}
	})
	p := w.peers[e.conn]
	backend = tls.Server(p.NetConn(w.sim), newTLSServer(t))
	if err := backend.Handshake(); err != nil {
		t.Fatal(err)
	}
	w.sim.Run()
	return e, backend, p.TakeBack()
}

// arrives has bytes of the TLS stream arrive at the exchange's connection.
func (e *exchange) arrives(b []byte) {
	e.peers[e.conn].Send(b)
	e.sim.Run()
}

// sent is what f has the backend send, kept from the connection.
func (e *exchange) sent(f func()) []byte {
	f()
	return e.peers[e.conn].TakeBack()
}

// RFC 8446, section 4.6.1: "At any time after the server has received the client Finished message, it MAY send a
// NewSessionTicket message." So it says nothing about the next request's answer.
func TestTicketsOnAnIdleConnectionDoNotEndIt(t *testing.T) {
	w := newWorld(t, usual)
	e, _, tickets := secured(t, w)
	e.released()
	e.arrives(tickets)
	w.wantIdle(1)
	w.request().wantReused(e).released()
	w.wantNoneClosed()
}

func TestTicketsMayComeWithTheReturn(t *testing.T) {
	w := newWorld(t, usual)
	e, _, tickets := secured(t, w)
	e.arrives(tickets) // and the exchange does not read them
	e.released()
	w.wantIdle(1)
	w.request().wantReused(e).released()
}

func TestTicketsInPartsDoNotEndAnIdleConnection(t *testing.T) {
	w := newWorld(t, usual)
	e, _, tickets := secured(t, w)
	e.released()
	for _, b := range tickets {
		e.arrives([]byte{b})
	}
	w.wantIdle(1)
	w.request().wantReused(e).released()
}

// A connection is not lent while nobody knows what a record that has begun to arrive will be.
func TestAConnectionWithPartOfARecordIsNotLent(t *testing.T) {
	for _, when := range []string{"before the return", "while idle"} {
		w := newWorld(t, usual)
		e, backend, _ := secured(t, w)
		stray := e.sent(func() { backend.Write([]byte("HTTP/1.1 200 OK")) })
		if when == "while idle" {
			e.released()
			e.arrives(stray[:10])
		} else {
			e.arrives(stray[:10])
			e.released()
		}
		w.wantIdle(1)
		w.request().wantDialled(pool.Raced).released()
		w.wantClosed(pool.UnexpectedData)
	}
}

func TestDataOnAnIdleTLSConnectionEndsIt(t *testing.T) {
	w := newWorld(t, usual)
	e, backend, tickets := secured(t, w)
	stray := e.sent(func() { backend.Write([]byte("HTTP/1.1 200 OK")) })
	e.released()
	e.arrives(append(tickets, stray[:10]...))
	w.wantIdle(1)
	e.arrives(stray[10:])
	w.wantIdle(0)
	w.wantClosed(pool.UnexpectedData)
}

func TestAGoodbyeEndsAnIdleTLSConnection(t *testing.T) {
	w := newWorld(t, usual)
	e, backend, tickets := secured(t, w)
	goodbye := e.sent(func() { backend.CloseWrite() })
	e.released()
	e.arrives(append(tickets, goodbye...))
	w.wantClosed(pool.UpstreamEOF)

	e, _, tickets = secured(t, w)
	e.released()
	p := w.peers[e.conn]
	p.Send(tickets) // and the socket's end, in one event
	p.Close()
	w.sim.Run()
	w.wantClosed(pool.UpstreamEOF)
}

func TestATLSConnectionServesAnotherLoop(t *testing.T) {
	w := newWorld(t, usual)
	e, backend, tickets := secured(t, w)
	e.released()
	w.peers[e.conn].Send(tickets) // unread when it moves
	taken := w.requestOn(1).wantReused(e)
	w.sim.Do(taken.loop, func() { taken.conn.TryWrite([]byte("question")) })
	buf := make([]byte, 20)
	if n, err := backend.Read(buf); string(buf[:n]) != "question" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	taken.released()
	w.wantNoneClosed()
}

// "keepalive_min N: idle connections kept ready per peer, dialled and TLS-handshaken ahead of need"
func TestTheTimeForAConnectionIncludesTheHandshake(t *testing.T) {
	w := newWorld(t, minOf(1))
	var until loop.Instant
	w.keepsWarm(pool.Opener{Timeout: 3 * time.Second, Handshake: func(c *conn.Conn, deadline loop.Instant) error {
		until = deadline
		return c.Loop().Wait(deadline, c.Readable()) // the backend says nothing
	}})
	if want := w.sim.Now().Add(3 * time.Second); until != want {
		t.Errorf("the handshake has until %v, want %v", until, want)
	}
	w.advance(3 * time.Second)
	if n := w.stats().DialsFailed; n != 1 {
		t.Errorf("%d failed", n)
	}
	w.wantIdle(0)
}
