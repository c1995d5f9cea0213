package conn

import (
	"crypto/tls"
	"io"
)

// ConnectTLS makes the connection a TLS client's. It is called in a fiber, waits for the handshake, and on an error the
// connection can only be closed: io.EOF if the peer closed it, loop.ErrTimeout, the socket's error, or what crypto/tls says. From
// then on reads and writes are of what is inside the TLS stream.
//
// A peer that has sent something before it was greeted does not speak TLS, or somebody speaks in its place: that is
// ErrUnexpected. What comes during the handshake only crypto/tls sees, so nothing of it can be taken for an answer.
//
// Unlike a server's, a client's reads tell a stream that was cut from one that was ended: without the peer's close_notify
// they say io.ErrUnexpectedEOF, so that who reads a body that ends with the connection knows whether it is whole
// (RFC 8446, section 6.1; RFC 9112, section 9.8).
func (c *Conn) ConnectTLS(config *tls.Config, o TLSOptions) error {
	if c.readable.IsSet() {
		if err := c.Peek(); err != nil {
			return err
		}
	}
	s := c.secure(o)
	s.tls = tls.Client(s, config)
	return s.handshake()
}

// endOf is what a read says of an error of crypto/tls.
func (s *secure) endOf(err error) error {
	switch {
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return err
	case s.server || !s.ended:
		return io.EOF
	}
	return io.ErrUnexpectedEOF
}

// peek is Peek. It reads as any read does, so tickets are kept and key updates answered, and then knows what is left.
//
// It does not believe that the socket is empty: whoever looks may do so because the poller has not come round yet. And it
// reads until the socket says so: a ticket and the end right behind it are one event.
func (s *secure) peek() error {
	s.dry, s.looking = false, true
	var one [1]byte
	n, err := s.tls.Read(one[:])
	s.looking = false
	if s.pending() {
		s.flush()
	}
	switch {
	case n > 0:
		return ErrUnexpected
	case err == errNothing:
		s.conn.readable.Clear()
		s.records.used()
		if s.records.inside() {
			return ErrPartial
		}
		return nil
	case err == io.ErrUnexpectedEOF:
		return io.EOF
	}
	return err
}

// Unsettled tells of a connection that is to be looked at, with Peek, before it is believed to be quiet: something has been
// reported, or TLS holds a part of a record.
func (c *Conn) Unsettled() bool {
	return c.readable.IsSet() || c.tls != nil && c.tls.records.inside()
}

// recordEdge follows the lengths of TLS records (RFC 8446, section 5.1) as their bytes pass, to know whether the last one is
// whole. crypto/tls would know, but does not tell.
type recordEdge struct {
	begun  int // records since all that had come was known to be read
	left   int // bytes of the record to come; known once it has five bytes of a header
	header int // bytes of a header that have passed, 0 to 4
	length int // its last two bytes
}

const recordHeader = 5

func (e *recordEdge) inside() bool { return e.left > 0 || e.header > 0 }

// one: exactly one record has come since used, and it is whole. So a read that got something of it, and less than it had room
// for, has left nothing.
func (e *recordEdge) one() bool { return e.begun == 1 && !e.inside() }

// used notes that all whole records have been read.
func (e *recordEdge) used() {
	e.begun = 0
	if e.inside() {
		e.begun = 1
	}
}

func (e *recordEdge) pass(p []byte) {
	for len(p) > 0 {
		if e.left >= len(p) {
			e.left -= len(p)
			return
		}
		p = p[e.left:]
		e.left = 0
		if e.header == 0 && len(p) >= recordHeader {
			e.left = int(p[3])<<8 | int(p[4])
			e.begun++
			p = p[recordHeader:]
			continue
		}
		e.length = e.length<<8 | int(p[0])
		p = p[1:]
		if e.header == 0 {
			e.begun++
		}
		if e.header++; e.header == recordHeader {
			e.left, e.header = e.length&0xffff, 0
		}
	}
}
