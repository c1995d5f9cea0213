package upstream_test

import (
	"fmt"
	"testing"
	"time"
)

func TestAReloadKeepsVitalsPoolAndCounters(t *testing.T) {
	config := "upstream u { server 10.0.0.1 max_fails=1 fail_timeout=1h; server 10.0.0.2; }"
	w := newWorld(t, config).serve("10.0.0.2:80")
	want(t, w.gets(4), "10.0.0.2:80 10.0.0.2:80 10.0.0.2:80 10.0.0.2:80")
	before := w.stats("u")
	w.load(config + "  ")
	after := w.stats("u")
	if before.Dials != after.Dials || before.Reuses != after.Reuses || after.Idle != 1 {
		t.Errorf("before %+v\nafter %+v", before.Figures, after.Figures)
	}
	w.serve("10.0.0.1:80") // it is back, but who failed is left alone for an hour
	want(t, w.gets(4), "10.0.0.2:80 10.0.0.2:80 10.0.0.2:80 10.0.0.2:80")
	if n := len(w.peers["10.0.0.2:80"]); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestAReloadThatMovesALocationKeepsItsConnections(t *testing.T) {
	config := "server { listen 80; server_name example.com; location / { proxy_pass http://10.0.0.1; } }"
	w := newWorld(t, config).serve("10.0.0.1:80")
	w.get("/")
	w.load("upstream v { server 10.0.0.7; }\n\nserver { listen 80; server_name other.test; location / { proxy_pass http://v; } }\n" + config)
	want(t, w.get("/"), "10.0.0.1:80")
	if n := len(w.peers["10.0.0.1:80"]); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestConnectionsAreLocalUnlessToldOtherwise(t *testing.T) {
	for keepalive, want := range map[string]int{"": 2, "keepalive 32 local;": 2, "keepalive 32;": 1} {
		w := newWorld(t, "upstream u { server 10.0.0.1; "+keepalive+" } server { listen 80; location / { proxy_pass http://u; } location /a { proxy_pass http://u; } }").serve("10.0.0.1:80")
		w.get("/")
		w.get("/a")
		w.get("/")
		if n := len(w.peers["10.0.0.1:80"]); n != want {
			t.Errorf("%q: %d connections, want %d", keepalive, n, want)
		}
	}
}

func TestAReloadClosesIdleConnectionsOfRemovedServersOnly(t *testing.T) {
	w := newWorld(t, "upstream u { server 10.0.0.1; server 10.0.0.2; }").serve("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	w.gets(2)
	w.load("upstream u { server 10.0.0.2; server 10.0.0.3; }")
	if !w.peers["10.0.0.1:80"][0].ConnClosed() || w.peers["10.0.0.2:80"][0].ConnClosed() {
		t.Error("closed is to be the connection to the removed server, and only that")
	}
	want(t, w.gets(2), "10.0.0.2:80 10.0.0.3:80")
}

func TestChangedLimitsApplyAtOnce(t *testing.T) {
	w := newWorld(t, "upstream u { server 10.0.0.1; server 10.0.0.2; }").serve("10.0.0.1:80", "10.0.0.2:80")
	w.gets(2)
	w.load("upstream u { server 10.0.0.1; server 10.0.0.2; keepalive 1; keepalive_timeout 5s; }")
	if got := w.stats("u"); got.Idle != 1 || got.Limits.IdleTimeout != 5*time.Second {
		t.Errorf("idle %d, limits %+v", got.Idle, got.Limits)
	}
	w.sim.Advance(6 * time.Second)
	if got := w.stats("u"); got.Idle != 0 {
		t.Errorf("idle %d", got.Idle)
	}
}

func TestARefusedReloadLeavesNoTrace(t *testing.T) {
	w := newWorld(t, "upstream u { server 10.0.0.1; server 10.0.0.2; }").serve("10.0.0.1:80", "10.0.0.2:80")
	w.gets(2)
	g, err := w.compile("upstream u { server 10.0.0.3; keepalive 0; }", true)
	if err != nil {
		t.Fatal(err)
	}
	g.Close() // its port could not be bound, say
	w.sim.Run()
	if got := w.stats("u"); got.Idle != 2 || got.Limits.Idle != 32 {
		t.Errorf("idle %d, limits %+v", got.Idle, got.Limits)
	}
	want(t, w.gets(2), "10.0.0.1:80 10.0.0.2:80")
	if n := len(w.peers["10.0.0.1:80"]) + len(w.peers["10.0.0.2:80"]); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestAnUpstreamThatIsGoneIsClosed(t *testing.T) {
	w := newWorld(t, "upstream u { server 10.0.0.1; }").serve("10.0.0.1:80", "10.0.0.2:80")
	w.get("/")
	w.load("server { listen 80; location / { proxy_pass http://10.0.0.2; } }")
	if !w.peers["10.0.0.1:80"][0].ConnClosed() {
		t.Error("its connection is open")
	}
	want(t, w.get("/"), "10.0.0.2:80")
}

func TestKeepaliveMinKeepsConnectionsReady(t *testing.T) {
	config := "upstream u { server 10.0.0.1; server 10.0.0.2; keepalive_min 2; }"
	w := newWorld(t, config)
	w.sim.Advance(time.Second)
	w.serve("10.0.0.1:80", "10.0.0.2:80") // the servers come up, and nobody has asked for anything yet
	w.sim.Advance(10 * time.Second)
	for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:80"} {
		if n := len(w.peers[addr]); n != 2 {
			t.Errorf("%d connections to %s", n, addr)
		}
	}
	w.get("/")
	w.sim.Advance(time.Second)
	if got := w.stats("u"); got.Idle != 5 && got.Idle != 4 || got.Reuses != 1 {
		t.Errorf("idle %d", got.Idle)
	}
}

func TestMaxConnsIsTheSumOfAnAddressesLines(t *testing.T) {
	for config, want := range map[string]int{
		"server 10.0.0.1 max_conns=2;":                              2,
		"server 10.0.0.1 max_conns=2; server 10.0.0.1 max_conns=3;": 5,
		"server 10.0.0.1 max_conns=2; server 10.0.0.1:80 weight=2;": 0,
		"server 10.0.0.1; server 10.0.0.2 max_conns=7;":             0,
	} {
		w := newWorld(t, fmt.Sprintf("upstream u { %s }", config))
		if got := w.stats("u").Peers[0].MaxConns; got != want {
			t.Errorf("%s: %d, want %d", config, got, want)
		}
	}
}
