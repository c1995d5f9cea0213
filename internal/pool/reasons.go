package pool

// Close says why a connection left the pool's care; Kept is the one that is not an end. The list
// is closed: the error log, $upstream_connection_close_reason, the status API, the metrics and the
// tests all name a reason by its String.
type Close uint8

const (
	// Kept: the exchange ended cleanly and the connection may serve another.
	Kept Close = iota
	// Error: reading or writing failed, or the exchange did, so the stream cannot be trusted.
	Error
	// UpstreamEOF: the peer closed, in the middle of an exchange or while the connection was idle.
	UpstreamEOF
	// UpstreamConnectionClose: the response said Connection: close.
	UpstreamConnectionClose
	// HTTP10: the response was HTTP/1.0 and did not ask for keep-alive.
	HTTP10
	// ResponseUnread: the exchange ended before the whole response had been read.
	ResponseUnread
	// RequestUnsent: the response came before the whole request had been sent.
	RequestUnsent
	// UnexpectedData: bytes came after the response, or on an idle connection.
	UnexpectedData
	// MaxRequests: keepalive_requests, or the peer's own Keep-Alive: max, was reached.
	MaxRequests
	// MaxAge: older than keepalive_time.
	MaxAge
	// IdleTimeout: idle for keepalive_timeout.
	IdleTimeout
	// LearnedTimeout: idle for nearly as long as the peer allows, by its own word or by habit.
	LearnedTimeout
	// Evicted: the least recently used one made room for another.
	Evicted
	// PeerRemoved: the peer's address left the upstream.
	PeerRemoved
	// Upgraded: it became a tunnel and ended with it.
	Upgraded
	// Shutdown: the process, or the last configuration that used the upstream, ended.
	Shutdown
	// Disabled: keepalive is off, or the request said Connection: close.
	Disabled

	nCloses
)

var closeNames = [nCloses]string{
	"kept", "error", "upstream_eof", "upstream_connection_close", "http10", "response_unread",
	"request_unsent", "unexpected_data", "max_requests", "max_age", "idle_timeout",
	"learned_timeout", "evicted", "peer_removed", "upgraded", "shutdown", "disabled",
}

func (c Close) String() string { return closeNames[c] }

// Closes lists every reason for closing, in the order of their numbers.
func Closes() []Close {
	all := make([]Close, 0, nCloses-1)
	for c := Error; c < nCloses; c++ {
		all = append(all, c)
	}
	return all
}

// Miss says why a lease got no idle connection and the caller dials; Hit that it got one.
type Miss uint8

const (
	// Hit: an idle connection was reused.
	Hit Miss = iota
	// NoIdle: no idle connection to that peer.
	NoIdle
	// OtherIdentity: idle ones to that peer exist, none of this identity.
	OtherIdentity
	// Raced: the last idle one had died when it was taken.
	Raced
	// FreshRequired: the request must not risk the idle race with the ones there are.
	FreshRequired
	// Off: keepalive is off.
	Off

	nMisses
)

var missNames = [nMisses]string{"reused", "no_idle", "identity", "raced", "fresh_required", "disabled"}

func (m Miss) String() string { return missNames[m] }

// Misses lists every reason for dialling, in the order of their numbers.
func Misses() []Miss {
	all := make([]Miss, 0, nMisses-1)
	for m := NoIdle; m < nMisses; m++ {
		all = append(all, m)
	}
	return all
}
