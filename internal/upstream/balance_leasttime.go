package upstream

import (
	"time"

	"hearth/internal/loop"
)

// LeastTime takes the peer with the lowest expected time: its average response time (to the header or to the last
// byte), times what is already in progress there, for its weight (ngx_http_upstream_module, "least_time"). A peer that
// has not answered yet counts as fastest, so that it is tried.
type LeastTime struct {
	peers *Peers
	of    func(*Peer) time.Duration
}

// HeaderTime and LastByteTime are the averages a peer can be judged by. Lock held.
func HeaderTime(p *Peer) time.Duration   { return p.header }
func LastByteTime(p *Peer) time.Duration { return p.total }

// NewLeastTime balances over peers by one of the averages.
func NewLeastTime(peers *Peers, of func(*Peer) time.Duration) *LeastTime {
	return &LeastTime{peers, of}
}

// Pick implements Balancer.
func (b *LeastTime) Pick(_ *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	s := b.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range [2][]*Peer{s.primary, s.backup} {
		var best *Peer
		for _, p := range list {
			if s.usable(p, tried, now) && (best == nil || quicker(b.of, p, best)) {
				best = p
			}
		}
		if best != nil {
			ties := func(p *Peer) bool { return !quicker(b.of, best, p) && !quicker(b.of, p, best) }
			return s.smooth(list, tried, now, ties).take(now), nil
		}
	}
	return nil, ErrNoLive
}

func quicker(of func(*Peer) time.Duration, p, q *Peer) bool {
	return cost(of(p), p)*float64(q.Weight) < cost(of(q), q)*float64(p.Weight)
}

func cost(t time.Duration, p *Peer) float64 { return float64(t) * float64(p.Active+1) }
