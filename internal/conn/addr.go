package conn

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addr is a socket address: an IP address and port, or the path of a unix socket. It is comparable
// and the zero Addr is none. A path that begins with "@" names an abstract socket.
type Addr struct {
	IP   netip.AddrPort // not valid for a unix socket
	Path string
}

// TCP returns the address of a TCP socket. An IPv4 address mapped into IPv6 becomes plain.
func TCP(ap netip.AddrPort) Addr {
	return Addr{IP: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}
}

// Unix returns the address of a unix socket.
func Unix(path string) Addr { return Addr{Path: path} }

var errAddr = errors.New("invalid address")

// ParseAddr parses what String returns: "127.0.0.1:80", "[::1]:80", "unix:/path".
func ParseAddr(s string) (Addr, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || len(path) >= len(unix.RawSockaddrUnix{}.Path) {
			return Addr{}, errAddr
		}
		return Unix(path), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return Addr{}, errAddr
	}
	return TCP(ap), nil
}

// MustAddr is ParseAddr for constants.
func MustAddr(s string) Addr {
	a, err := ParseAddr(s)
	if err != nil {
		panic("conn: " + s + ": " + err.Error())
	}
	return a
}

// IsValid tells whether a is an address at all.
func (a Addr) IsValid() bool { return a.Path != "" || a.IP.IsValid() }

// IsUnix tells whether a is a unix socket's.
func (a Addr) IsUnix() bool { return a.Path != "" }

// Network returns "unix" or "tcp".
func (a Addr) Network() string {
	if a.IsUnix() {
		return "unix"
	}
	return "tcp"
}

// String returns the address as nginx writes it; "unix:" is that of a nameless unix socket.
func (a Addr) String() string {
	if !a.IP.IsValid() {
		return "unix:" + a.Path
	}
	return a.IP.String()
}

// Append appends String to b.
func (a Addr) Append(b []byte) []byte {
	if !a.IP.IsValid() {
		return append(append(b, "unix:"...), a.Path...)
	}
	return a.IP.AppendTo(b)
}

// Host returns the address without its port, an IPv6 address without brackets, "unix:" for a unix socket:
// nginx's $remote_addr.
func (a Addr) Host() string {
	if !a.IP.IsValid() {
		return "unix:"
	}
	return a.IP.Addr().String()
}

// Port returns the port as text, "" for a unix socket.
func (a Addr) Port() string {
	if !a.IP.IsValid() {
		return ""
	}
	return strconv.Itoa(int(a.IP.Port()))
}

func (a Addr) family() int {
	switch {
	case a.IsUnix():
		return unix.AF_UNIX
	case a.IP.Addr().Is4():
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// sockaddr is a raw socket address, big enough for every family we speak.
type sockaddr struct {
	raw unix.RawSockaddrAny
	n   uint32
}

func (s *sockaddr) clear() { s.n = uint32(unsafe.Sizeof(s.raw)) }

// encode fills s with a's form for the kernel.
func (s *sockaddr) encode(a Addr) error {
	switch a.family() {
	case unix.AF_UNIX:
		u := (*unix.RawSockaddrUnix)(unsafe.Pointer(&s.raw))
		if len(a.Path) >= len(u.Path) {
			return unix.ENAMETOOLONG
		}
		u.Family = unix.AF_UNIX
		for i := range len(a.Path) {
			u.Path[i] = int8(a.Path[i])
		}
		s.n = uint32(unsafe.Offsetof(u.Path)) + uint32(len(a.Path))
		if a.Path[0] == '@' {
			u.Path[0] = 0
		} else {
			s.n++ // the final NUL
		}
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		in.Family, in.Port, in.Addr = unix.AF_INET, swap16(a.IP.Port()), a.IP.Addr().As4()
		s.n = unix.SizeofSockaddrInet4
	default:
		if !a.IP.IsValid() {
			return unix.EINVAL
		}
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&s.raw))
		in.Family, in.Port, in.Addr = unix.AF_INET6, swap16(a.IP.Port()), a.IP.Addr().As16()
		in.Scope_id = zoneID(a.IP.Addr().Zone())
		s.n = unix.SizeofSockaddrInet6
	}
	return nil
}

// decode is the Addr of what the kernel filled in.
func (s *sockaddr) decode() Addr {
	switch s.raw.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		return Addr{IP: netip.AddrPortFrom(netip.AddrFrom4(in.Addr), swap16(in.Port))}
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&s.raw))
		ip := netip.AddrFrom16(in.Addr).Unmap()
		if in.Scope_id != 0 {
			ip = ip.WithZone(strconv.Itoa(int(in.Scope_id)))
		}
		return Addr{IP: netip.AddrPortFrom(ip, swap16(in.Port))}
	case unix.AF_UNIX:
		u := (*unix.RawSockaddrUnix)(unsafe.Pointer(&s.raw))
		n := int(s.n) - int(unsafe.Offsetof(u.Path))
		if n <= 0 {
			return Addr{}
		}
		path := unsafe.Slice((*byte)(unsafe.Pointer(&u.Path[0])), len(u.Path))[:min(n, len(u.Path))]
		if path[0] == 0 {
			return Addr{Path: "@" + string(path[1:])}
		}
		end := strings.IndexByte(string(path), 0)
		if end < 0 {
			end = len(path)
		}
		return Addr{Path: string(path[:end])}
	}
	return Addr{}
}

// swap16 turns a port from the machine's order to the network's and back; every machine that hearth
// is built for is little-endian.
func swap16(v uint16) uint16 { return v<<8 | v>>8 }

func zoneID(zone string) uint32 {
	n, _ := strconv.Atoi(zone)
	return uint32(n)
}
