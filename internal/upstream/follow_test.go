package upstream_test

import (
	"strings"
	"testing"
	"time"
)

// ipv4 is a resolver directive of which the tests know every question.
const ipv4 = "resolver 192.0.2.53 ipv6=off; "

func TestANameIsFollowedByItsTimeToLive(t *testing.T) {
	w := newWorld(t, ipv4+"upstream u { zone z 64k; server a.test:81 resolve; }").serve("10.0.0.1:81", "10.0.0.2:81", "10.0.0.3:81")
	want(t, w.get("/"), "502") // no address yet, and hearth is up
	w.dns.set("a.test A", "60 IN A 10.0.0.1", "60 IN A 10.0.0.2")
	w.sim.Advance(2 * time.Second)
	want(t, w.gets(4), "10.0.0.1:81 10.0.0.1:81 10.0.0.2:81 10.0.0.2:81")

	w.dns.set("a.test A", "60 IN A 10.0.0.2", "60 IN A 10.0.0.3")
	w.sim.Advance(50 * time.Second)
	want(t, w.gets(2), "10.0.0.1:81 10.0.0.2:81")
	w.sim.Advance(15 * time.Second)
	want(t, w.gets(4), "10.0.0.2:81 10.0.0.2:81 10.0.0.3:81 10.0.0.3:81")
	if log := w.logged(); !strings.Contains(log, "a.test could not be resolved (3: Host not found)") {
		t.Errorf("the log says\n%s", log)
	}
}

func TestIdleConnectionsToAnAddressThatLeftAreClosedAndTheOthersKept(t *testing.T) {
	w := newWorld(t, ipv4+"upstream u { zone z 64k; server a.test:81 resolve; }").serve("10.0.0.1:81", "10.0.0.2:81")
	w.dns.set("a.test A", "5 IN A 10.0.0.1", "5 IN A 10.0.0.2")
	w.sim.Advance(2 * time.Second)
	w.gets(2)
	w.dns.set("a.test A", "5 IN A 10.0.0.2")
	w.sim.Advance(6 * time.Second)
	if !w.peers["10.0.0.1:81"][0].ConnClosed() || w.peers["10.0.0.2:81"][0].ConnClosed() {
		t.Error("closed is to be the connection to the address that left, and only that")
	}
	want(t, w.gets(3), "10.0.0.2:81 10.0.0.2:81 10.0.0.2:81")
	if n := len(w.peers["10.0.0.2:81"]); n != 1 {
		t.Errorf("%d connections to the address that stayed", n)
	}
}

func TestTroubleOfTheNameServersKeepsTheAddresses(t *testing.T) {
	w := newWorld(t, ipv4+"resolver_timeout 3s; upstream u { zone z 64k; server a.test resolve; }").serve("10.0.0.1:80", "10.0.0.2:80")
	w.dns.set("a.test A", "5 IN A 10.0.0.1")
	w.sim.Advance(2 * time.Second)
	w.dns.down = true
	w.sim.Advance(minute)
	want(t, w.get("/"), "10.0.0.1:80")
	w.dns.down = false
	w.dns.set("a.test A", "5 IN A 10.0.0.2")
	w.sim.Advance(4 * time.Second)
	want(t, w.get("/"), "10.0.0.2:80")
}

func TestANameThatIsGoneHasNoServers(t *testing.T) {
	w := newWorld(t, ipv4+"upstream u { zone z 64k; server a.test resolve; server 10.0.0.9 backup; }").serve("10.0.0.1:80", "10.0.0.9:80")
	w.dns.set("a.test A", "5 IN A 10.0.0.1")
	w.sim.Advance(2 * time.Second)
	want(t, w.get("/"), "10.0.0.1:80")
	delete(w.dns.records, "a.test A")
	w.sim.Advance(6 * time.Second)
	want(t, w.get("/"), "10.0.0.9:80")
}

func TestServicesBringPortsWeightsAndBackups(t *testing.T) {
	w := newWorld(t, ipv4+"upstream u { zone z 64k; server a.test service=http resolve; }").serve("10.0.0.1:8001", "10.0.0.2:8002", "10.0.0.3:8003")
	w.dns.set("_http._tcp.a.test SRV", "5 IN SRV 1 2 8001 x.test.", "5 IN SRV 1 1 8002 y.test.", "5 IN SRV 2 9 8003 z.test.")
	w.dns.set("x.test A", "5 IN A 10.0.0.1")
	w.dns.set("y.test A", "5 IN A 10.0.0.2")
	w.dns.set("z.test A", "5 IN A 10.0.0.3")
	w.sim.Advance(2 * time.Second)
	want(t, w.gets(3), "10.0.0.1:8001 10.0.0.1:8001 10.0.0.2:8002")
	w.dns.set("_http._tcp.a.test SRV", "5 IN SRV 2 9 8003 z.test.")
	w.sim.Advance(6 * time.Second)
	want(t, w.gets(1), "10.0.0.3:8003")
}

func TestAServiceWithADotIsJoinedAsItIs(t *testing.T) {
	w := newWorld(t, ipv4+"upstream u { zone z 64k; server a.test service=x.y resolve; }").serve("10.0.0.1:8001")
	w.dns.set("x.y.a.test SRV", "5 IN SRV 1 2 8001 x.test.")
	w.dns.set("x.test A", "5 IN A 10.0.0.1")
	w.sim.Advance(2 * time.Second)
	want(t, w.get("/"), "10.0.0.1:8001")
}

func TestAReloadGoesOnFromTheLastKnownAddresses(t *testing.T) {
	config := ipv4 + "upstream u { zone z 64k; server a.test resolve; }"
	w := newWorld(t, config).serve("10.0.0.1:80")
	w.dns.set("a.test A", "60 IN A 10.0.0.1")
	w.sim.Advance(2 * time.Second)
	want(t, w.get("/"), "10.0.0.1:80")
	w.dns.down = true
	w.load(config)
	want(t, w.get("/"), "10.0.0.1:80")
	if n := len(w.peers["10.0.0.1:80"]); n != 1 {
		t.Errorf("the reload cost a connection: %d", n)
	}
}

func TestOnlyTheNewestGenerationAsks(t *testing.T) {
	config := ipv4 + "upstream u { zone z 64k; server a.test resolve; }"
	w := newWorld(t, config)
	w.dns.set("a.test A", "10 IN A 10.0.0.1")
	for range 5 {
		w.load(config)
	}
	w.sim.Advance(5 * time.Second)
	before := w.dns.asked
	w.sim.Advance(minute)
	if n := w.dns.asked - before; n != 6 {
		t.Errorf("asked %d times in a minute with a time to live of 10 s", n)
	}
	w.load("upstream u { server 10.0.0.1; }")
	before = w.dns.asked
	w.sim.Advance(minute)
	if n := w.dns.asked - before; n != 0 {
		t.Errorf("asked %d times when nobody wants to know any more", n)
	}
}
