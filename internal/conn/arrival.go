package conn

import "hearth/internal/loop"

// Arrival is a read that the loop makes as soon as something comes, before any fiber of that turn runs, for one that waits for
// a message. Whoever waits keeps it, for many reads.
//
// So the messages of a turn are received one right after the other, as the outbox sends them: a system call costs the more,
// the more of the processor's caches other work has taken since the last one. Measured with small proxied requests from 64
// clients: 0.5 to 1 % of all CPU time, the kernel's included. The pieces of a long message are better read when they are used,
// or one would drive out the other.
type Arrival struct {
	into []byte
	n    int
	err  error
	done loop.Event // something has been read, be it the end or an error
	slot idleSlot   // this, watching
}

// Read waits for what comes next on c, which nobody watches or reads from meanwhile, after a TryRead that said ErrAgain. It
// returns what TryRead into p, which is not empty, would have. ErrAgain: something else may have happened, that is `or`, which
// may be nil, or what makes a TryRead fail without anything having come. Other errors are those of loop.Wait.
func (a *Arrival) Read(c *Conn, p []byte, deadline loop.Instant, or *loop.Event) (int, error) {
	a.slot.handler, a.slot.watches = a, true
	a.into, a.n, a.err = p, 0, ErrAgain
	former := c.idle.Load()
	c.idle.Store(&a.slot)
	waited := c.loop.Wait(deadline, &a.done, &c.readable, or)
	c.idle.Store(former)
	a.done.Clear()
	n, err := a.n, a.err
	a.into, a.err = nil, nil
	if waited != nil {
		return n, waited
	}
	return n, err
}

// ConnReady reads. A report may have nothing behind it, like one of a TLS record's beginning.
func (a *Arrival) ConnReady(c *Conn) {
	if a.done.IsSet() {
		return
	}
	if a.n, a.err = c.TryRead(a.into); a.err != ErrAgain {
		a.done.Set(c.loop)
	}
}
