package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/conn"
)

// endpoint is the address part of an URL as written: "host[:port]", "[v6][:port]" or "unix:/path".
type endpoint struct {
	host   string // with its brackets or "unix:"
	port   uint16 // the default when none is written; 0 for a unix socket
	noPort bool   // none is written
	addr   conn.Addr
}

// literal tells that the address needs no look-up.
func (e endpoint) literal() bool { return e.addr.IsValid() }

// portless tells that a port is needed, and neither written nor defaulted (grpc_pass has no default).
func (e endpoint) portless() bool { return e.port == 0 && !e.addr.IsUnix() }

// parseEndpoint reads an address. why is what nginx says of a bad one, before ` in upstream "..."`.
func parseEndpoint(s string, defaultPort uint16) (e endpoint, why string) {
	if len(s) >= 5 && strings.EqualFold(s[:5], "unix:") {
		path := strings.TrimSuffix(s[5:], ":")
		switch {
		case path == "":
			return e, "no path in the unix domain socket"
		case len(path) >= len(unix.RawSockaddrUnix{}.Path):
			return e, "too long path in the unix domain socket"
		}
		return endpoint{host: "unix:" + path, noPort: true, addr: conn.Unix(path)}, ""
	}
	if strings.ContainsAny(s, "/?") {
		return e, "invalid host"
	}
	end := 0
	if strings.HasPrefix(s, "[") {
		if end = strings.IndexByte(s, ']') + 1; end == 0 || end < len(s) && s[end] != ':' {
			return e, "invalid host"
		}
	}
	host, port, found := strings.Cut(s[end:], ":")
	e = endpoint{host: s[:end] + host, port: defaultPort, noPort: !found}
	if found {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return e, "invalid port"
		}
		e.port = uint16(n)
	}
	if e.host == "" || e.host == "[]" {
		return e, "no host"
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(e.host, "["), "]"))
	switch {
	case err == nil && (end > 0) == ip.Is6():
		e.addr = conn.TCP(netip.AddrPortFrom(ip, e.port))
	case end > 0:
		return e, "invalid IPv6 address"
	}
	return e, ""
}

// lookupTimeout bounds a look-up while a configuration is read.
const lookupTimeout = 10 * time.Second

// lookup finds the addresses with the system's resolver, as nginx does when it reads its configuration; none if there
// is no such host. IPv4 comes first, and the order is always the same, so that balancing by hash agrees between reloads.
func (e endpoint) lookup() []conn.Addr {
	if e.literal() {
		return []conn.Addr{e.addr}
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", e.host)
	if err != nil {
		return nil
	}
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	var addrs []conn.Addr
	for _, ip := range slices.Compact(ips) {
		addrs = append(addrs, conn.TCP(netip.AddrPortFrom(ip, e.port)))
	}
	return addrs
}
