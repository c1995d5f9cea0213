package peertls

import (
	"crypto/tls"

	"hearth/internal/conn"
)

// Sessions are an upstream's sessions that can be resumed: the last one of each identity with each address. So none is offered
// to a server that it was not made with, or by a location with other rules. They outlive a configuration, as pools do.
// All loops share them.
type Sessions struct{ recent tls.ClientSessionCache }

// sessionBound is how many are kept: sessions hold the server's certificates.
const sessionBound = 1024

// NewSessions has none.
func NewSessions() *Sessions { return &Sessions{tls.NewLRUClientSessionCache(sessionBound)} }

// at is the place of one identity and address. crypto/tls has its own idea of a key, which it is given no say in.
func (s *Sessions) at(digest string, addr conn.Addr) tls.ClientSessionCache {
	return sessionPlace{s.recent, digest + " " + addr.String()}
}

type sessionPlace struct {
	sessions tls.ClientSessionCache
	key      string
}

func (p sessionPlace) Get(string) (*tls.ClientSessionState, bool)    { return p.sessions.Get(p.key) }
func (p sessionPlace) Put(_ string, session *tls.ClientSessionState) { p.sessions.Put(p.key, session) }
