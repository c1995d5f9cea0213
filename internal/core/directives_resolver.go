package core

import (
	"net/netip"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/text"
)

// ResolverConf is a resolver directive.
type ResolverConf struct {
	Servers    []conn.Addr
	Valid      time.Duration
	IPv4, IPv6 bool
	Zone       string
}

var resolverDirectives = []conf.Directive{
	conf.Field(Settings, conf.Directive{Name: "resolver", In: conf.ToLocation, Args: conf.OneMore,
		Doc: "Name servers for names that are resolved while running."},
		ParseResolver, func(c *LocationConf) **ResolverConf { return &c.Resolver }),
	conf.Field(Settings, conf.Directive{Name: "resolver_timeout", In: conf.ToLocation, Default: "30s",
		Doc: "Time limit for resolving a name."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.ResolverTimeout }),
}

// ParseResolver parses `address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]`.
func ParseResolver(c *conf.Cursor, args []string) (*ResolverConf, error) {
	r := &ResolverConf{IPv4: true, IPv6: true}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		ok := true
		switch name {
		case "valid":
			r.Valid, ok = text.ParseSeconds(value)
		case "ipv4":
			r.IPv4, ok = value == "on", value == "on" || value == "off"
		case "ipv6":
			r.IPv6, ok = value == "on", value == "on" || value == "off"
		case "status_zone":
			r.Zone = value
		default:
			addrs, why := parseNameServer(arg)
			if why != "" {
				return nil, c.Errorf("%s in resolver \"%s\"", why, arg)
			}
			r.Servers = append(r.Servers, addrs...)
		}
		if !ok {
			return nil, c.Errorf("invalid parameter: %s", arg)
		}
	}
	if !r.IPv4 && !r.IPv6 {
		return nil, c.Errorf("\"ipv4\" and \"ipv6\" cannot both be \"off\"")
	}
	if len(r.Servers) == 0 {
		return nil, c.Errorf("no name servers defined")
	}
	return r, nil
}

// parseNameServer reads address[:port]; a name is resolved by the system, once. The port is 53 unless given.
func parseNameServer(arg string) (addrs []conn.Addr, why string) {
	host, port, why := splitHostPort(arg, "53")
	if why != "" {
		return nil, why
	}
	n, _, ok := parsePorts(port)
	if !ok || !isDigits(port) {
		return nil, "invalid port"
	}
	ips, why := resolveListen(host)
	for _, ip := range ips {
		addrs = append(addrs, conn.Addr{IP: netip.AddrPortFrom(ip, uint16(n))})
	}
	return addrs, why
}
