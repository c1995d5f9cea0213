package upstream

import (
	"time"

	"hearth/internal/loop"
)

// Attempt is the record of one try at one peer: the source of $upstream_addr, $upstream_status and the times, which
// list all tries of a request.
type Attempt struct {
	Peer     string // address, or the upstream's name when no peer was live
	Redirect bool   // the first of a new series: X-Accel-Redirect or error_page sent the request upstream again
	Status   int    // 0 = none received
	start    loop.Instant
	// Durations are -1 where that point was not reached.
	Connect, Header, Total time.Duration
	Received, Sent, Length int64 // bytes from and to the backend; length of the response body
	Reused                 bool
	Requests               int    // served by the connection, with this one
	Dialled                string // why not reused: a pool.Miss, "" when reused
	Closed                 string // why the connection was closed: a pool.Close, "" when kept
}

// begin adds the record of a try that begins now.
func (x *Exchange) begin(peer string) *Attempt {
	x.attempts = append(x.attempts, Attempt{})
	a := x.attempt()
	a.Peer, a.start = peer, x.R.Loop.Now()
	a.Connect, a.Header, a.Total = -1, -1, -1
	return a
}
