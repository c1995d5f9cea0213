package http2

import "hearth/internal/http1"

// staticEntries is the size of the static table (RFC 7541, Appendix A).
const staticEntries = 61

// The entries that are used by their number.
const (
	staticAuthority  = 1
	staticGET        = 2
	staticPOST       = 3
	staticRoot       = 4
	staticHTTP       = 6
	staticHTTPS      = 7
	staticStatusName = 8
)

var (
	authorityName = []byte(":authority")
	methodName    = []byte(":method")
	pathName      = []byte(":path")
	schemeName    = []byte(":scheme")
	statusName    = []byte(":status")
)

func staticStatus(code int) int {
	switch code {
	case 200:
		return 8
	case 204:
		return 9
	case 206:
		return 10
	case 304:
		return 11
	case 400:
		return 12
	case 404:
		return 13
	case 500:
		return 14
	}
	return 0
}

// staticNames is the first entry that has the name of a known field, or 0.
var staticNames = func() (t [256]uint8) {
	const firstField = 15
	for i, name := range [...]string{"accept-charset", "accept-encoding", "accept-language", "accept-ranges", "accept",
		"access-control-allow-origin", "age", "allow", "authorization", "cache-control", "content-disposition",
		"content-encoding", "content-language", "content-length", "content-location", "content-range", "content-type",
		"cookie", "date", "etag", "expect", "expires", "from", "host", "if-match", "if-modified-since", "if-none-match",
		"if-range", "if-unmodified-since", "last-modified", "link", "location", "max-forwards", "proxy-authenticate",
		"proxy-authorization", "range", "referer", "refresh", "retry-after", "server", "set-cookie",
		"strict-transport-security", "transfer-encoding", "user-agent", "vary", "via", "www-authenticate"} {
		if id := http1.Lookup([]byte(name)); id != http1.Other {
			t[id] = uint8(firstField + i)
		}
	}
	return t
}()
