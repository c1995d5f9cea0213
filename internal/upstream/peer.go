package upstream

import (
	"sync"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// Params are the parameters of one `server` line of an upstream block (ngx_http_upstream_module, "server").
type Params struct {
	Weight      int           // at least 1
	MaxConns    int           // 0 = no limit; enforced with the pool, which counts idle connections too
	MaxFails    int           // 0 = failures are not counted
	FailTimeout time.Duration // both the window in which failures count and how long the peer is then left alone
	SlowStart   time.Duration // 0 = full weight at once
	Backup      bool
	Down        bool
}

// Peer is one address a request can be sent to. Name, Server, Addr and Params never change; a new resolution or a new
// configuration makes new Peers that share their Vitals with the old ones. current, effective and
// the Vitals are guarded by the mutex of the Peers it is in.
type Peer struct {
	Name   string // address as logged, e.g. "127.0.0.1:9001"
	Server string // as written in the configuration: what consistent hashing places on the ring
	Addr   conn.Addr
	Params
	line string // the server line it is of, see serverLine.id

	placed    bool // was in a set before
	current   int  // smooth weighted round robin's running sum
	effective int  // weight, less what failures have taken off for now
	*Vitals
}

// same tells that q is p as another resolution found it.
func (p *Peer) same(q *Peer) bool {
	return p.line == q.line && p.Addr == q.Addr && p.Server == q.Server && p.Params == q.Params
}

// Vitals are the part of a peer's state that outlives reloads and re-resolutions: what its connections are doing and
// how its recent requests ended. Guarded by the mutex of Peers (one per upstream, shared by all its generations).
type Vitals struct {
	Active    int          // requests in progress
	Requests  int64        // picked so often
	Fails     int          // failures within the window
	Failures  int64        // failures in all
	Aways     int64        // how often they made it unavailable
	failedAt  loop.Instant // last failure
	checkedAt loop.Instant // last failure, or last time an unavailable peer was tried again
	upSince   loop.Instant // when it last came back, for slow_start; 0 = never away
	header    time.Duration
	total     time.Duration // moving averages, for least_time
}

// Peers is the set a balancer picks from. The lists are replaced as a whole (re-resolution, reload); the mutex belongs
// to the upstream and is shared by the sets of all generations, because they share Vitals. It is held for the length of
// a scan, never across a wait.
type Peers struct {
	mu       *sync.Mutex
	primary  []*Peer
	backup   []*Peer
	onChange []func() // balancers that keep an index of the set (the ring of consistent hashing)
}

// NewPeers makes a set; mu is the upstream's lock.
func NewPeers(mu *sync.Mutex, list []*Peer) *Peers {
	s := &Peers{mu: mu}
	s.fill(list)
	return s
}

// Replace exchanges the list under the lock. Requests that hold a Peer of the old list finish with it.
func (s *Peers) Replace(list []*Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill(list)
	for _, changed := range s.onChange {
		changed()
	}
}

func (s *Peers) fill(list []*Peer) {
	s.primary, s.backup = nil, nil
	for _, p := range list {
		if p.Vitals == nil {
			p.Vitals = new(Vitals)
		}
		if !p.placed { // one that stays keeps its place in the round
			p.placed, p.effective = true, p.Weight
		}
		if p.Backup {
			s.backup = append(s.backup, p)
		} else {
			s.primary = append(s.primary, p)
		}
	}
}

// All is a copy of the list, primaries first.
func (s *Peers) All() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(append([]*Peer(nil), s.primary...), s.backup...)
}

// single tells that there is no choice: such a peer is never considered unavailable, whatever its failures
// (ngx_http_upstream_module, "server").
func (s *Peers) single() bool { return len(s.primary) == 1 && len(s.backup) == 0 }

// usable says whether p can be picked now. Lock held.
func (s *Peers) usable(p *Peer, tried *Tried, now loop.Instant) bool {
	if p.Down || tried.Has(p) || (p.MaxConns > 0 && p.Active >= p.MaxConns) {
		return false
	}
	return !s.away(p, now)
}

// away says whether p is left alone because of its failures. Lock held.
func (s *Peers) away(p *Peer, now loop.Instant) bool {
	return !s.single() && p.MaxFails > 0 && p.Fails >= p.MaxFails && now.Sub(p.checkedAt) <= p.FailTimeout
}

// take books one request on p. Lock held.
func (p *Peer) take(now loop.Instant) *Peer {
	if now.Sub(p.checkedAt) > p.FailTimeout {
		p.checkedAt = now // only one request at a time probes a peer that was away
	}
	p.Active++
	p.Requests++
	return p
}

// weight is the configured weight, or less while slow_start lets a returned peer warm up. Lock held.
func (p *Peer) weight(now loop.Instant) int {
	if p.SlowStart == 0 || p.upSince == 0 {
		return p.Weight
	}
	up := now.Sub(p.upSince)
	if up >= p.SlowStart {
		p.upSince = 0
		return p.Weight
	}
	return max(1, int(float64(p.Weight)*float64(up)/float64(p.SlowStart)))
}

// Outcome is how a request on a peer ended, as far as its health goes.
type Outcome struct {
	Failed bool          // counts for max_fails
	Header time.Duration // until the response header, 0 = there was none
	Total  time.Duration // until the last byte
}

// Done gives back what Pick took. It returns true when this failure made the peer unavailable
// ("upstream server temporarily disabled").
func (s *Peers) Done(p *Peer, out Outcome, now loop.Instant) (disabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Active--
	if out.Header > 0 {
		p.header = average(p.header, out.Header)
		p.total = average(p.total, out.Total)
	}
	if out.Failed {
		p.Failures++
	}
	if s.single() {
		return false
	}
	if !out.Failed {
		// Alive again once a request has passed that was sent after the last failure's window was re-opened.
		if p.failedAt < p.checkedAt {
			if p.MaxFails > 0 && p.Fails >= p.MaxFails && p.SlowStart > 0 {
				p.upSince = now
			}
			p.Fails = 0
		}
		return false
	}
	p.Fails++
	p.failedAt, p.checkedAt = now, now
	if p.MaxFails == 0 {
		return false
	}
	p.effective = max(0, p.effective-p.Weight/p.MaxFails)
	if p.Fails != p.MaxFails {
		return false
	}
	p.Aways++
	return true
}

// average moves an eighth of the way to the new sample, as TCP's round trip estimate does (RFC 6298).
func average(old, sample time.Duration) time.Duration {
	if old == 0 {
		return sample
	}
	return old + (sample-old)/8
}
