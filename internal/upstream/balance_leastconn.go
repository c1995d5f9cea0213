package upstream

import "hearth/internal/loop"

// LeastConn takes the peer with the fewest requests in progress for its weight; among equals, smooth weighted round
// robin (ngx_http_upstream_module, "least_conn").
type LeastConn struct{ peers *Peers }

// NewLeastConn balances over peers.
func NewLeastConn(peers *Peers) *LeastConn { return &LeastConn{peers} }

// Pick implements Balancer.
func (b *LeastConn) Pick(_ *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	s := b.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range [2][]*Peer{s.primary, s.backup} {
		var least *Peer
		ties := false
		for _, p := range list {
			if !s.usable(p, tried, now) {
				continue
			}
			switch {
			case least == nil || p.lessBusy(least):
				least, ties = p, false
			case !least.lessBusy(p):
				ties = true
			}
		}
		if ties {
			// smooth's own tests repeat ours under the same lock, so it finds one of the tied.
			least = s.smooth(list, tried, now, func(p *Peer) bool { return !least.lessBusy(p) && !p.lessBusy(least) })
		}
		if least != nil {
			return least.take(now), nil
		}
	}
	return nil, ErrNoLive
}

// lessBusy compares requests in progress per weight without dividing. Lock held.
func (p *Peer) lessBusy(q *Peer) bool { return p.Active*q.Weight < q.Active*p.Weight }
