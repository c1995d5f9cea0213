package core

import (
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/text"
)

// ResolverConf is a resolver directive.
type ResolverConf struct {
	Servers    []string // host or host:port, as written
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

// ParseResolver parses `address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]`; `off` is nil.
func ParseResolver(c *conf.Cursor, args []string) (*ResolverConf, error) {
	if len(args) == 1 && args[0] == "off" {
		return nil, nil
	}
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
			r.Servers = append(r.Servers, arg)
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
