package upstream

import (
	"hash/crc32"
	"strconv"

	"hearth/internal/loop"
)

// Hash maps a key to a peer by weight (ngx_http_upstream_module, "hash" without "consistent"; the method is that of
// Perl's Cache::Memcached). Adding or removing a server moves most keys: Ketama is the one that does not.
type Hash struct {
	peers    *Peers
	fallback *RoundRobin
}

// NewHash balances over peers.
func NewHash(peers *Peers) *Hash { return &Hash{peers, NewRoundRobin(peers)} }

// Pick implements Balancer.
func (b *Hash) Pick(key *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	s := b.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	total := s.weights()
	if s.single() || len(key.Hash) == 0 || total == 0 {
		return b.fallback.pick(tried, now)
	}
	for key.round < hashTries {
		// Each further look mixes its number in before the key, and adds to the sum of the looks before.
		var crc uint32
		if key.round > 0 {
			var digits [8]byte
			crc = crc32.Update(crc, crc32.IEEETable, strconv.AppendInt(digits[:0], int64(key.round), 10))
		}
		crc = crc32.Update(crc, crc32.IEEETable, key.Hash)
		key.sum += crc >> 16 & 0x7fff
		key.round++
		if p := byWeight(s.primary, int(key.sum)%total); s.usable(p, tried, now) {
			return p.take(now), nil
		}
	}
	return b.fallback.pick(tried, now)
}
