package frontend

import (
	"time"

	"hearth/internal/conn"
)

// Lingering (lingering_close): a server that closes a connection on which the client is still sending destroys its own answer,
// because the TCP reset that the client's next byte provokes makes the client drop what it has not yet read (RFC 9112, 9.6). So the
// connection is closed for writing only, and what comes is thrown away until the client closes, or lingering_timeout
// passes in silence, or lingering_time in all. It needs no fiber.

// lingerReads bounds the reads for one connection in one turn.
const lingerReads = 16

const scratchSize = 64 << 10

// linger closes the connection gently. The session goes back at once.
func (h *clientConn) linger(silence, total time.Duration) {
	if h.conn.CloseWrite() != nil {
		h.close()
		return
	}
	if s := h.session; s != nil {
		h.session = nil
		s.detach()
	}
	if h.h2 != nil {
		h.h2.close()
		h.h2 = nil
	}
	h.enter(isLinger)
	h.until = h.shard.loop.Now().Add(total)
	h.lingerEach = uint32(min(silence/time.Millisecond, 1<<31))
	h.lingerOn()
	h.discard()
}

// lingerOn allows another lingering_timeout of silence.
func (h *clientConn) lingerOn() {
	at := h.shard.loop.Now().Add(time.Duration(h.lingerEach) * time.Millisecond)
	h.timer.Reset(h.shard.loop, min(at, h.until), h)
}

// discard throws away what has come.
func (h *clientConn) discard() {
	if h.state != isLinger {
		return
	}
	sh := h.shard
	for range lingerReads {
		_, err := h.conn.TryRead(sh.scratchBuffer())
		if err == conn.ErrAgain {
			h.lend()
			return
		}
		if err != nil {
			h.close()
			return
		}
		h.lingerOn()
	}
	sh.loop.Post(h.discard) // the edge has been used up: nobody will call again
}
