package upstream

import (
	"errors"
	"net/netip"

	"hearth/internal/loop"
)

// ErrNoLive says that no peer can take the request: nginx's "no live upstreams".
var ErrNoLive = errors.New("no live upstreams")

// Balancer chooses a peer. It knows nothing of connections: the pool comes after it. Implementations are safe for all
// loops at once (they take the lock of their Peers).
type Balancer interface {
	// Pick books a request on a peer that is not in tried; whoever picks calls Peers.Done exactly once.
	Pick(key *Key, tried *Tried, now loop.Instant) (*Peer, error)
}

// Key is what a request brings to the choice. It is reused between the tries of one request, because hashing balancers
// go on from where they stopped.
type Key struct {
	Client netip.Addr // ip_hash
	Hash   []byte     // hash: the evaluated key

	sum   uint32 // hashing state over the tries of this request
	round int
}

// Reset prepares the key for a new request.
func (k *Key) Reset(client netip.Addr, hash []byte) { *k = Key{Client: client, Hash: hash} }

// Tried is the set of peers this request has been sent to. It is short, so a list serves.
type Tried struct{ peers []*Peer }

// Add, Has and Reset do what they say; Reset keeps the memory.
func (t *Tried) Add(p *Peer) { t.peers = append(t.peers, p) }

func (t *Tried) Has(p *Peer) bool {
	for _, q := range t.peers {
		if q == p {
			return true
		}
	}
	return false
}

func (t *Tried) Len() int { return len(t.peers) }

func (t *Tried) Reset() {
	clear(t.peers)
	t.peers = t.peers[:0]
}
