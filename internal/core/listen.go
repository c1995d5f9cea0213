package core

import (
	"net/netip"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/text"
)

// ListenOptions is what the parameters of a listen directive say.
type ListenOptions struct {
	Default      bool
	Bind         bool // a socket of its own, even beside a wildcard
	Backlog      int  // 0 = 511
	RcvBuf       int  // bytes; 0 = the system's
	SndBuf       int
	FastOpen     int // queue length; 0 = off
	DeferAccept  bool
	ReusePort    bool
	IPv6Only     bool
	KeepAlive    conn.KeepAlive
	KeepAliveSet bool // so_keepalive was given
	SSL          bool // connections begin with a TLS handshake
	HTTP2        bool // as if all servers of the address had `http2 on`

	socketSet bool // a parameter of the socket itself was given: once per address
}

// listen is one address of a listen directive.
type listen struct {
	addr conn.Addr
	ListenOptions
}

const defaultBacklog = 511

func defaultListenOptions() ListenOptions {
	return ListenOptions{Backlog: defaultBacklog, IPv6Only: true}
}

// setListen parses `listen address[:port] [parameter ...]`.
func setListen(c *conf.Cursor, b *conf.Block, s *Server, args []string) error {
	m := mainSlot.Of(b)
	addrs, err := parseListenAddr(c, args[0])
	if err != nil {
		return err
	}
	o := defaultListenOptions()
	for _, arg := range args[1:] {
		if err := o.parse(c, arg); err != nil {
			return err
		}
	}
	seen := map[conn.Addr]bool{}
	for _, a := range addrs {
		if seen[a] {
			continue
		}
		seen[a] = true
		l := &listen{a, o}
		s.listens = append(s.listens, l)
		if err := m.addListen(c, s, l); err != nil {
			return err
		}
	}
	return nil
}

// parse reads one parameter.
func (o *ListenOptions) parse(c *conf.Cursor, arg string) error {
	name, value, _ := strings.Cut(arg, "=")
	socket := true
	switch {
	case arg == "default_server" || arg == "default":
		o.Default, socket = true, false
	case arg == "bind":
		o.Bind = true
	case arg == "deferred":
		o.DeferAccept = true
	case arg == "reuseport":
		o.ReusePort = true
	case arg == "ssl":
		o.SSL, socket = true, false
	case arg == "http2":
		c.Warnf("the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead")
		o.HTTP2, socket = true, false
	case arg == "quic":
		return c.Errorf("the \"quic\" parameter requires ngx_http_v3_module")
	case arg == "spdy":
		c.Warnf("invalid parameter \"spdy\": ngx_http_spdy_module was superseded by ngx_http_v2_module")
		socket = false
	case arg == "proxy_protocol":
		return c.Errorf("the \"proxy_protocol\" parameter is not supported by hearth yet")
	case arg == "ipv6only=on":
		o.IPv6Only = true
	case arg == "ipv6only=off":
		o.IPv6Only = false
	case strings.HasPrefix(arg, "ipv6only=o"):
		return c.Errorf("invalid ipv6only flags \"%s\"", value)
	case name == "so_keepalive" && strings.Contains(arg, "="):
		if !o.parseKeepAlive(value) {
			return c.Errorf("invalid so_keepalive value: \"%s\"", value)
		}
	case name == "accept_filter" && strings.Contains(arg, "="):
		c.Warnf("accept filters \"%s\" are not supported on this platform, ignored", arg)
		socket = false
	default:
		if err := o.parseNumber(c, arg); err != nil {
			return err
		}
	}
	if socket {
		o.socketSet, o.Bind = true, true
	}
	return nil
}

// parseNumber reads the parameters whose value is a number or a size.
func (o *ListenOptions) parseNumber(c *conf.Cursor, arg string) error {
	name, value, _ := strings.Cut(arg, "=")
	field, size := (*int)(nil), false
	switch name {
	case "backlog":
		field = &o.Backlog
	case "fastopen":
		field = &o.FastOpen
	case "rcvbuf":
		field, size = &o.RcvBuf, true
	case "sndbuf":
		field, size = &o.SndBuf, true
	}
	if field == nil || len(name) == len(arg) {
		return c.Errorf("invalid parameter \"%s\"", arg)
	}
	n, ok := text.ParseDecimal(value)
	if size {
		n, ok = text.ParseSize(value)
	}
	if !ok || name == "backlog" && n == 0 {
		return c.Errorf("invalid %s \"%s\"", name, arg)
	}
	*field = int(n)
	return nil
}

// parseKeepAlive reads on, off, or [keepidle]:[keepintvl]:[keepcnt].
func (o *ListenOptions) parseKeepAlive(value string) bool {
	o.KeepAliveSet, o.KeepAlive.On = true, value != "off"
	if value == "on" || value == "off" {
		return true
	}
	parts := strings.Split(value, ":")
	if len(parts) != 3 || value == "::" {
		return false
	}
	ok := true
	seconds := func(s string) time.Duration {
		d, good := text.ParseSeconds(s)
		ok = ok && (good || s == "")
		return d
	}
	idle, interval := seconds(parts[0]), seconds(parts[1])
	count := int64(0)
	if parts[2] != "" {
		n, good := text.ParseDecimal(parts[2])
		count, ok = n, ok && good
	}
	o.KeepAlive = conn.KeepAlive{On: true, Idle: idle, Interval: interval, Count: int(count)}
	return ok
}

// parseListenAddr reads the first argument: address, address:port, port, [::1]:port, name:port, unix:path; a port may
// be a range. There may be several addresses.
func parseListenAddr(c *conf.Cursor, arg string) ([]conn.Addr, error) {
	bad := func(why string) ([]conn.Addr, error) {
		return nil, c.Errorf("%s in \"%s\" of the \"listen\" directive", why, arg)
	}
	if path, ok := strings.CutPrefix(arg, "unix:"); ok {
		switch {
		case path == "":
			return bad("no path in the unix domain socket")
		case len(path) > 107:
			return bad("too long path in the unix domain socket")
		}
		return []conn.Addr{conn.Unix(path)}, nil
	}
	host, ports, why := splitListen(arg)
	if why != "" {
		return bad(why)
	}
	low, high, ok := parsePorts(ports)
	switch {
	case !ok && strings.Contains(ports, "-"):
		return bad("invalid port range")
	case !ok:
		return bad("invalid port")
	}
	ips, why := resolveListen(host)
	if why != "" {
		return bad(why)
	}
	var addrs []conn.Addr
	for _, ip := range ips {
		for p := low; p <= high; p++ {
			addrs = append(addrs, conn.Addr{IP: netip.AddrPortFrom(ip, uint16(p))})
		}
	}
	return addrs, nil
}

// splitListen cuts host and port(s). A lone number, or range of them, is a port; a lone name has port 80.
func splitListen(arg string) (host, ports, why string) {
	if first, _, _ := strings.Cut(arg, "-"); isDigits(first) {
		return "*", arg, ""
	}
	return splitHostPort(arg, "80")
}

// splitHostPort cuts "host:port", where the host may be an IPv6 address in brackets and the port may be missing.
func splitHostPort(arg, defaultPort string) (host, port, why string) {
	if strings.ContainsAny(arg, "/?") {
		return "", "", "invalid host"
	}
	if strings.HasPrefix(arg, "[") {
		host, rest, found := strings.Cut(arg[1:], "]")
		switch {
		case !found || host == "":
			return "", "", "invalid host"
		case rest == "":
			return host, defaultPort, ""
		case rest[0] != ':' || len(rest) == 1:
			return "", "", "invalid port"
		}
		return host, rest[1:], ""
	}
	host, port, found := strings.Cut(arg, ":")
	if !found {
		port = defaultPort
	}
	switch {
	case port == "", host == "" && !isDigits(port):
		return "", "", "invalid port"
	case host == "":
		return "", "", "no host"
	}
	return host, port, ""
}

func isDigits(s string) bool {
	_, ok := text.ParseDecimal(s)
	return ok
}

// parsePorts reads "80" or "8000-8010".
func parsePorts(s string) (low, high int, ok bool) {
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	a, okA := text.ParseDecimal(first)
	b, okB := text.ParseDecimal(last)
	return int(a), int(b), okA && okB && a >= 1 && b <= 65535 && a <= b
}
