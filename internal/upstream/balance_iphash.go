package upstream

import "hearth/internal/loop"

// IPHash keeps a client on a peer by its address: the first three octets of IPv4, all of IPv6
// (ngx_http_upstream_module, "ip_hash"). The hash is nginx's, so a mixed fleet agrees on the peer.
type IPHash struct {
	peers    *Peers
	fallback *RoundRobin
}

// NewIPHash balances over peers.
func NewIPHash(peers *Peers) *IPHash { return &IPHash{peers, NewRoundRobin(peers)} }

// hashTries is how often a hashing balancer looks for a usable peer before it hands over to round robin.
const hashTries = 21

// Pick implements Balancer.
func (b *IPHash) Pick(key *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	s := b.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.single() {
		return b.fallback.pick(tried, now)
	}
	if key.round == 0 {
		key.sum = 89
	}
	total := s.weights()
	addr := key.Client.Unmap()
	bytes16 := addr.As16()
	bytes := bytes16[:]
	if addr.Is4() {
		bytes = bytes16[12:15]
	}
	if !addr.IsValid() { // unix socket clients all hash alike
		bytes = bytes16[:3]
	}
	for key.round < hashTries && total > 0 {
		key.round++
		for _, octet := range bytes {
			key.sum = (key.sum*113 + uint32(octet)) % 6271
		}
		p := byWeight(s.primary, int(key.sum)%total)
		if s.usable(p, tried, now) {
			return p.take(now), nil
		}
	}
	return b.fallback.pick(tried, now)
}

// weights is the length of the line that byWeight divides: all primaries count, whether usable or not. Lock held.
func (s *Peers) weights() (total int) {
	for _, p := range s.primary {
		total += p.Weight
	}
	return total
}

// byWeight finds the peer that owns point w of the line on which each peer covers its weight.
func byWeight(list []*Peer, w int) *Peer {
	for _, p := range list {
		if w -= p.Weight; w < 0 {
			return p
		}
	}
	return list[len(list)-1]
}
