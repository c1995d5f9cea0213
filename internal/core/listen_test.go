package core_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hearth/internal/core/coretest"
)

// The messages are those of Debian's nginx -t for the same lines.
func TestListenErrors(t *testing.T) {
	for _, tt := range []struct{ listen, want string }{
		{"80 80", `invalid parameter "80"`},
		{"80 bogus", `invalid parameter "bogus"`},
		{"80 backlog=0", `invalid backlog "backlog=0"`},
		{"80 backlog=x", `invalid backlog "backlog=x"`},
		{"70000", `invalid port in "70000" of the "listen" directive`},
		{"0", `invalid port in "0" of the "listen" directive`},
		{"127.0.0.1:", `invalid port in "127.0.0.1:" of the "listen" directive`},
		{"/tmp/x", `invalid host in "/tmp/x" of the "listen" directive`},
		{"http://127.0.0.1", `invalid host in "http://127.0.0.1" of the "listen" directive`},
		{"''", `no host in "" of the "listen" directive`},
		{"::1", `invalid port in "::1" of the "listen" directive`},
		{":80", `no host in ":80" of the "listen" directive`},
		{"[::1", `invalid host in "[::1" of the "listen" directive`},
		{"[::]:", `invalid port in "[::]:" of the "listen" directive`},
		{"[::1]:80 ipv6only=maybe", `invalid parameter "ipv6only=maybe"`},
		{"[::1]:80 ipv6only=ok", `invalid ipv6only flags "ok"`},
		{"unix:", `no path in the unix domain socket in "unix:" of the "listen" directive`},
		{"80 so_keepalive=x", `invalid so_keepalive value: "x"`},
		{"80 so_keepalive=::", `invalid so_keepalive value: "::"`},
		{"80 rcvbuf=x", `invalid rcvbuf "rcvbuf=x"`},
		{"80 fastopen=x", `invalid fastopen "fastopen=x"`},
		{"80 setfib=1", `invalid parameter "setfib=1"`},
		{"80-70", `invalid port range in "80-70" of the "listen" directive`},
		{"127.0.0.1:80:80", `invalid port in "127.0.0.1:80:80" of the "listen" directive`},
		{"127.0.0.1:99999", `invalid port in "127.0.0.1:99999" of the "listen" directive`},
		{"80 proxy_protocol", `the "proxy_protocol" parameter is not supported by hearth yet`}, // nginx takes it
		{"80 deferred=1", `invalid parameter "deferred=1"`},
		{"80; listen 80", `a duplicate listen 0.0.0.0:80`},
		{"80; listen *:80", `a duplicate listen 0.0.0.0:80`},
		{"unix:/x; listen unix:/x", `a duplicate listen unix:/x`},
		{"80 bind; } server { listen 80 bind", `duplicate listen options for 0.0.0.0:80`},
		{"80 default_server; } server { listen 80 default_server", `a duplicate default server for 0.0.0.0:80`},
		{"[::1]:80 default_server; } server { listen [::1]:80 default_server", `a duplicate default server for [::1]:80`},
	} {
		got := coretest.LoadError(t, modules, "server { listen "+tt.listen+"; }")
		if got != tt.want+" in nginx.conf:1" {
			t.Errorf("%s\n got %s\nwant %s", tt.listen, got, tt.want)
		}
	}
}

func TestServerNameErrors(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"*", `server name "*" is invalid in nginx.conf:1`},
		{"*.", `server name "*." is invalid in nginx.conf:1`},
		{".", `server name "." is invalid in nginx.conf:1`},
		{"*a", `server name "*a" is invalid in nginx.conf:1`},
		{"~", `empty regex in server name "~" in nginx.conf:1`},
		{"a*", ""},
		{"..a", ""},
		{"a*; } server { server_name b", `invalid server name or wildcard "a*" on 0.0.0.0:80`},
		{"a..b; } server { server_name b", `invalid server name or wildcard "a..b" on 0.0.0.0:80`},
	} {
		if got := coretest.LoadError(t, modules, "server { server_name "+tt.name+"; }"); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestSocketsAreSharedUnderAWildcard(t *testing.T) {
	s := coretest.New(t, modules, `
		server { listen 80; listen 127.0.0.1:80; listen 127.0.0.2:80 bind; listen [::1]:80; listen 8000-8002; listen unix:/tmp/x; listen 127.0.0.3:81; listen 127.0.0.4:81; }
	`)
	var got []string
	for _, socket := range s.Gen.Sockets {
		line := socket.Addr.String() + ":"
		for _, a := range socket.Addresses {
			line += " " + a.Addr.String()
		}
		got = append(got, line)
	}
	want := []string{
		"127.0.0.2:80: 127.0.0.2:80", "0.0.0.0:80: 127.0.0.1:80 0.0.0.0:80", "[::1]:80: [::1]:80",
		"0.0.0.0:8000: 0.0.0.0:8000", "0.0.0.0:8001: 0.0.0.0:8001", "0.0.0.0:8002: 0.0.0.0:8002", "unix:/tmp/x: unix:/tmp/x",
		"127.0.0.3:81: 127.0.0.3:81", "127.0.0.4:81: 127.0.0.4:81",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListenOptions(t *testing.T) {
	s := coretest.New(t, modules, `server { listen 80 backlog=5 rcvbuf=4k sndbuf=1m so_keepalive=30m::10 deferred fastopen=7 reuseport default_server; }
		server { listen 80; server_name b; }`)
	o := s.Gen.Sockets[0].ListenOptions()
	if o.Backlog != 5 || o.RcvBuf != 4096 || o.SndBuf != 1<<20 || !o.DeferAccept || o.FastOpen != 7 || !o.ReusePort ||
		!o.KeepAlive.On || o.KeepAlive.Idle.Minutes() != 30 || o.KeepAlive.Count != 10 {
		t.Errorf("%+v", o)
	}
}
