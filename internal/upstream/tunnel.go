package upstream

import (
	"io"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/pool"
)

// direction is one way of a tunnel. It holds a buffer only while it holds bytes, so an idle WebSocket has none.
type direction struct {
	from, to *conn.Conn
	buf      []byte // nil, or the borrowed buffer
	r, w     int
	eof      bool
	moved    int64
	failed   *conn.Conn // the side that broke, and which call said so
	call     string
}

// tunnel answers 101 and then moves bytes both ways until one side closes (nginx: WebSocket proxying).
func (x *Exchange) tunnel() core.Verdict {
	r := x.R
	if !r.Head.Upgrade {
		r.Error(logs.Error, "upstream sent unexpected 101 response while %s", readingHead)
		x.release(pool.Error)
		x.done(readingHead)
		return 502
	}
	x.copyHead()
	if err := r.SendHead(); err != nil {
		return x.clientLost(err)
	}
	client, early, err := r.Down.Hijack()
	if err != nil {
		return x.clientLost(err)
	}
	x.upgraded = true
	up := direction{from: client, to: x.Conn}
	down := direction{from: x.Conn, to: client}
	up.hold(r.Loop, early)
	down.hold(r.Loop, x.In.Unread())
	x.In.drop()
	defer up.giveBack(r.Loop)
	defer down.giveBack(r.Loop)
	r.Out.ContentLength = -1
	x.pump(&up, &down)
	r.Down.CountSent(down.moved)
	x.attempt().Length = down.moved
	return core.Done
}

// proxying is what a tunnel is doing, as nginx's log has it.
const proxying doing = "proxying upgraded connection"

// pump moves bytes until a side has ended and all it sent is delivered, or nothing has happened for proxy_read_timeout.
func (x *Exchange) pump(up, down *direction) {
	l := x.R.Loop
	for {
		for _, d := range [...]*direction{up, down} {
			if err := d.move(l); err != nil {
				x.broke(d, err)
				return
			}
		}
		if up.finished() || down.finished() {
			return
		}
		var events [2]*loop.Event
		on := down.waits(up.waits(events[:0]))
		if err := l.Wait(deadline(l.Now(), x.Set.ReadTimeout), on...); err != nil {
			x.R.Error(logs.Info, "%s", faultOf(loop.ErrTimeout, proxying, "").cause)
			return
		}
	}
}

// broke logs a side's failure as nginx does: the client's is its own affair.
func (x *Exchange) broke(d *direction, err error) {
	level := logs.Error
	if d.failed != x.Conn {
		level = logs.Info
	}
	x.R.Error(level, "%s", faultOf(err, proxying, d.call).cause)
}

// hold keeps bytes that were read before the tunnel began.
func (d *direction) hold(l *loop.Loop, p []byte) {
	if len(p) == 0 {
		return
	}
	d.borrow(l, len(p))
	d.w = copy(d.buf, p)
}

func (d *direction) borrow(l *loop.Loop, atLeast int) {
	if stock := larges.Of(l); len(stock.free) > 0 && atLeast <= largeInbox {
		last := len(stock.free) - 1
		d.buf, stock.free = stock.free[last], stock.free[:last]
	} else {
		d.buf = make([]byte, max(largeInbox, atLeast))
	}
	d.r, d.w = 0, 0
}

func (d *direction) giveBack(l *loop.Loop) {
	if d.buf == nil {
		return
	}
	if stock := larges.Of(l); len(stock.free) < spareLarge && len(d.buf) == largeInbox {
		stock.free = append(stock.free, d.buf)
	}
	d.buf = nil
}

// move reads what is there and writes what is held.
func (d *direction) move(l *loop.Loop) error {
	if d.r == d.w && !d.eof {
		if d.buf == nil {
			if !d.from.Readable().IsSet() {
				return nil
			}
			d.borrow(l, 0)
		}
		d.r, d.w = 0, 0
		n, err := d.from.TryRead(d.buf)
		d.w = n
		switch err {
		case nil, conn.ErrAgain:
		case io.EOF, io.ErrUnexpectedEOF: // what goes through a tunnel knows its own end, so TLS without a goodbye is none the worse
			d.eof = true
		default:
			d.failed, d.call = d.from, "recv()"
			return err
		}
	}
	if d.r < d.w {
		n, err := d.to.TryWrite(d.buf[d.r:d.w])
		d.r += n
		d.moved += int64(n)
		if err != nil && err != conn.ErrAgain {
			d.failed, d.call = d.to, "send()"
			return err
		}
	}
	if d.r == d.w {
		d.giveBack(l)
	}
	return nil
}

// finished says that nothing more will come this way.
func (d *direction) finished() bool { return d.eof && d.r == d.w }

// waits appends what this way waits for.
func (d *direction) waits(on []*loop.Event) []*loop.Event {
	switch {
	case d.r < d.w:
		return append(on, d.to.Writable())
	case !d.eof:
		return append(on, d.from.Readable())
	}
	return on
}
