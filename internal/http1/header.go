package http1

import (
	"encoding/binary"

	"hearth/internal/text"
)

// ID names a header field that something in hearth asks for by name, so that
// a look-up is an index and not a comparison of strings. 0 is every other field.
type ID uint8

// The known header fields. Those from firstUnique to lastUnique
// may occur only once in a request.
const (
	Other ID = iota
	Connection
	KeepAlive
	Upgrade
	Host
	ContentLength
	TransferEncoding
	Expect
	IfModifiedSince
	IfUnmodifiedSince
	IfMatch
	IfNoneMatch
	ContentRange
	IfRange
	Authorization
	Range
	UserAgent
	Referer
	ContentType
	TE
	Trailer
	Via
	Accept
	AcceptEncoding
	AcceptLanguage
	Cookie
	Date
	Depth
	Destination
	Overwrite
	Origin
	Forwarded
	XForwardedFor
	XForwardedProto
	XForwardedHost
	XRealIP
	XRequestID
	ProxyConnection
	ProxyAuthorization
	HTTP2Settings
	EarlyData
	Priority
	SecWebSocketKey
	Server
	Location
	Refresh
	SetCookie
	ContentEncoding
	ContentLanguage
	ContentDisposition
	LastModified
	ETag
	Expires
	CacheControl
	Pragma
	Vary
	Age
	AcceptRanges
	Link
	RetryAfter
	Status
	WWWAuthenticate
	ProxyAuthenticate
	StrictTransportSecurity
	AccessControlAllowOrigin
	XPoweredBy
	XAccelExpires
	XAccelRedirect
	XAccelLimitRate
	XAccelBuffering
	XAccelCharset
	XPad
	numIDs

	firstUnique = Host
	lastUnique  = Authorization
)

var names = [numIDs]string{
	Connection:               "Connection",
	KeepAlive:                "Keep-Alive",
	Upgrade:                  "Upgrade",
	Host:                     "Host",
	ContentLength:            "Content-Length",
	TransferEncoding:         "Transfer-Encoding",
	Expect:                   "Expect",
	IfModifiedSince:          "If-Modified-Since",
	IfUnmodifiedSince:        "If-Unmodified-Since",
	IfMatch:                  "If-Match",
	IfNoneMatch:              "If-None-Match",
	ContentRange:             "Content-Range",
	Range:                    "Range",
	IfRange:                  "If-Range",
	Authorization:            "Authorization",
	UserAgent:                "User-Agent",
	Referer:                  "Referer",
	ContentType:              "Content-Type",
	TE:                       "TE",
	Trailer:                  "Trailer",
	Via:                      "Via",
	Accept:                   "Accept",
	AcceptEncoding:           "Accept-Encoding",
	AcceptLanguage:           "Accept-Language",
	Cookie:                   "Cookie",
	Date:                     "Date",
	Depth:                    "Depth",
	Destination:              "Destination",
	Overwrite:                "Overwrite",
	Origin:                   "Origin",
	Forwarded:                "Forwarded",
	XForwardedFor:            "X-Forwarded-For",
	XForwardedProto:          "X-Forwarded-Proto",
	XForwardedHost:           "X-Forwarded-Host",
	XRealIP:                  "X-Real-IP",
	XRequestID:               "X-Request-ID",
	ProxyConnection:          "Proxy-Connection",
	ProxyAuthorization:       "Proxy-Authorization",
	HTTP2Settings:            "HTTP2-Settings",
	EarlyData:                "Early-Data",
	Priority:                 "Priority",
	SecWebSocketKey:          "Sec-WebSocket-Key",
	Server:                   "Server",
	Location:                 "Location",
	Refresh:                  "Refresh",
	SetCookie:                "Set-Cookie",
	ContentEncoding:          "Content-Encoding",
	ContentLanguage:          "Content-Language",
	ContentDisposition:       "Content-Disposition",
	LastModified:             "Last-Modified",
	ETag:                     "ETag",
	Expires:                  "Expires",
	CacheControl:             "Cache-Control",
	Pragma:                   "Pragma",
	Vary:                     "Vary",
	Age:                      "Age",
	AcceptRanges:             "Accept-Ranges",
	Link:                     "Link",
	RetryAfter:               "Retry-After",
	Status:                   "Status",
	WWWAuthenticate:          "WWW-Authenticate",
	ProxyAuthenticate:        "Proxy-Authenticate",
	StrictTransportSecurity:  "Strict-Transport-Security",
	AccessControlAllowOrigin: "Access-Control-Allow-Origin",
	XPoweredBy:               "X-Powered-By",
	XAccelExpires:            "X-Accel-Expires",
	XAccelRedirect:           "X-Accel-Redirect",
	XAccelLimitRate:          "X-Accel-Limit-Rate",
	XAccelBuffering:          "X-Accel-Buffering",
	XAccelCharset:            "X-Accel-Charset",
	XPad:                     "X-Pad",
}

// String returns the field's name in its usual case; "" for Other.
func (id ID) String() string { return names[id] }

// Lower returns the field's name in lower case, as HTTP/2 has it; nil for Other. The bytes must not be changed.
func (id ID) Lower() []byte { return lowerNames[id] }

// Lookup returns the ID of a field name, in whatever case it is written, or Other.
func Lookup(name []byte) ID {
	if !ValidName(name) {
		return Other
	}
	return LookupToken(name)
}

// LookupToken is Lookup for a name that is known to be a token. Among the
// characters of tokens that known names have, c|0x20 is the same only for the
// two cases of a letter, so that eight bytes can be compared at a time.
func LookupToken(name []byte) ID {
	n := len(name)
	if n < 2 || n > maxName {
		return Other
	}
	id := nameTable[nameHash(name)]
	known := lowerNames[id]
	if len(known) != n {
		return Other
	}
	if n < 8 {
		if !text.EqualFold(name, text.String(known)) {
			return Other
		}
		return id
	}
	const fold = 0x2020202020202020
	differ := (binary.LittleEndian.Uint64(name[n-8:]) | fold) ^ binary.LittleEndian.Uint64(known[n-8:])
	for i := 0; i+8 < n; i += 8 {
		differ |= (binary.LittleEndian.Uint64(name[i:]) | fold) ^ binary.LittleEndian.Uint64(known[i:])
	}
	if differ != 0 {
		return Other
	}
	return id
}

// nameTable is a perfect hash of names: every known name has a slot of its
// own, so that a look-up is one hash and at most one comparison.
// TestEveryKnownNameHasItsSlot fails when a new name collides; then nameSeed
// must change.
var (
	nameTable  [1024]ID
	lowerNames [numIDs][]byte
	maxName    int
)

const nameSeed = 0x5e98c13f

// nameHash mixes the length, the first two bytes, the last two and the middle one, in lower case.
func nameHash(name []byte) uint32 {
	n := len(name)
	h := uint32(binary.LittleEndian.Uint16(name)) | uint32(binary.LittleEndian.Uint16(name[n-2:]))<<16 | 0x20202020
	h = (h ^ uint32(n)<<8 ^ uint32(name[n/2]|0x20)<<19) * nameSeed
	return h >> 22
}

func init() {
	for id := Other + 1; id < numIDs; id++ {
		nameTable[nameHash([]byte(names[id]))] = id
		lowerNames[id] = text.AppendLower(nil, []byte(names[id]))
		maxName = max(maxName, len(names[id]))
	}
}

// MatchVariable reports whether the field name is meant by the variable name
// nginx derives from it: lower case, with "_" for "-" ($http_NAME, $sent_http_NAME).
func MatchVariable(name []byte, variable string) bool {
	if len(name) != len(variable) {
		return false
	}
	for i, c := range name {
		if c == '-' {
			c = '_'
		}
		if text.Lower(c) != variable[i] {
			return false
		}
	}
	return true
}
