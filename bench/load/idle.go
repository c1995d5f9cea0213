package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Idle holds client connections that have served one request each and wait for the next.
type Idle struct {
	addr  string
	conns []net.Conn
}

// openers is how many connections are being opened at once, so that neither the proxy's backlog
// overflows nor its upstream pool becomes part of what is measured.
const openers = 16

// OpenIdle opens n connections, over TLS if secure, and sends a GET for path on each.
func OpenIdle(ctx context.Context, addr string, secure bool, path string, n int) (*Idle, error) {
	idle := &Idle{addr: addr, conns: make([]net.Conn, n)}
	err := idle.each(func(i int) (err error) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if idle.conns[i], err = dial(addr, secure); err != nil {
			return err
		}
		return get(idle.conns[i], path)
	})
	if err != nil {
		idle.Close()
		return nil, err
	}
	return idle, nil
}

// Check sends another request on each connection: all of them must still be served.
func (idle *Idle) Check(path string) error {
	return idle.each(func(i int) error { return get(idle.conns[i], path) })
}

// Close closes them all.
func (idle *Idle) Close() {
	for _, c := range idle.conns {
		if c != nil {
			c.Close()
		}
	}
}

// each calls do for every connection's index, openers at a time, and returns one of the errors.
func (idle *Idle) each(do func(i int) error) error {
	var group sync.WaitGroup
	failed := make([]error, openers)
	for o := range openers {
		group.Go(func() {
			for i := o; i < len(idle.conns) && failed[o] == nil; i += openers {
				if err := do(i); err != nil {
					failed[o] = fmt.Errorf("connection %d of %d: %w", i+1, len(idle.conns), err)
				}
			}
		})
	}
	group.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// get sends one request on c and reads the answer, after which the connection must stay open. The reader
// is thrown away with its buffer: nothing may follow the answer.
func get(c net.Conn, path string) error {
	c.SetDeadline(time.Now().Add(requestTimeout))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path); err != nil {
		return err
	}
	status, _, closing, err := readAnswer(bufio.NewReaderSize(c, 1<<10))
	switch {
	case err != nil:
		return err
	case status >= 400:
		return statusError(status)
	case closing:
		return fmt.Errorf("the proxy closes the connection")
	}
	return nil
}
