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
func (id ID) Lower() []byte {
	if k := &knownNames[id]; k.len > 0 {
		return k.lower[:k.len:k.len]
	}
	return nil
}

// knownName is a name for comparing with in any case, eight bytes at a time.
type knownName struct {
	len     int
	lower   [longestName]byte
	letters [longestName]byte // 0x20, by which the cases differ, where there is a letter
}

const longestName = 32 // a multiple of eight; none is as long

// Lookup returns the ID of a field name, in whatever case it is written, or Other, as for anything that is no name.
func Lookup(name []byte) ID {
	n := len(name)
	if n < 2 || n >= longestName {
		return Other
	}
	id := nameTable[nameHash(name)]
	known := &knownNames[id]
	if known.len != n {
		return Other
	}
	// The last bytes are compared first and, where they overlap with others, twice.
	var differ uint64
	switch le := binary.LittleEndian; {
	case n >= 8:
		differ = (le.Uint64(name[n-8:]) ^ le.Uint64(known.lower[n-8:])) &^ le.Uint64(known.letters[n-8:])
		for i := 0; i+8 < n; i += 8 {
			differ |= (le.Uint64(name[i:]) ^ le.Uint64(known.lower[i:])) &^ le.Uint64(known.letters[i:])
		}
	case n >= 4:
		differ = uint64((le.Uint32(name[n-4:])^le.Uint32(known.lower[n-4:]))&^le.Uint32(known.letters[n-4:]) |
			(le.Uint32(name)^le.Uint32(known.lower[:]))&^le.Uint32(known.letters[:]))
	default:
		differ = uint64((le.Uint16(name[n-2:])^le.Uint16(known.lower[n-2:]))&^le.Uint16(known.letters[n-2:]) |
			(le.Uint16(name)^le.Uint16(known.lower[:]))&^le.Uint16(known.letters[:]))
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
	knownNames [numIDs]knownName
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
		name := names[id]
		nameTable[nameHash([]byte(name))] = id
		k := &knownNames[id]
		k.len = len(name)
		for i := range len(name) {
			k.lower[i] = text.Lower(name[i])
			if k.lower[i] >= 'a' && k.lower[i] <= 'z' {
				k.letters[i] = 'a' - 'A'
			}
		}
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
