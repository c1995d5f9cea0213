package core

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sort"
	"sync/atomic"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/http1"
)

// Address is a listen address of one generation: its options and the servers behind it.
type Address struct {
	Addr    conn.Addr
	Options ListenOptions
	Default *Server
	TLS     *AddressTLS // nil: connections are plain

	gen     *Generation
	servers []*Server
	names   nameTable
	single  bool // one server: names need not be looked at
	byHost  func(*http1.HostPort) *http1.RequestOptions
}

// HTTP2 tells whether clients may speak HTTP/2 with a server at the address.
func (a *Address) HTTP2(s *Server) bool { return a.Options.HTTP2 || s.Conf.HTTP2.On }

// Generation is the generation the address belongs to.
func (a *Address) Generation() *Generation { return a.gen }

// Find returns the server for a host name: the one that has it, or the default. A pattern's captures are set in r.
func (a *Address) Find(r *Request, host []byte) *Server {
	if a.single {
		return a.Default
	}
	if s := a.names.find(r, host); s != nil {
		return s
	}
	return a.Default
}

// ByHost finds how the server of a name reads the fields of a request; nil where all servers do it alike. As documented, the
// directives for that count from where the request has named its server on.
func (a *Address) ByHost() func(*http1.HostPort) *http1.RequestOptions { return a.byHost }

// compareReading sets byHost.
func (a *Address) compareReading() {
	for _, s := range a.servers {
		if s.Conf.Requests != a.Default.Conf.Requests {
			a.byHost = func(h *http1.HostPort) *http1.RequestOptions { return &a.Find(nil, h.Lower(nil)).Conf.Requests }
			return
		}
	}
}

// Socket is a socket to bind, and the addresses that connections accepted on it may have come to: a wildcard's socket
// serves the other addresses of its port too, unless they have `bind`.
type Socket struct {
	Addr      conn.Addr
	Options   ListenOptions
	Addresses []*Address // the exact ones, and last that of Addr itself
}

// ListenOptions is what package conn needs to bind the socket.
func (s *Socket) ListenOptions() conn.ListenOptions {
	o := &s.Options
	return conn.ListenOptions{
		Addr: s.Addr, Backlog: o.Backlog, ReusePort: o.ReusePort, IPv6Only: o.IPv6Only, RcvBuf: o.RcvBuf, SndBuf: o.SndBuf,
		DeferAccept: o.DeferAccept, FastOpen: o.FastOpen, KeepAlive: o.KeepAlive,
		NoDelay: !s.Addr.IsUnix() && s.Addresses[len(s.Addresses)-1].Default.Location.Conf.TCPNoDelay,
	}
}

// Lookup returns the address of a connection accepted on the socket, by the address of its own end.
func (s *Socket) Lookup(local func() conn.Addr) *Address {
	last := len(s.Addresses) - 1
	if last == 0 {
		return s.Addresses[0]
	}
	own := local()
	for _, a := range s.Addresses[:last] {
		if a.Addr == own {
			return a
		}
	}
	return s.Addresses[last]
}

// Port is a bound socket over the generations. Swap is for the goroutine that reloads, the rest for all loops.
type Port struct {
	Addr   conn.Addr
	socket atomic.Pointer[Socket]
}

// NewPort returns the port of a socket.
func NewPort(s *Socket) *Port {
	p := &Port{Addr: s.Addr}
	p.Swap(s)
	return p
}

// Swap makes s, of a newer generation, what new requests see.
func (p *Port) Swap(s *Socket) { p.socket.Store(s) }

// Socket returns the newest generation's socket.
func (p *Port) Socket() *Socket { return p.socket.Load() }

// Lookup returns the newest generation's address for a connection: once per request, so that a request on an old
// connection is served by the newest configuration.
func (p *Port) Lookup(local func() conn.Addr) *Address { return p.socket.Load().Lookup(local) }

// listenDefault gives a server without a listen directive nginx's default.
func (m *mainConf) listenDefault(c *conf.Cursor, s *Server) error {
	port := uint16(80)
	if os.Geteuid() != 0 {
		port = 8000
	}
	l := &listen{conn.Addr{IP: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}, defaultListenOptions()}
	s.listens = append(s.listens, l)
	return m.addListen(c, s, l)
}

// addListen enters a server at an address, and combines the options of several listen directives for it.
func (m *mainConf) addListen(c *conf.Cursor, s *Server, l *listen) error {
	a := m.address(l.addr)
	if a == nil {
		m.addresses = append(m.addresses, &Address{Addr: l.addr, Options: l.ListenOptions, Default: s, servers: []*Server{s}})
		return nil
	}
	for _, other := range a.servers {
		if other == s {
			return c.Errorf("a duplicate listen %s", showAddr(l.addr))
		}
	}
	a.servers = append(a.servers, s)
	wasDefault, ssl, http2 := a.Options.Default, a.Options.SSL || l.SSL, a.Options.HTTP2 || l.HTTP2
	if l.socketSet {
		if a.Options.socketSet {
			return c.Errorf("duplicate listen options for %s", showAddr(l.addr))
		}
		a.Options = l.ListenOptions
	}
	a.Options.SSL, a.Options.HTTP2 = ssl, http2
	if l.Default {
		if wasDefault {
			return c.Errorf("a duplicate default server for %s", showAddr(l.addr))
		}
		a.Default = s
	}
	a.Options.Default = wasDefault || l.Default
	return nil
}

func (m *mainConf) address(addr conn.Addr) *Address {
	for _, a := range m.addresses {
		if a.Addr == addr {
			return a
		}
	}
	return nil
}

// enterNames enters the names of all servers. warn gets conflicts of names.
func (m *mainConf) enterNames(warn func(format string, args ...any)) error {
	for _, a := range m.addresses {
		if err := a.enterNames(warn); err != nil {
			return err
		}
	}
	return nil
}

// buildSockets decides which sockets are bound, and how they are served.
func (m *mainConf) buildSockets(g *Generation) {
	for _, a := range m.addresses {
		a.gen = g
		a.compareReading()
		if a.Options.SSL {
			a.TLS = newAddressTLS(a)
		}
	}
	for _, group := range m.byPort() {
		g.Sockets = append(g.Sockets, socketsOf(group)...)
	}
}

// enterNames fills the address's table of names. Where there is one server, its names decide nothing, and are not
// looked at, unless they have captures.
func (a *Address) enterNames(warn func(format string, args ...any)) error {
	a.single = len(a.servers) == 1
	for _, s := range a.servers {
		for _, n := range s.names {
			switch {
			case n.kind == regexName:
				a.single = a.single && n.regex.Groups() == 0
				a.names.add(n, s)
			case len(a.servers) == 1:
			case n.bad:
				return fmt.Errorf("invalid server name or wildcard \"%s\" on %s", n.text, showAddr(a.Addr))
			case !a.names.add(n, s):
				warn("conflicting server name \"%s\" on %s, ignored", n.text, showAddr(a.Addr))
			}
		}
	}
	return nil
}

// portKey tells which addresses can share a socket.
type portKey struct {
	network string
	port    int
	path    string
}

// byPort groups addresses by family and port, in the order of their first listen directive.
func (m *mainConf) byPort() [][]*Address {
	groups := map[portKey]int{}
	var list [][]*Address
	for _, a := range m.addresses {
		key := portKey{"unix", 0, a.Addr.Path}
		if !a.Addr.IsUnix() {
			key = portKey{"4", portOf(a.Addr), ""}
			if a.Addr.IP.Addr().Is6() {
				key.network = "6"
			}
		}
		i, known := groups[key]
		if !known {
			i = len(list)
			groups[key] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], a)
	}
	return list
}

// socketsOf makes the sockets for the addresses of one port.
func socketsOf(group []*Address) []*Socket {
	group = append([]*Address(nil), group...)
	sort.SliceStable(group, func(i, j int) bool { return rank(group[i]) < rank(group[j]) })
	last := group[len(group)-1]
	shared := isWildcard(last.Addr)
	var sockets []*Socket
	var under []*Address
	for _, a := range group {
		if shared && a != last && !a.Options.Bind {
			under = append(under, a)
			continue
		}
		s := &Socket{Addr: a.Addr, Options: a.Options, Addresses: []*Address{a}}
		if a == last {
			s.Addresses = append(under, a)
		}
		sockets = append(sockets, s)
	}
	return sockets
}

// rank sorts addresses with `bind` first and the wildcard last.
func rank(a *Address) int {
	switch {
	case isWildcard(a.Addr):
		return 2
	case a.Options.Bind:
		return 0
	}
	return 1
}

// showAddr writes an address as nginx does in messages.
func showAddr(a conn.Addr) string { return a.String() }

// resolveListen looks up the host of a listen directive; "*" is every IPv4 address.
func resolveListen(host string) (ips []netip.Addr, why string) {
	if host == "*" {
		return []netip.Addr{netip.IPv4Unspecified()}, ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, ""
	}
	found, err := net.LookupIP(host)
	if err != nil || len(found) == 0 {
		return nil, "host not found"
	}
	for _, f := range found {
		if ip, ok := netip.AddrFromSlice(f); ok {
			ips = append(ips, ip.Unmap())
		}
	}
	return ips, ""
}
