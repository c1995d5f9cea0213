package upstream

import (
	"math/rand/v2"

	"hearth/internal/loop"
)

// Random takes a peer at random by weight, or with `two` the better of two such (ngx_http_upstream_module, "random").
// Two choices are nearly as even as looking at all, and do not herd when many proxies balance the same peers.
type Random struct {
	peers    *Peers
	fallback *RoundRobin
	better   func(p, q *Peer) bool // nil = one draw
	draw     func(n int) int
}

// NewRandom balances over peers. better is nil for a plain draw; (*Peer).lessBusy for `two` and `two least_conn`.
func NewRandom(peers *Peers, better func(p, q *Peer) bool) *Random {
	return &Random{peers, NewRoundRobin(peers), better, rand.IntN}
}

// Pick implements Balancer.
func (b *Random) Pick(_ *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	s := b.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	total := s.weights()
	if s.single() || total == 0 {
		return b.fallback.pick(tried, now)
	}
	var first *Peer
	for range hashTries {
		p := byWeight(s.primary, b.draw(total))
		if p == first || !s.usable(p, tried, now) {
			continue
		}
		if b.better == nil {
			return p.take(now), nil
		}
		if first == nil {
			first = p
			continue
		}
		if b.better(first, p) {
			p = first
		}
		return p.take(now), nil
	}
	return b.fallback.pick(tried, now)
}
