package upstream

import "hearth/internal/loop"

// RoundRobin is nginx's smooth weighted round robin (ngx_http_upstream_module, "upstream"): every usable peer gains its
// weight, the one with the largest sum is taken and pays the total. With weights 5,1,1 the order is a a b a c a a:
// evenly mixed, never in bursts. A failure lowers the effective weight; each pick restores it by one.
type RoundRobin struct{ peers *Peers }

// NewRoundRobin balances over peers.
func NewRoundRobin(peers *Peers) *RoundRobin { return &RoundRobin{peers} }

// Pick implements Balancer. Backup peers are considered only when no primary is usable.
func (b *RoundRobin) Pick(_ *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	b.peers.mu.Lock()
	defer b.peers.mu.Unlock()
	return b.pick(tried, now)
}

// pick is Pick with the lock held: the fallback of the hashing balancers.
func (b *RoundRobin) pick(tried *Tried, now loop.Instant) (*Peer, error) {
	for _, list := range [2][]*Peer{b.peers.primary, b.peers.backup} {
		if p := b.peers.smooth(list, tried, now, nil); p != nil {
			return p.take(now), nil
		}
	}
	return nil, ErrNoLive
}

// smooth runs one round over the usable peers of list that also pass keep (nil = all). Lock held.
func (s *Peers) smooth(list []*Peer, tried *Tried, now loop.Instant, keep func(*Peer) bool) *Peer {
	var best *Peer
	total := 0
	for _, p := range list {
		if !s.usable(p, tried, now) || (keep != nil && !keep(p)) {
			continue
		}
		weight := p.weight(now)
		p.effective = min(p.effective, weight)
		p.current += p.effective
		total += p.effective
		if p.effective < weight {
			p.effective++
		}
		if best == nil || p.current > best.current {
			best = p
		}
	}
	if best != nil {
		best.current -= total
	}
	return best
}
