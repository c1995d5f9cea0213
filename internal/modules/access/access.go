// Package access is ngx_http_access_module: allow and deny by client address. How its verdict combines with those of
// other modules (`satisfy`) is core's business.
package access

import (
	"net/netip"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
)

// Module is the access module.
var Module = core.Module{
	Name: "ngx_http_access_module",
	Directives: []conf.Directive{
		rule("allow", false, "Let clients of an address or network in."),
		rule("deny", true, "Keep clients of an address or network out."),
	},
	Phases: []core.Phase{{At: core.Access, Run: check, On: func(b *conf.Block) bool { return len(slot.Of(b).rules) > 0 }}},
}

// settings are the rules of a block in the order of the file: the first that matches decides.
type settings struct{ rules []networkRule }

var slot = conf.NewSlot[settings](conf.LocationLevel)

// networkRule is one allow or deny. For "all" and "unix:" the network is not valid.
type networkRule struct {
	network   netip.Prefix
	all, unix bool
	deny      bool
}

func rule(name string, deny bool, doc string) conf.Directive {
	return conf.List(slot, conf.Directive{Name: name, In: conf.ToLocation | conf.LimitExcept, Doc: doc},
		func(c *conf.Cursor, args []string) (networkRule, error) {
			r, err := parse(c, args[0])
			r.deny = deny
			return r, err
		}, func(s *settings) *[]networkRule { return &s.rules })
}

// parse reads `all`, `unix:`, an address, or a network in CIDR form. Numbers with leading zeros, which nginx takes as
// decimal and others as octal, are refused.
func parse(c *conf.Cursor, arg string) (networkRule, error) {
	switch arg {
	case "all":
		return networkRule{all: true}, nil
	case "unix:":
		return networkRule{unix: true}, nil
	}
	var network netip.Prefix
	var err error
	if strings.Contains(arg, "/") {
		network, err = netip.ParsePrefix(arg)
	} else {
		var addr netip.Addr
		if addr, err = netip.ParseAddr(arg); err == nil && addr.Zone() == "" {
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
	}
	if err != nil || !network.IsValid() {
		return networkRule{}, c.Errorf("invalid parameter \"%s\"", arg)
	}
	if network.Masked() != network {
		c.Warnf("low address bits of %s are meaningless", arg)
		network = network.Masked()
	}
	return networkRule{network: network}, nil
}

// check goes through the rules. IPv4 clients of an IPv6 socket are IPv4 clients.
func check(r *core.Request) core.Verdict {
	client := r.Client.Remote
	unix := client.IsUnix() || !client.IsValid()
	var ip netip.Addr
	if !unix {
		ip = client.IP.Addr().Unmap()
	}
	rules := slot.Of(r.Location.Block).rules
	for i := range rules {
		x := &rules[i]
		if !(x.all || x.unix && unix || !unix && x.network.IsValid() && x.network.Contains(ip)) {
			continue
		}
		if !x.deny {
			return core.OK
		}
		if !r.Location.Conf.SatisfyAny {
			r.Error(logs.Error, "access forbidden by rule")
		}
		return 403
	}
	return core.Declined
}
