package upstream

import (
	"strconv"
	"testing"
)

func TestEndpoints(t *testing.T) {
	for s, want := range map[string]string{
		"a.test":         "a.test 80 default",
		"a.test:81":      "a.test 81",
		"127.0.0.1":      "127.0.0.1 80 default =127.0.0.1:80",
		"127.0.0.1:8080": "127.0.0.1 8080 =127.0.0.1:8080",
		"[::1]:81":       "[::1] 81 =[::1]:81",
		"unix:/run/x":    "unix:/run/x 0 default =unix:/run/x",
		"unix:/run/x:":   "unix:/run/x 0 default =unix:/run/x",
		"UNIX:/run/x":    "unix:/run/x 0 default =unix:/run/x",
		"a.test:":        "invalid port",
		"a.test:0":       "invalid port",
		"a.test:+1":      "invalid port",
		"a.test:99999":   "invalid port",
		"":               "no host",
		":80":            "no host",
		"unix:":          "no path in the unix domain socket",
		"a/b":            "invalid host",
		"[::1":           "invalid host",
		"[x]":            "invalid IPv6 address",
		"[127.0.0.1]":    "invalid IPv6 address",
	} {
		e, why := parseEndpoint(s, 80)
		got := why
		if why == "" {
			got = e.host + " " + strconv.Itoa(int(e.port))
			if e.noPort {
				got += " default"
			}
			if e.literal() {
				got += " =" + e.addr.String()
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"a.test:81", "[::1]:81", "unix:/x:", "127.0.0.1", "[", "]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, why := parseEndpoint(s, 80)
		if why != "" || e.addr.IsUnix() { // a path may be anything
			return
		}
		if e.host == "" || e.port == 0 {
			t.Errorf("%q gave %+v", s, e)
		}
		if again, why := parseEndpoint(e.host, e.port); why != "" || again.host != e.host || again.addr != e.addr {
			t.Errorf("%q: its host %q gave %+v %s", s, e.host, again, why)
		}
	})
}
