package frontend

// inBuffer is what has been read from a client and not yet been used: buf[r:]. What lies before r may still be in use as the
// head of the current request, so it moves only between requests.
type inBuffer struct {
	buf []byte
	r   int
	old []byte // a shard's buffer that views of the head still point into
}

func (b *inBuffer) open(sh *shard) { b.buf, b.r = sh.takeBuffer(), 0 }

func (b *inBuffer) release(sh *shard) {
	sh.putBuffer(b.buf)
	sh.putBuffer(b.old)
	*b = inBuffer{}
}

// bytes are those not used yet.
func (b *inBuffer) bytes() []byte { return b.buf[b.r:] }

func (b *inBuffer) empty() bool { return b.r == len(b.buf) }

func (b *inBuffer) use(n int) { b.r += n }

func (b *inBuffer) useAll() { b.r = len(b.buf) }

// space is where more can be read to; filled says how much has been.
func (b *inBuffer) space() []byte { return b.buf[len(b.buf):cap(b.buf)] }

func (b *inBuffer) filled(n int) { b.buf = b.buf[:len(b.buf)+n] }

// rewind moves what is left to the front: the next request begins there.
func (b *inBuffer) rewind(sh *shard) {
	if b.old != nil {
		sh.putBuffer(b.old)
		b.old = nil
	}
	b.buf = b.buf[:copy(b.buf, b.buf[b.r:])]
	b.r = 0
}

// grow makes room for more of an unfinished head, which may move.
func (b *inBuffer) grow(sh *shard) {
	if len(b.buf) < cap(b.buf) {
		return
	}
	bigger := make([]byte, len(b.buf), 2*cap(b.buf))
	copy(bigger, b.buf)
	sh.putBuffer(b.buf)
	b.buf = bigger
}

// minBodySpace is how little room behind the head is enough to read chunks into.
const minBodySpace = 4 << 10

// reuse makes room when everything has been used: the space from base (the end of the head) on, or, if that is small, a
// buffer of its own. It returns the new base. The head stays where it is.
func (b *inBuffer) reuse(sh *shard, base int) int {
	if cap(b.buf)-base < minBodySpace {
		if b.old == nil {
			b.old = b.buf
		}
		b.buf, base = sh.takeBuffer(), 0
	}
	b.buf = b.buf[:base]
	b.r = base
	return base
}
