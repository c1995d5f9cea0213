package core

import (
	"time"

	"hearth/internal/conf"
	"hearth/internal/http1"
	"hearth/internal/logs"
)

// ServerConf is what the core directives of http and server blocks say.
type ServerConf struct {
	ClientHeaderTimeout    time.Duration
	ClientHeaderBufferSize int64
	LargeHeaderBuffers     conf.Bufs
	IgnoreInvalidHeaders   bool
	UnderscoresInHeaders   bool
	MergeSlashes           bool
	MaxHeaders             int
	HTTP2                  HTTP2Conf

	// Requests is the part of the above that the HTTP/1 parser needs.
	Requests http1.RequestOptions
}

// HTTP2Conf is what a server says of HTTP/2 (module http2).
type HTTP2Conf struct {
	On         bool
	MaxStreams int   // open at a time on a connection
	Preread    int64 // bytes of a request's body that may come before anything reads it
}

// ServerSettings has the ServerConf of http and server blocks; a Server has its own at hand in Conf.
var ServerSettings = conf.NewSlot[ServerConf](conf.ServerLevel)

// LocationConf is what the core directives of http, server and location blocks say.
type LocationConf struct {
	Internal   bool
	SatisfyAny bool
	AuthDelay  time.Duration

	Root        *Value // made absolute; of `root`, or of `alias` if Alias is set
	Alias       bool
	RootPrefix  string // what the root is below if it turns out to be relative: its path begins with a variable
	AliasFor    int    // how much of a URI `alias` stands for, in bytes; -1 = all of it: the location's name is a pattern
	Types       *Types
	DefaultType []byte

	ErrorPages          []ErrorPage
	RecursiveErrorPages bool
	ErrorLogs           []logs.Sink
	LogNotFound         bool
	LogSubrequest       bool

	ClientMaxBodySize    int64 // bytes; 0 = no limit
	ClientBodyBufferSize int64
	ClientBodyTimeout    time.Duration
	ClientBodyTempPath   TempPath
	ClientBodyInFileOnly BodyFile

	KeepaliveTimeout    KeepaliveTimeout
	KeepaliveMinTimeout time.Duration
	KeepaliveRequests   int
	KeepaliveTime       time.Duration
	KeepaliveDisable    KeepaliveBrowsers
	LingeringClose      Lingering
	LingeringTime       time.Duration
	LingeringTimeout    time.Duration
	ResetTimedout       bool

	SendTimeout     time.Duration
	PostponeOutput  int64
	TCPNoDelay      bool
	ChunkedTransfer bool
	MaxRanges       int // -1 = no limit
	HTTP2ChunkSize  int64
	LimitRate       *Value
	LimitRateAfter  *Value

	IfModifiedSince      ModifiedSince
	ETag                 bool
	ServerTokens         *Value // what stands after `Server:` and at the foot of built-in pages
	AbsoluteRedirect     bool
	PortInRedirect       bool
	ServerNameInRedirect bool
	MSIEPadding          bool
	MSIERefresh          bool
	EarlyHints           []*Value

	DisableSymlinks DisableSymlinks

	OpenFileCache        *FileCache // nil = none
	OpenFileCacheValid   time.Duration
	OpenFileCacheMinUses int
	OpenFileCacheErrors  bool

	Resolver                   *ResolverConf // nil = none
	ResolverTimeout            time.Duration
	SubrequestOutputBufferSize int64
}

// Settings has the LocationConf of every block of the location level; a Location has its own at hand in Conf.
var Settings = conf.NewSlot[LocationConf](conf.LocationLevel)

// KeepaliveTimeout is keepalive_timeout.
type KeepaliveTimeout struct {
	Idle   time.Duration // 0 = no keep-alive
	Header time.Duration // value of the Keep-Alive field; 0 = none is sent
}

// Lingering is how a connection with unread data is closed.
type Lingering uint8

const (
	LingeringOff Lingering = iota
	LingeringOn
	LingeringAlways
)

// KeepaliveBrowsers is a set of browsers that keep-alive is off for.
type KeepaliveBrowsers uint32

const (
	KeepaliveNone KeepaliveBrowsers = 1 << iota
	KeepaliveMSIE6
	KeepaliveSafari
)

// ModifiedSince is how If-Modified-Since is compared.
type ModifiedSince uint8

const (
	ModifiedOff ModifiedSince = iota
	ModifiedExact
	ModifiedBefore
)

// BodyFile is client_body_in_file_only.
type BodyFile uint8

const (
	BodyFileOff   BodyFile = iota
	BodyFileKeep           // on: the file stays
	BodyFileClean          // clean: it is removed with the request
)

// DisableSymlinks is disable_symlinks.
type DisableSymlinks struct {
	Mode SymlinkMode
	From *Value // part of the path that is not checked; nil = none
}

// SymlinkMode says which symbolic links are refused.
type SymlinkMode uint8

const (
	SymlinksAllowed SymlinkMode = iota
	SymlinksRefused
	SymlinksIfNotOwner
)
