package upstream

import (
	"net/netip"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
)

// adapt settles what may differ from peer to peer, for the one just picked, before it gets a connection: whether it is
// allowed at all (proxy_allow_upstream), from where to connect (proxy_bind_dynamic), what to send it
// (proxy_request_dynamic). nil = go on.
func (x *Exchange) adapt() *Fault {
	set := x.Set
	if !allowed(x.R, set.Allow) {
		x.begin(x.Peer.Name)
		return &Fault{Condition: OnDenied, Status: 502, cause: "upstream denied by \"proxy_allow_upstream\" while " + string(connecting)}
	}
	if set.BindDynamic && set.Bind != nil {
		x.setBind()
	}
	if set.RequestDynamic {
		if err := x.Proto.BuildRequest(x); err != nil {
			x.begin(x.Peer.Name)
			return &Fault{Status: 500, Harmless: true, cause: err.Error()}
		}
	}
	return nil
}

// allowed says whether none of the values is empty or "0".
func allowed(r *core.Request, conditions []*core.Value) bool {
	for _, c := range conditions {
		if v := c.Eval(r); len(v) == 0 || string(v) == "0" {
			return false
		}
	}
	return true
}

// setBind evaluates proxy_bind.
func (x *Exchange) setBind() {
	x.bind = conn.Addr{}
	value := x.Set.Bind.Eval(x.R)
	if len(value) == 0 {
		return
	}
	addr, ok := ParseLocal(string(value))
	if !ok {
		x.R.Error(logs.Error, "invalid local address \"%s\"", value)
		return
	}
	x.bind = addr
}

// ParseLocal parses an address that a connection can come from: an IP address, bracketed if it is IPv6 and a port
// follows. ok is false for anything else.
func ParseLocal(s string) (addr conn.Addr, ok bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return conn.TCP(netip.AddrPortFrom(ip, 0)), ip.Zone() == ""
	}
	ap, err := netip.ParseAddrPort(s)
	return conn.TCP(ap), err == nil && ap.Port() > 0 && ap.Addr().Zone() == ""
}
