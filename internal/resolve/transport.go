package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
)

// Transport carries a query to a name server. It blocks until there is an answer or ctx ends, on an ordinary goroutine.
type Transport interface {
	// Exchange sends the query and hands each message that comes back to accept, until accept is content.
	Exchange(ctx context.Context, server netip.AddrPort, tcp bool, query []byte, accept func(msg []byte) bool) error
}

// Net is the network: UDP from a fresh port for each query, so that its number is as hard to guess as its ID
// (RFC 5452), and TCP.
var Net Transport = network{}

type network struct{}

// maxMessage is the longest DNS message there can be.
const maxMessage = 1<<16 - 1

// Exchange implements Transport. The socket is connected, so the kernel drops what other addresses send.
func (network) Exchange(ctx context.Context, server netip.AddrPort, tcp bool, query []byte, accept func([]byte) bool) error {
	kind := "udp"
	if tcp {
		kind = "tcp"
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, kind, server.String())
	if err != nil {
		return err
	}
	defer c.Close()
	// A context that ends unblocks the read.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if tcp {
		err = overTCP(c, query, accept)
	} else {
		err = overUDP(c, query, accept)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func overUDP(c net.Conn, query []byte, accept func([]byte) bool) error {
	if _, err := c.Write(query); err != nil {
		return err
	}
	buf := make([]byte, maxMessage)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if accept(buf[:n]) {
			return nil
		}
	}
}

var errUnacceptable = errors.New("unacceptable answer")

// overTCP puts two bytes of length before each message (RFC 1035 4.2.2).
func overTCP(c net.Conn, query []byte, accept func([]byte) bool) error {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, len(query)+2), uint16(len(query)))
	if _, err := c.Write(append(framed, query...)); err != nil {
		return err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return err
	}
	msg := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, msg); err != nil {
		return err
	}
	if !accept(msg) {
		return errUnacceptable
	}
	return nil
}
