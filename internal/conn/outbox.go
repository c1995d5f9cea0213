package conn

import (
	"syscall"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// outbox is what the connections of a loop send soon: whole small messages, copied here, that leave one right after the
// other at the end of the turn, those to backends first since they have work to do before they answer.
//
// A system call for sending costs the more the longer ago the last one was, for it finds the processor's caches full of
// other things, and a process on the other side that it wakes is asleep again before the next message comes. Measured
// with small proxied requests from 64 clients: 15 to 20 % of all CPU time, the kernel's included.
//
// Whatever else is done with a connection sends first what it has here: see settle.
type outbox struct {
	bytes []byte
	items []outgoing
}

// outgoing is one connection's part of the bytes.
type outgoing struct {
	conn     *Conn // nil: sent already, or dropped
	from, to int
}

// A turn's first messages wait for outboxItems others at the most. A message longer than soonBytes costs more to copy.
const (
	outboxItems = 64
	soonBytes   = 4 << 10
)

var outboxes = loop.NewSeat[outbox]()

// TryWriteSoon is TryWrite for a message, or the rest of one, that nothing follows for now. If it is short it leaves at the
// end of the loop's turn, and counts in BytesWritten only then; all of it counts as written here. What the socket does
// not take then, for being full, the connection keeps and sends when there is room, and takes no more until then (as if the
// kernel's buffer were a little larger); it is lost if the connection is closed before. An error shows in the next
// read or write.
func (c *Conn) TryWriteSoon(p []byte) (int, error) {
	if len(p) > soonBytes || len(p) == 0 || c.closed || c.posted != 0 || !c.writable.IsSet() {
		return c.TryWrite(p)
	}
	if c.tls != nil {
		return c.tls.writeSoon(p)
	}
	c.post(p)
	return len(p), nil
}

// post copies p, bytes as they go to the socket, into the loop's outbox. The connection has none there.
func (c *Conn) post(p []byte) {
	b := outboxes.Of(c.loop)
	if len(b.items) == outboxItems {
		b.send()
	}
	if len(b.items) == 0 {
		c.loop.EndOfTurn(b)
	}
	from := len(b.bytes)
	b.bytes = append(b.bytes, p...)
	b.items = append(b.items, outgoing{c, from, len(b.bytes)})
	c.posted = int32(len(b.items))
	c.loop.Charge(len(p))
}

// EndTurn implements loop.TurnEnder.
func (b *outbox) EndTurn() { b.send() }

func (b *outbox) send() {
	for _, toClients := range [...]bool{false, true} {
		for i := range b.items {
			if c := b.items[i].conn; c != nil && c.client == toClients {
				b.sendItem(i)
			}
		}
	}
	b.items, b.bytes = b.items[:0], b.bytes[:0]
}

func (b *outbox) sendItem(i int) {
	item := &b.items[i]
	c := item.conn
	item.conn, c.posted = nil, 0
	c.push(b.bytes[item.from:item.to])
}

// Posted tells whether something that was written has not been sent yet.
func (c *Conn) Posted() bool { return c.posted != 0 || c.backlog != nil }

// settle sends at once what waits for the end of the turn.
func (c *Conn) settle() {
	if c.posted != 0 {
		outboxes.Of(c.loop).sendItem(int(c.posted) - 1)
	}
}

// dropPosted forgets it.
func (c *Conn) dropPosted() {
	if c.posted != 0 {
		outboxes.Of(c.loop).items[c.posted-1].conn = nil
		c.posted = 0
	}
}

// backlog is what became of a message that was to leave soon, where it was not simply sent.
type backlog struct {
	bytes []byte        // not taken yet
	err   syscall.Errno // it could not be sent
}

// push sends p, and keeps what is not taken.
func (c *Conn) push(p []byte) {
	n, errno := c.send(p)
	if errno == unix.EAGAIN {
		n, errno = 0, 0
	}
	if errno != 0 {
		c.backlog = &backlog{err: errno}
		if !c.handle.IsLent() { // whoever waits finds out; an idle connection's handler is told by the poller
			c.mark(loop.Failed)
		}
		return
	}
	c.BytesWritten += int64(n)
	if n == len(p) {
		c.backlog = nil
		return
	}
	c.backlog = &backlog{bytes: append([]byte(nil), p[n:]...)}
	if s := c.idle.Load(); s != nil && c.handle.IsLent() {
		c.idle.Store(&idleSlot{handler: s.handler, backlog: true})
	}
	c.full()
}

// pushBacklog goes on with it, there being room again. False: it is not done yet.
func (c *Conn) pushBacklog() bool {
	if b := c.backlog; b != nil && b.err == 0 {
		c.push(b.bytes)
	}
	return c.backlog == nil || c.backlog.err != 0
}

// sendError is why a message could not be sent, for a read that found nothing else; EPIPE says no more than the end does that
// the read has found, or will find.
func (c *Conn) sendError() syscall.Errno {
	if c.backlog == nil || c.backlog.err == unix.EPIPE {
		return 0
	}
	return c.backlog.err
}
