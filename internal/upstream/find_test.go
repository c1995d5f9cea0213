package upstream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// byHeader sends each request where its header X-To says.
const byHeader = "server { listen 80; location / { proxy_pass http://$http_x_to; } } "

func TestWhereAVariableLeads(t *testing.T) {
	w := newWorld(t, byHeader+ipv4+"upstream u { server 10.0.0.1; } server { listen 80; server_name x; location / { proxy_pass http://10.0.0.5:85; } }")
	w.serve("10.0.0.1:80", "10.0.0.2:80", "10.0.0.2:81", "[2001:db8::1]:80", "unix:/run/x", "10.0.0.3:80", "10.0.0.3:8080", "10.0.0.5:85")
	w.dns.set("a.test A", "60 IN A 10.0.0.3")
	for _, tt := range []struct{ to, want string }{
		{"u", "10.0.0.1:80"},
		{"U/x", "10.0.0.1:80"},
		{"10.0.0.2", "10.0.0.2:80"},
		{"10.0.0.2:81", "10.0.0.2:81"},
		{"10.0.0.5:85", "10.0.0.5:85"},
		{"[2001:db8::1]", "[2001:db8::1]:80"},
		{"unix:/run/x", "unix:/run/x"},
		{"unix:/run/x:/uri", "unix:/run/x"},
		{"a.test", "10.0.0.3:80"},
		{"A.test:8080", "10.0.0.3:8080"},
		{"u:80", "502"}, // an upstream has no port, so this is a host, of which nobody knows
		{"nowhere.test", "502"},
		{"10.0.0.2:x", "500"},
		{":80", "500"},
		{"", "500"},
	} {
		if got := w.get("/", "X-To: "+tt.to); got != tt.want {
			t.Errorf("to %q: %s, want %s", tt.to, got, tt.want)
		}
	}
	for _, line := range []string{
		"u could not be resolved (3: Host not found)", "nowhere.test could not be resolved (3: Host not found)",
		`invalid port in upstream "10.0.0.2:x"`, `no host in upstream ":80"`,
	} {
		if !strings.Contains(w.logged(), line) {
			t.Errorf("%q is not logged:\n%s", line, w.logged())
		}
	}
}

func TestWithoutResolver(t *testing.T) {
	w := newWorld(t, byHeader)
	want(t, w.get("/", "X-To: a.test"), "502")
	if !strings.Contains(w.logged(), "no resolver defined to resolve a.test") {
		t.Error(w.logged())
	}
}

func TestAResolvedHostFollowsItsNameAndKeepsItsConnections(t *testing.T) {
	w := newWorld(t, byHeader+ipv4).serve("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	get := func() string { return w.get("/", "X-To: a.test") }
	w.dns.set("a.test A", "60 IN A 10.0.0.1", "60 IN A 10.0.0.2")
	want(t, strings.Join([]string{get(), get(), get(), get()}, " "), "10.0.0.1:80 10.0.0.2:80 10.0.0.1:80 10.0.0.2:80")
	if w.dns.asked != 1 {
		t.Errorf("asked %d times", w.dns.asked)
	}
	w.dns.set("a.test A", "60 IN A 10.0.0.2", "60 IN A 10.0.0.3")
	w.sim.Advance(59 * time.Second)
	get()
	get()
	w.sim.Advance(2 * time.Second)
	want(t, strings.Join([]string{get(), get(), get()}, " "), "10.0.0.2:80 10.0.0.3:80 10.0.0.2:80")
	if !w.peers["10.0.0.1:80"][0].ConnClosed() {
		t.Error("the connection to the address that left is open")
	}
	if n := len(w.peers["10.0.0.2:80"]); n != 1 {
		t.Errorf("%d connections to the address that stayed", n)
	}
}

func TestImplicitUpstreamsOutliveAReload(t *testing.T) {
	w := newWorld(t, byHeader).serve("10.0.0.1:80")
	w.get("/", "X-To: 10.0.0.1")
	w.load(byHeader)
	w.get("/", "X-To: 10.0.0.1")
	if n := len(w.peers["10.0.0.1:80"]); n != 1 {
		t.Errorf("the reload cost a connection: %d", n)
	}
}

func TestImplicitUpstreamsAreBounded(t *testing.T) {
	w := newWorld(t, byHeader).serve("10.9.9.9:80")
	w.get("/", "X-To: 10.9.9.9")
	for i := range 600 {
		w.get("/", fmt.Sprintf("X-To: 10.1.%d.%d", i/256, i%256))
		if i == 300 {
			w.get("/", "X-To: 10.9.9.9")
		}
	}
	w.get("/", "X-To: 10.9.9.9")
	if n := len(w.peers["10.9.9.9:80"]); n != 1 {
		t.Errorf("a group in use was forgotten for ones without connections: %d connections", n)
	}
	if got := w.stats("10.9.9.9"); got.Reuses != 2 {
		t.Errorf("reuses %d", got.Reuses)
	}
}
