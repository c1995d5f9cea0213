package core

import (
	"bytes"
	"encoding/base64"

	"golang.org/x/sys/unix"

	"hearth/internal/http1"
	"hearth/internal/text"
)

// connectionVariables come from the connection's kernel side. Those of the PROXY header are empty, as without one, since
// `listen ... proxy_protocol` is refused.
func connectionVariables() []Variable {
	none := func(*Request) ([]byte, bool) { return nil, false }
	return []Variable{
		{Name: "tcpinfo_rtt", Get: tcpInfo(func(i *unix.TCPInfo) uint32 { return i.Rtt }), NoCache: true},
		{Name: "tcpinfo_rttvar", Get: tcpInfo(func(i *unix.TCPInfo) uint32 { return i.Rttvar }), NoCache: true},
		{Name: "tcpinfo_snd_cwnd", Get: tcpInfo(func(i *unix.TCPInfo) uint32 { return i.Snd_cwnd }), NoCache: true},
		{Name: "tcpinfo_rcv_space", Get: tcpInfo(func(i *unix.TCPInfo) uint32 { return i.Rcv_space }), NoCache: true},
		{Name: "proxy_protocol_addr", Get: none},
		{Name: "proxy_protocol_port", Get: none},
		{Name: "proxy_protocol_server_addr", Get: none},
		{Name: "proxy_protocol_server_port", Get: none},
	}
}

func tcpInfo(field func(*unix.TCPInfo) uint32) func(*Request) ([]byte, bool) {
	return func(r *Request) ([]byte, bool) {
		if r.Client.Conn == nil {
			return nil, false
		}
		info, err := r.Client.Conn.Info()
		if err != nil {
			return nil, false
		}
		return r.number(int64(field(info)))
	}
}

func getRemoteAddr(r *Request) ([]byte, bool) {
	return appendIP(r.Alloc(46)[:0], r.Client.Remote), true
}

// getBinaryRemoteAddr is the address in 4 or 16 bytes; a unix socket's is "unix:".
func getBinaryRemoteAddr(r *Request) ([]byte, bool) {
	a := r.Client.Remote
	if !a.IP.IsValid() {
		return bytesOf("unix:"), true
	}
	if ip := a.IP.Addr(); ip.Is4() {
		b := ip.As4()
		return r.Copy(b[:]), true
	}
	b := a.IP.Addr().As16()
	return r.Copy(b[:]), true
}

func getServerAddr(r *Request) ([]byte, bool) {
	local := r.Client.Local()
	if local.IsUnix() {
		return r.Concat(bytesOf("unix:"), bytesOf(local.Path)), true
	}
	return appendIP(r.Alloc(46)[:0], local), true
}

// BasicAuth returns the user and password of an `Authorization: Basic` field, in the request's memory.
func (r *Request) BasicAuth() (user, password []byte, ok bool) {
	v, _ := r.Head.Get(http1.Authorization)
	if !text.HasPrefixFold(v, "Basic ") {
		return nil, nil, false
	}
	v = bytes.TrimLeft(v[len("Basic "):], " ")
	v = bytes.TrimRight(v, "=")
	decoded := r.Alloc(base64.RawStdEncoding.DecodedLen(len(v)))
	n, err := base64.RawStdEncoding.Decode(decoded, v)
	if err != nil {
		return nil, nil, false
	}
	if user, password, ok = bytes.Cut(decoded[:n], []byte(":")); !ok {
		return nil, nil, false
	}
	return user, password, true
}

func getRemoteUser(r *Request) ([]byte, bool) {
	user, _, ok := r.BasicAuth()
	return user, ok && len(user) > 0
}
