package streams

import "hearth/internal/loop"

// body is what has come of a response and has not been taken: at most what the stream's window lets the backend send, in
// pieces from the loop's stock. A stream that holds no bytes holds no piece.
type body struct {
	first, last *piece
	out         *piece // handed out by next, until the following call
	stock       *stock
}

// pieceSize is that of the largest DATA frame that we allow, so that one frame fits into one piece.
const pieceSize = 16 << 10

type piece struct {
	next *piece
	r, w int
	b    [pieceSize]byte
}

// stock is a loop's spare pieces and streams.
type stock struct {
	pieces  *piece
	n       int
	streams []*stream
	scratch []byte // to read into: what is read is fed to the wire at once
}

// spare is how many pieces a loop keeps.
const spare = 64

var stocks = loop.NewSeat[stock]()

func (st *stock) take() *piece {
	p := st.pieces
	if p == nil {
		return new(piece)
	}
	st.pieces = p.next
	st.n--
	p.next, p.r, p.w = nil, 0, 0
	return p
}

func (st *stock) give(p *piece) {
	if st.n < spare {
		p.next, st.pieces = st.pieces, p
		st.n++
	}
}

// add copies data to the end.
func (b *body) add(data []byte) {
	for len(data) > 0 {
		if b.last == nil || b.last.w == pieceSize {
			p := b.stock.take()
			if b.last == nil {
				b.first = p
			} else {
				b.last.next = p
			}
			b.last = p
		}
		n := copy(b.last.b[b.last.w:], data)
		b.last.w += n
		data = data[n:]
	}
}

// next takes the next run of bytes, nil if there is none. They are valid until it is called again.
func (b *body) next() []byte {
	b.done()
	p := b.first
	if p == nil || p.r == p.w {
		return nil
	}
	data := p.b[p.r:p.w]
	p.r = p.w
	b.out = p
	if b.first = p.next; b.first == nil {
		b.last = nil
	}
	return data
}

// done gives back what next has handed out.
func (b *body) done() {
	if b.out != nil {
		b.stock.give(b.out)
		b.out = nil
	}
}

func (b *body) empty() bool { return b.first == nil }

// drop forgets everything.
func (b *body) drop() {
	b.done()
	for p := b.first; p != nil; {
		next := p.next
		b.stock.give(p)
		p = next
	}
	b.first, b.last = nil, nil
}
