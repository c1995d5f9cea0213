package upstream

import (
	"encoding/binary"
	"hash/crc32"
	"net"
	"slices"
	"strings"

	"hearth/internal/loop"
)

// pointsPerWeight is how many points a server of weight 1 has on the ring (as Cache::Memcached::Fast).
const pointsPerWeight = 160

// Ketama is consistent hashing (ngx_http_upstream_module, "hash ... consistent"): servers are placed on a ring of
// 32-bit values, a key belongs to the first point at or after its own hash. Points are computed from the server's name
// as written in the configuration, chained as nginx and Cache::Memcached::Fast do, so that all of them agree.
type Ketama struct {
	peers    *Peers
	fallback *RoundRobin
	ring     []point // ascending, no duplicates; rebuilt under the lock when the set changes
}

type point struct {
	hash   uint32
	server string
}

// NewKetama balances over peers.
func NewKetama(peers *Peers) *Ketama {
	b := &Ketama{peers: peers, fallback: NewRoundRobin(peers)}
	peers.mu.Lock()
	defer peers.mu.Unlock()
	peers.onChange = append(peers.onChange, b.place)
	b.place()
	return b
}

// place builds the ring. Lock held.
func (b *Ketama) place() {
	b.ring = b.ring[:0]
	for _, p := range b.peers.primary {
		host, port := splitServer(p.Server)
		base := crc32.ChecksumIEEE([]byte(host + "\x00" + port))
		var previous [4]byte
		for range p.Weight * pointsPerWeight {
			hash := crc32.Update(base, crc32.IEEETable, previous[:])
			b.ring = append(b.ring, point{hash, p.Server})
			binary.LittleEndian.PutUint32(previous[:], hash)
		}
	}
	slices.SortStableFunc(b.ring, func(p, q point) int {
		switch {
		case p.hash < q.hash:
			return -1
		case p.hash > q.hash:
			return 1
		}
		return 0
	})
	b.ring = slices.CompactFunc(b.ring, func(p, q point) bool { return p.hash == q.hash })
}

// splitServer takes the port off a server's name; a unix path has none and a name without a port is used as it is.
func splitServer(server string) (host, port string) {
	if strings.HasPrefix(server, "unix:") {
		return server[len("unix:"):], ""
	}
	if h, p, err := net.SplitHostPort(server); err == nil {
		if strings.HasPrefix(server, "[") {
			h = "[" + h + "]"
		}
		return h, p
	}
	return server, ""
}

// Pick implements Balancer. A server of several addresses stands on the ring once: smooth round robin among those.
func (b *Ketama) Pick(key *Key, tried *Tried, now loop.Instant) (*Peer, error) {
	s := b.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.single() || len(key.Hash) == 0 || len(b.ring) == 0 {
		return b.fallback.pick(tried, now)
	}
	if key.round == 0 {
		at, _ := slices.BinarySearchFunc(b.ring, crc32.ChecksumIEEE(key.Hash), func(p point, h uint32) int {
			switch {
			case p.hash < h:
				return -1
			case p.hash > h:
				return 1
			}
			return 0
		})
		key.sum = uint32(at)
	}
	for ; key.round < hashTries; key.round++ {
		server := b.ring[int(key.sum)%len(b.ring)].server
		p := s.smooth(s.primary, tried, now, func(p *Peer) bool { return p.Server == server })
		if p != nil {
			return p.take(now), nil
		}
		key.sum++
	}
	return b.fallback.pick(tried, now)
}
