package core

import (
	"unsafe"

	"hearth/internal/conn"
	"hearth/internal/text"
)

// bytesOf is a string's bytes without a copy. They must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func equalFold(b []byte, s string) bool { return text.EqualFold(b, s) }

// appendHost appends an address without its port, as it stands in a URL and in $server_addr.
func appendHost(dst []byte, a conn.Addr) []byte {
	switch {
	case !a.IsValid():
		return append(dst, "unix:"...)
	case a.IsUnix():
		return append(dst, a.String()...)
	}
	if ip := a.IP.Addr(); ip.Is6() {
		dst = ip.AppendTo(append(dst, '['))
		return append(dst, ']')
	}
	return a.IP.Addr().AppendTo(dst)
}

// appendIP appends an address without port and brackets ($remote_addr).
func appendIP(dst []byte, a conn.Addr) []byte {
	if a.IsUnix() || !a.IsValid() {
		return append(dst, "unix:"...)
	}
	return a.IP.Addr().AppendTo(dst)
}

// portOf is an address's port; 0 for a unix socket.
func portOf(a conn.Addr) int {
	if !a.IP.IsValid() {
		return 0
	}
	return int(a.IP.Port())
}

func isWildcard(a conn.Addr) bool {
	return a.IP.IsValid() && a.IP.Addr().IsUnspecified()
}
