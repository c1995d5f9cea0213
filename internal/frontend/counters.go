package frontend

import (
	"sync"
	"sync/atomic"

	"hearth/internal/loop"
)

// Status is what stub_status shows (ngx_http_stub_status_module), summed over all loops.
type Status struct {
	Accepted, Handled, Requests int64 // since the start
	Reading                     int64 // connections whose request header is being read
	Writing                     int64 // requests being served: with HTTP/2 a connection may have several
	Waiting                     int64 // idle connections waiting for a request
	Lingering                   int64 // answered and closed, and still being read from
	Active                      int64 // connections, whatever they do
}

// counters are one shard's. It counts in plain numbers and publishes them once a turn; readers on other goroutines see
// the published ones.
type counters struct {
	accepted, requests int64
	reading            int64
	multiplexed        int64 // active connections of HTTP/2
	streams            int64 // requests on them
	changed            bool  // publishing has been asked for in this turn

	published [7]atomic.Int64
}

// allCounters are those of every shard there has been, so that sums do not fall when a loop ends.
var allCounters struct {
	mu   sync.Mutex
	list []*counters
}

func (c *counters) register() {
	allCounters.mu.Lock()
	allCounters.list = append(allCounters.list, c)
	allCounters.mu.Unlock()
}

// changed has the shard's counters published at the end of this turn.
func (sh *shard) changed() {
	if !sh.counters.changed {
		sh.counters.changed = true
		sh.loop.EndOfTurn(sh)
	}
}

// EndTurn publishes the counters.
func (sh *shard) EndTurn() {
	sh.counters.changed = false
	sh.publish()
}

func (sh *shard) publish() {
	c := &sh.counters
	idle, active, lingering := int64(sh.idle.n), int64(sh.active.n), int64(sh.lingering.n)
	writing := active - c.reading - c.multiplexed + c.streams
	for i, v := range [...]int64{c.accepted, c.requests, c.reading, writing, idle, lingering, idle + active + lingering} {
		if c.published[i].Load() != v {
			c.published[i].Store(v)
		}
	}
}

func (c *counters) addTo(s *Status) {
	s.Accepted += c.published[0].Load()
	s.Handled += c.published[0].Load()
	s.Requests += c.published[1].Load()
	s.Reading += c.published[2].Load()
	s.Writing += c.published[3].Load()
	s.Waiting += c.published[4].Load()
	s.Lingering += c.published[5].Load()
	s.Active += c.published[6].Load()
}

// ReadStatus sums the counters of all loops, as of the end of their last turns. Any goroutine may call it.
func ReadStatus() Status {
	allCounters.mu.Lock()
	defer allCounters.mu.Unlock()
	var s Status
	for _, c := range allCounters.list {
		c.addTo(&s)
	}
	return s
}

// ReadStatusOn is ReadStatus for code on a loop: what that loop has counted in this turn is in it, the asking request too.
func ReadStatusOn(l *loop.Loop) Status {
	shardOf(l).publish()
	return ReadStatus()
}
