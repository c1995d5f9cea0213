package pool

import (
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// Opener says how connections of one identity are made: for a lease that has to dial, and ahead of need for keepalive_min.
type Opener struct {
	Dialer  conn.Dialer
	Options conn.DialOptions
	Timeout time.Duration // for connect and handshake together; 0 = none
	// Handshake makes the connection ready to carry a request (TLS); nil = nothing to do. It runs in a
	// fiber of the connection's loop.
	Handshake func(c *conn.Conn, deadline loop.Instant) error
	// Carry makes the connection one that several exchanges share, see Group.Open; nil = it carries one at a time.
	Carry func(c *conn.Conn, s *Shared) Carrier
}

// Took is how long it took to make a connection: the connect, and the TLS handshake (0 = none).
type Took struct{ Connect, Handshake time.Duration }

// Open makes a connection, waiting in a fiber of l. On an error nothing is left of it.
func (o *Opener) Open(l *loop.Loop, to conn.Addr) (c *conn.Conn, took Took, err error) {
	began := l.Now()
	var deadline loop.Instant
	if o.Timeout > 0 {
		deadline = began.Add(o.Timeout)
	}
	if c, err = o.Dialer.Dial(l, to, o.Options); err != nil {
		return nil, took, err
	}
	if err = c.WaitConnected(deadline); err == nil {
		took.Connect = l.Now().Sub(began)
		if o.Handshake != nil {
			err = o.Handshake(c, deadline)
			took.Handshake = l.Now().Sub(began) - took.Connect
		}
	}
	if err != nil {
		c.Close()
		return nil, took, err
	}
	return c, took, nil
}
