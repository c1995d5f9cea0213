package upstream

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/text"
)

// serverLine is one `server` of an upstream block, with the addresses its name had when the configuration was read.
type serverLine struct {
	name    string // as written
	host    string
	port    string
	addrs   []conn.Addr
	params  Params
	resolve bool   // follow the name's addresses by its TTL
	service string // SRV record to look up, e.g. "http" for _http._tcp.NAME
}

// parseServer reads `server ADDRESS [PARAMETERS]` (ngx_http_upstream_module, "server").
func parseServer(c *conf.Cursor, args []string) (serverLine, error) {
	s := serverLine{name: args[0], params: Params{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}}
	m := &roundRobin
	if b := blocks.Of(c.In()); b.method != nil {
		m = b.method
	}
	for _, arg := range args[1:] {
		if err := s.parameter(c, m, arg); err != nil {
			return s, err
		}
	}
	var err error
	if s.host, s.port, err = splitAddress(c, s.name, "80"); err != nil {
		return s, err
	}
	if s.resolve || s.service != "" {
		if s.service != "" && hasPort(s.name) {
			return s, c.Errorf("service upstream \"%s\" may not have port", s.name)
		}
		if s.service != "" && !s.resolve {
			return s, c.Errorf("service upstream \"%s\" requires \"resolve\" parameter", s.name)
		}
		return s, nil // looked up by the resolver while running
	}
	s.addrs, err = lookup(c.Pos(), s.name, s.host, s.port)
	return s, err
}

// parameter applies one parameter.
func (s *serverLine) parameter(c *conf.Cursor, m *method, arg string) error {
	invalid := c.Errorf("invalid parameter \"%s\"", arg)
	key, value, _ := strings.Cut(arg, "=")
	number := func(p *int, least int) error {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || int(n) < least {
			return invalid
		}
		*p = int(n)
		return nil
	}
	duration := func(p *time.Duration) error {
		d, ok := text.ParseSeconds(value)
		if !ok {
			return invalid
		}
		*p = d
		return nil
	}
	switch key {
	case "weight":
		return number(&s.params.Weight, 1)
	case "max_conns":
		return number(&s.params.MaxConns, 0)
	case "max_fails":
		return number(&s.params.MaxFails, 0)
	case "fail_timeout":
		return duration(&s.params.FailTimeout)
	case "slow_start":
		return duration(&s.params.SlowStart)
	case "service":
		if value == "" {
			return c.Errorf("empty \"service\" parameter")
		}
		s.service = value
		return nil
	}
	switch arg {
	case "backup":
		if !m.backup {
			return c.Errorf("balancing method does not support parameter \"%s\"", arg)
		}
		s.params.Backup = true
	case "down":
		s.params.Down = true
	case "resolve":
		s.resolve = true
	default:
		return invalid
	}
	return nil
}

// splitAddress cuts "host[:port]", "[v6][:port]" or "unix:path" and checks the port.
func splitAddress(c *conf.Cursor, s, defaultPort string) (host, port string, err error) {
	switch {
	case strings.HasPrefix(s, "unix:"):
		if path := s[len("unix:"):]; path == "" {
			return "", "", c.Errorf("no path in the unix domain socket in upstream \"%s\"", s)
		}
		return s, "", nil
	case strings.HasPrefix(s, "["):
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", "", c.Errorf("invalid host in upstream \"%s\"", s)
		}
		host, port = s[1:end], strings.TrimPrefix(s[end+1:], ":")
	default:
		host, port, _ = strings.Cut(s, ":")
	}
	if host == "" {
		return "", "", c.Errorf("no host in upstream \"%s\"", s)
	}
	if !hasPort(s) {
		return host, defaultPort, nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", c.Errorf("invalid port in upstream \"%s\"", s)
	}
	return host, port, nil
}

// hasPort says whether an address as written names a port.
func hasPort(s string) bool {
	if strings.HasPrefix(s, "unix:") {
		return false
	}
	return strings.Contains(s[strings.IndexByte(s, ']')+1:], ":")
}

// lookupTimeout bounds a look-up while a configuration is read.
const lookupTimeout = 10 * time.Second

// lookup finds the addresses of a host with the system's resolver, as nginx does when it reads its configuration.
func lookup(pos conf.Pos, name, host, port string) ([]conn.Addr, error) {
	if strings.HasPrefix(host, "unix:") {
		return []conn.Addr{conn.Unix(host[len("unix:"):])}, nil
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	if ip, err := netip.ParseAddr(host); err == nil {
		return []conn.Addr{conn.TCP(netip.AddrPortFrom(ip, uint16(n)))}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(ips) == 0 {
		return nil, pos.Errorf("host not found in upstream \"%s\"", name)
	}
	var addrs []conn.Addr
	for _, ip := range ips {
		addrs = append(addrs, conn.TCP(netip.AddrPortFrom(ip.Unmap(), uint16(n))))
	}
	return addrs, nil
}
