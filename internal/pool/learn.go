package pool

import (
	"sync"
	"sync/atomic"
	"time"

	"hearth/internal/loop"
)

// Hint is a response's Keep-Alive field (RFC 2068, section 19.7.1.1; Apache, Node and others send it).
type Hint struct {
	Timeout    time.Duration // timeout=T; meaningful with HasTimeout
	HasTimeout bool
	Max        int // max=N, 0 = not said
}

// margin is how long before a peer's own timeout we close: one second, or a tenth of a timeout under
// ten seconds. A request takes less than that to reach the peer.
func margin(timeout time.Duration) time.Duration {
	if timeout < 10*time.Second {
		return timeout / 10
	}
	return time.Second
}

// announced is what a peer has said about one connection.
type announced struct {
	timeout     time.Duration // safe idle time: less the margin; 0 = nothing said
	atOnce      bool          // timeout=0: not to be kept
	max         int           // as last said
	lastRequest int           // the number of the last request we send; 0 = no limit
}

// hear takes in the hint of the response to the connection's nth request.
//
// Servers mean two things by max=N. Some say in every response how many requests they serve on a
// connection; we send one fewer, so the close is ours. Apache says how many are left, and says one fewer
// each time. What it means shows when N is said again: a number that falls counts the rest.
func (a *announced) hear(h Hint, n int) {
	a.timeout, a.atOnce = 0, false
	if h.HasTimeout {
		a.timeout = h.Timeout - margin(h.Timeout)
		a.atOnce = a.timeout <= 0
	}
	switch {
	case h.Max <= 0:
		a.lastRequest = 0
	case a.max > h.Max: // N left after this one; the last of them is the peer's to close on
		a.lastRequest = n + h.Max - 1
	default:
		a.lastRequest = max(h.Max-1, 1)
	}
	a.max = h.Max
}

// habit learns after how much idle time a peer closes, when it does not say. It believes so after
// three closings in a row whose ages lie within the margin we would keep, and then takes the shortest.
//
// Closings count as one if they, or the returns before them, lie within a second of each other: a
// restarting backend closes everything at one moment, and a burst that ends at one moment gives
// many connections the same age. Neither says anything about a timeout.
//
// A closing sooner than believed ends the belief and starts over. A peer that becomes more patient
// cannot show it while we close first, so a belief lapses after an hour.
//
// Observed and changed under mu, by the loops on which connections end; read by atomics.
type habit struct {
	safe  atomic.Int64 // idle time allowed by it, 0 = nothing believed
	until atomic.Int64 // the instant it lapses

	mu       sync.Mutex
	ages     [3]time.Duration
	n        int
	lastIdle loop.Instant
	lastEnd  loop.Instant
}

const (
	apart       = time.Second
	beliefLasts = time.Hour
)

// believed is how long a connection to the peer may lie idle, 0 if nothing is known.
func (h *habit) believed(now loop.Instant) time.Duration {
	safe := h.safe.Load()
	if safe == 0 || int64(now) >= h.until.Load() {
		return 0
	}
	return time.Duration(safe)
}

// observe takes in that the peer closed a connection idle since idleAt.
func (h *habit) observe(idleAt, now loop.Instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if safe := h.believed(now); safe == 0 || now.Sub(idleAt) < safe {
		h.safe.Store(0)
	}
	if h.n > 0 && (now.Sub(h.lastEnd) < apart || idleAt.Sub(h.lastIdle) < apart) {
		return
	}
	h.lastIdle, h.lastEnd = idleAt, now
	h.ages[h.n%len(h.ages)] = now.Sub(idleAt)
	h.n++
	if h.n < len(h.ages) {
		return
	}
	least, most := h.ages[0], h.ages[0]
	for _, age := range h.ages[1:] {
		least, most = min(least, age), max(most, age)
	}
	if most-least <= margin(least) {
		h.until.Store(int64(now.Add(beliefLasts)))
		h.safe.Store(int64(least - margin(least)))
	}
}
