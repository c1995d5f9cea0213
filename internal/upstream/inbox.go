package upstream

import (
	"hearth/internal/conn"
	"hearth/internal/loop"
)

// Inbox holds bytes read from the backend that have not been used yet. A small buffer of its own serves heads and
// small bodies; for a big body it borrows a large one from its loop, and only while there is something in it, so ten
// thousand exchanges that wait hold none.
type Inbox struct {
	buf      []byte // the one in use: small or a borrowed one
	r, w     int
	small    []byte
	head     int // the first bytes of small hold the response's head, which stays readable until the next try
	borrowed bool
	loop     *loop.Loop
}

const (
	smallInbox = 16 << 10
	largeInbox = 128 << 10
	spareLarge = 16 // large buffers a loop keeps
)

// largeBuffers is a loop's stock of large buffers.
type largeBuffers struct{ free [][]byte }

var larges = loop.NewSeat[largeBuffers]()

// Unread is what has arrived and not been used, a view until the next read.
func (in *Inbox) Unread() []byte { return in.buf[in.r:in.w] }

// Use marks n bytes as used. They stay where they are until the next read.
func (in *Inbox) Use(n int) { in.r += n }

// UseHead marks n bytes as used that are the response's head: they are kept as they are.
func (in *Inbox) UseHead(n int) {
	in.r += n
	in.head = in.r
}

// space is where the next bytes go.
func (in *Inbox) space() []byte { return in.buf[in.w:] }

// floor is where the space for new bytes begins.
func (in *Inbox) floor() int {
	if in.borrowed {
		return 0
	}
	return in.head
}

// prepare makes an empty inbox whose head may be up to headSize long.
func (in *Inbox) prepare(l *loop.Loop, headSize int64) {
	in.drop()
	in.loop = l
	if n := max(smallInbox, int(headSize)); len(in.small) < n {
		in.small = make([]byte, n)
	}
	in.buf, in.r, in.w, in.head = in.small, 0, 0, 0
}

// Full says that no more fits behind what is unread.
func (in *Inbox) Full() bool { return in.w-in.r == len(in.buf)-in.floor() }

// Len is the number of unread bytes.
func (in *Inbox) Len() int { return in.w - in.r }

// read adds what the socket has. It gives conn.ErrAgain when there is nothing.
func (in *Inbox) read(c *conn.Conn) (int, error) {
	if floor := in.floor(); in.r > floor && (in.r == in.w || in.w == len(in.buf)) {
		in.w = floor + copy(in.buf[floor:], in.buf[in.r:in.w])
		in.r = floor
	}
	n, err := c.TryRead(in.space())
	in.w += n
	return n, err
}

// readLarge is read for the middle of a body: when empty, it goes to a large buffer, and gives that back if nothing came.
func (in *Inbox) readLarge(c *conn.Conn) (int, error) {
	if in.r == in.w && !in.borrowed {
		in.borrow()
	}
	n, err := in.read(c)
	if n == 0 && in.r == in.w {
		in.giveBack()
	}
	return n, err
}

func (in *Inbox) borrow() {
	stock := larges.Of(in.loop)
	if n := len(stock.free); n > 0 {
		in.buf, stock.free = stock.free[n-1], stock.free[:n-1]
	} else {
		in.buf = make([]byte, largeInbox)
	}
	in.r, in.w, in.borrowed = 0, 0, true
}

func (in *Inbox) giveBack() {
	if !in.borrowed {
		return
	}
	if stock := larges.Of(in.loop); len(stock.free) < spareLarge {
		stock.free = append(stock.free, in.buf)
	}
	in.borrowed = false
	in.buf, in.r, in.w = in.small, in.head, in.head
}

// drop forgets what is unread.
func (in *Inbox) drop() {
	in.giveBack()
	in.r, in.w = in.head, in.head
}

// tryFill reads what is there without waiting and says whether anything is unread.
func (in *Inbox) tryFill(x *Exchange) bool {
	if n, _ := in.read(x.Conn); n > 0 {
		x.answered = true
	}
	return in.Len() > 0
}
