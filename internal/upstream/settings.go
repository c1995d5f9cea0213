package upstream

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/upstream/peertls"
)

// Settings is how a location talks to its backends: what the proxy module's directives say (and, later, those of
// grpc, fastcgi ...), in one shape for the one engine. Immutable once the configuration is loaded.
type Settings struct {
	ConnectTimeout time.Duration // between the start of a connect and its end
	SendTimeout    time.Duration // between two successful writes to the backend
	ReadTimeout    time.Duration // between two successful reads from it

	Next        NextOn        // the faults after which another peer is tried
	NextTries   int           // 0 = as many as there are peers
	NextTimeout time.Duration // 0 = no limit

	HeadSize     int64 // proxy_buffer_size: a response head may be so long
	BufferCount  int   // proxy_buffers: held in memory for a slow client, beyond what the socket takes
	BufferSize   int64
	MaxTempFile  int64 // 0 = never write a temporary file
	TempFilePath core.TempPath

	Buffering          bool // read the response as fast as the backend sends it
	RequestBuffering   bool // read the whole request body before the backend is asked
	IgnoreClientAbort  bool
	InterceptErrors    bool
	PassRequestHeaders bool
	PassRequestBody    bool
	ForceRanges        bool
	PassTrailers       bool
	SocketKeepalive    bool
	LimitRate          *core.Value // bytes per second to read from the backend; nil = no limit
	Bind               *core.Value // local address; nil = the system's choice
	BindTransparent    bool
	IgnoreHeaders      Ignored
	Hidden             HeaderSet // response header names that are not passed on
	SndBuf, RcvBuf     int64
	Allow              []*core.Value  // conditions a peer has to meet; nil = none
	BindDynamic        bool           // evaluate Bind for each try
	RequestDynamic     bool           // build the request for each try
	Scheme             string         // "http", as in the log's upstream: "http://..."; with TLS it gets an "s"
	Proto              string         // pool.Identity's protocol: "http/1.1"
	TLS                *peertls.Rules // how connections are secured, see Run and RunPlain; nil = not at all
	Scope              string         // the location, for `keepalive N local`
	NotKept            *NotKept       // why connections are never kept; nil = they are
	Streams            Streams        // where a connection carries several exchanges at once; nil = one at a time
	RequestTrailers    bool           // pass the trailer fields of the request on (over Streams only)
	NoChunks           bool           // a body of unknown length has to be read whole first (HTTP/1.0)
	// Rewrite changes the value of Location, Refresh or Set-Cookie on its way to the client (proxy_redirect,
	// proxy_cookie_*). nil = none.
	Rewrite func(x *Exchange, id http1.ID, value []byte) (to []byte, changed bool)

	keys keyCache
}

// dynamic says whether something has to be done for each peer that a request is passed to.
func (s *Settings) dynamic() bool { return len(s.Allow) > 0 || s.BindDynamic || s.RequestDynamic }

// NextOn is the set of conditions of proxy_next_upstream.
type NextOn uint32

const (
	OnError NextOn = 1 << iota
	OnTimeout
	OnInvalidHeader
	OnHTTP500
	OnHTTP502
	OnHTTP503
	OnHTTP504
	OnHTTP403
	OnHTTP404
	OnHTTP429
	OnNonIdempotent // not a fault: allows another try of a request that may have taken effect
	OnNothing       // `off`
	OnDenied        // proxy_allow_upstream refused the peer
)

// NextNames are the words of proxy_next_upstream.
var NextNames = map[string]NextOn{
	"error": OnError, "timeout": OnTimeout, "invalid_header": OnInvalidHeader,
	"http_500": OnHTTP500, "http_502": OnHTTP502, "http_503": OnHTTP503, "http_504": OnHTTP504,
	"http_403": OnHTTP403, "http_404": OnHTTP404, "http_429": OnHTTP429,
	"non_idempotent": OnNonIdempotent, "off": OnNothing, "denied": OnDenied,
	"updating": 0, // means something to proxy_cache_use_stale, whose list of words this is in nginx
}

// statusConditions maps the statuses that proxy_next_upstream can name.
var statusConditions = map[int]NextOn{
	500: OnHTTP500, 502: OnHTTP502, 503: OnHTTP503, 504: OnHTTP504, 403: OnHTTP403, 404: OnHTTP404, 429: OnHTTP429,
}

// Ignored is the set of response headers whose meaning is ignored (proxy_ignore_headers); they are still passed on.
type Ignored uint32

const (
	IgnoreRedirect Ignored = 1 << iota // X-Accel-Redirect
	IgnoreExpires                      // X-Accel-Expires
	IgnoreLimitRate
	IgnoreBuffering
	IgnoreCharset
	IgnoreHTTPExpires
	IgnoreCacheControl
	IgnoreSetCookie
	IgnoreVary
)

// IgnoredNames are the words of proxy_ignore_headers, in lower case.
var IgnoredNames = map[string]Ignored{
	"x-accel-redirect": IgnoreRedirect, "x-accel-expires": IgnoreExpires, "x-accel-limit-rate": IgnoreLimitRate,
	"x-accel-buffering": IgnoreBuffering, "x-accel-charset": IgnoreCharset, "expires": IgnoreHTTPExpires,
	"cache-control": IgnoreCacheControl, "set-cookie": IgnoreSetCookie, "vary": IgnoreVary,
}
