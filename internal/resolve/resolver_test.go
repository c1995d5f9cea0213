package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"hearth/internal/loop"
)

// show is an answer as text.
func show(a *Answer) string {
	if a.Err != nil {
		return a.Err.Error()
	}
	var all []string
	for _, addr := range a.Addrs {
		all = append(all, addr.String())
	}
	return strings.Join(all, " ")
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAddressesOfAName(t *testing.T) {
	z := &zone{rcode: map[string]int{"refused.test.": dns.RcodeRefused, "broken.test.": dns.RcodeServerFailure}}
	z.set("a.test. A", "a.test. 60 IN A 10.0.0.2", "a.test. 60 IN A 10.0.0.1", "a.test. 60 IN A 10.0.0.2")
	z.set("a.test. AAAA", "a.test. 60 IN AAAA 2001:db8::1")
	z.set("four.test. A", "four.test. 60 IN A 10.0.0.4")
	z.set("alias.test. A", "alias.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME c.test.", "c.test. 60 IN A 10.0.0.3")
	z.set("far.test. A", "far.test. 60 IN CNAME four.test.")
	z.set("circle.test. A", "circle.test. 60 IN CNAME circle.test.")
	z.set("other.test. A", "b.test. 60 IN A 10.6.6.6")
	z.set("text.test. TXT", "text.test. 60 IN TXT x")
	both, four, six := Config{IPv4: true, IPv6: true}, Config{IPv4: true}, Config{IPv6: true}
	for _, tt := range []struct {
		name string
		conf Config
		want string
	}{
		{"a.test", both, "10.0.0.1 10.0.0.2 2001:db8::1"},
		{"A.Test.", four, "10.0.0.1 10.0.0.2"},
		{"a.test", six, "2001:db8::1"},
		{"four.test", both, "10.0.0.4"},
		{"four.test", six, "four.test could not be resolved (3: Host not found)"},
		{"alias.test", four, "10.0.0.3"},
		{"far.test", four, "10.0.0.4"},
		{"circle.test", four, "circle.test could not be resolved (3: Host not found)"},
		{"other.test", four, "other.test could not be resolved (3: Host not found)"},
		{"text.test", both, "text.test could not be resolved (3: Host not found)"},
		{"nowhere.test", both, "nowhere.test could not be resolved (3: Host not found)"},
		{"refused.test", both, "refused.test could not be resolved (5: Operation refused)"},
		{"broken.test", four, "broken.test could not be resolved (2: Server failure)"},
		{strings.Repeat("x", 300), four, strings.Repeat("x", 300) + " could not be resolved (1: Format error)"},
		{"", four, " could not be resolved (3: Host not found)"},
		{"two..dots", four, "two..dots could not be resolved (1: Format error)"},
	} {
		r, _ := withZone(z, tt.conf)
		want(t, show(r.Addresses(t.Context(), tt.name, time.Second)), tt.want)
	}
}

func TestAnswersAreKeptForTheirTimeToLive(t *testing.T) {
	z := new(zone)
	z.set("a.test. A", "a.test. 60 IN CNAME b.test.", "b.test. 30 IN A 10.0.0.1")
	r, c := withZone(z, Config{})
	if r.Cached("a.test", c.now()) != nil {
		t.Error("an answer before any question")
	}
	first := r.Addresses(t.Context(), "a.test", time.Second)
	c.advance(29 * time.Second)
	if r.Cached("A.TEST", c.now()) != first || r.Addresses(t.Context(), "a.test", time.Second) != first {
		t.Error("within the least of the times to live it is the same answer")
	}
	want(t, z.questions(), "a.test. A")
	c.advance(time.Second)
	if r.Cached("a.test", c.now()) != nil {
		t.Error("it has expired")
	}
	z.set("a.test. A", "a.test. 0 IN A 10.0.0.2")
	want(t, show(r.Addresses(t.Context(), "a.test", time.Second)), "10.0.0.2")
	if r.Cached("a.test", c.now()) != nil {
		t.Error("a time to live of 0 is not kept")
	}
}

func TestValidOverridesTheTimeToLive(t *testing.T) {
	z := new(zone)
	z.set("a.test. A", "a.test. 3600 IN A 10.0.0.1")
	r, c := withZone(z, Config{Valid: 10 * time.Second})
	r.Addresses(t.Context(), "a.test", time.Second)
	c.advance(9 * time.Second)
	if r.Cached("a.test", c.now()) == nil {
		t.Error("valid=10s, gone after 9")
	}
	c.advance(time.Second)
	if r.Cached("a.test", c.now()) != nil {
		t.Error("valid=10s, there after 10")
	}
}

func TestAbsenceIsRememberedBrieflyIfTheZoneSaysHowLong(t *testing.T) {
	z := new(zone)
	r, c := withZone(z, Config{Valid: time.Hour})
	r.Addresses(t.Context(), "gone.test", time.Second)
	r.Addresses(t.Context(), "gone.test", time.Second)
	want(t, z.questions(), "gone.test. A, gone.test. A")
	z.soa = "test. 3600 IN SOA ns.test. admin.test. 1 1 1 1 3600"
	for range 3 {
		want(t, show(r.Addresses(t.Context(), "gone.test", time.Second)), "gone.test could not be resolved (3: Host not found)")
	}
	want(t, z.questions(), "gone.test. A")
	c.advance(negativeLimit)
	z.set("gone.test. A", "gone.test. 5 IN A 10.0.0.9")
	want(t, show(r.Addresses(t.Context(), "gone.test", time.Second)), "10.0.0.9")
}

func TestAFailureIsNotRemembered(t *testing.T) {
	z := &zone{rcode: map[string]int{"a.test.": dns.RcodeServerFailure}}
	z.set("a.test. A", "a.test. 60 IN A 10.0.0.1")
	r, _ := withZone(z, Config{})
	want(t, show(r.Addresses(t.Context(), "a.test", time.Second)), "a.test could not be resolved (2: Server failure)")
	delete(z.rcode, "a.test.")
	want(t, show(r.Addresses(t.Context(), "a.test", time.Second)), "10.0.0.1")
}

func TestADeadServerIsPassedOver(t *testing.T) {
	z := new(zone)
	z.set("a.test. A", "a.test. 0 IN A 10.0.0.1")
	r, _ := withZone(z, Config{Servers: servers})
	for range 8 { // it begins with either
		want(t, show(r.Addresses(t.Context(), "a.test", 5*time.Second)), "10.0.0.1")
	}
}

// silent is a server that never answers.
type silent struct{ asked chan netip.AddrPort }

func (s silent) Exchange(ctx context.Context, server netip.AddrPort, _ bool, _ []byte, _ func([]byte) bool) error {
	select {
	case s.asked <- server:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestTheTimeLimitHolds(t *testing.T) {
	r := New(Config{Servers: servers, IPv4: true}, silent{}, func() loop.Instant { return loop.SimStart })
	want(t, show(r.Addresses(t.Context(), "a.test", 20*time.Millisecond)), "a.test could not be resolved (110: Operation timed out)")
}

func TestOneLookupServesAllWhoAsk(t *testing.T) {
	z := new(zone)
	z.set("a.test. A", "a.test. 60 IN A 10.0.0.1")
	hold, entered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := New(Config{Servers: servers[:1], IPv4: true}, gate{z, func() { once.Do(func() { close(entered) }); <-hold }}, func() loop.Instant { return loop.SimStart })
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() { want(t, show(r.Addresses(t.Context(), "a.test", 10*time.Second)), "10.0.0.1") })
	}
	<-entered
	close(hold)
	wait.Wait()
	want(t, z.questions(), "a.test. A")
}

// gate holds up the exchanges of a zone.
type gate struct {
	*zone
	before func()
}

func (g gate) Exchange(ctx context.Context, server netip.AddrPort, tcp bool, query []byte, accept func([]byte) bool) error {
	g.before()
	return g.zone.Exchange(ctx, server, tcp, query, accept)
}

// forger sends wrong answers before the right one.
type forger struct{ *zone }

func (f forger) Exchange(ctx context.Context, server netip.AddrPort, tcp bool, query []byte, accept func([]byte) bool) error {
	for _, forge := range []func(m *dns.Msg){
		func(m *dns.Msg) { m.Id++ },
		func(m *dns.Msg) { m.Response = false },
		func(m *dns.Msg) { m.Question[0].Name = "b.test." },
		func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT },
		func(m *dns.Msg) { m.Question = nil },
		func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
	} {
		var req dns.Msg
		req.Unpack(query)
		m := new(dns.Msg)
		m.SetReply(&req)
		rr, _ := dns.NewRR("a.test. 60 IN A 10.6.6.6")
		m.Answer = append(m.Answer, rr)
		forge(m)
		msg, _ := m.Pack()
		if accept(msg) {
			return nil
		}
	}
	if accept([]byte("nonsense")) {
		return nil
	}
	return f.zone.Exchange(ctx, server, tcp, query, accept)
}

func TestForgedAnswersAreIgnored(t *testing.T) {
	z := new(zone)
	z.set("a.test. A", "a.test. 60 IN A 10.0.0.1")
	r := New(Config{Servers: servers[:1], IPv4: true}, forger{z}, func() loop.Instant { return loop.SimStart })
	want(t, show(r.Addresses(t.Context(), "a.test", time.Second)), "10.0.0.1")
}

func TestServices(t *testing.T) {
	z := new(zone)
	z.set("_http._tcp.a.test. SRV",
		"_http._tcp.a.test. 60 IN SRV 20 1 8003 c.test.", "_http._tcp.a.test. 60 IN SRV 10 5 8001 a.test.",
		"_http._tcp.a.test. 60 IN SRV 10 0 8002 b.test.", "_http._tcp.a.test. 60 IN SRV 10 0 8004 gone.test.")
	z.set("a.test. A", "a.test. 20 IN A 10.0.0.1")
	z.set("b.test. A", "b.test. 60 IN A 10.0.0.2", "b.test. 60 IN A 10.0.0.3")
	z.set("c.test. A", "c.test. 60 IN A 10.0.0.4")
	r, c := withZone(z, Config{})
	s := r.Services(t.Context(), "_http._tcp.a.test", time.Second)
	var got []string
	for _, target := range s.Targets {
		got = append(got, fmt.Sprint(target))
	}
	want(t, strings.Join(got, " "), "{a.test 8001 10 5 [10.0.0.1]} {b.test 8002 10 0 [10.0.0.2 10.0.0.3]} {c.test 8003 20 1 [10.0.0.4]}")
	if left := s.Expires.Sub(c.now()); left != 20*time.Second {
		t.Errorf("kept for %v", left)
	}
	want(t, r.Services(t.Context(), "_x._tcp.a.test", time.Second).Err.Error(), "_x._tcp.a.test could not be resolved (3: Host not found)")
}

func TestTheCacheIsBounded(t *testing.T) {
	r, c := withZone(&zone{soa: "test. 60 IN SOA ns.test. admin.test. 1 1 1 1 60"}, Config{})
	for i := range cacheLimit + 500 {
		r.cache.fetch(context.Background(), fmt.Sprint(i), r.now, func() *Answer { return &Answer{Expires: c.now() + 1} })
	}
	if n := len(r.cache.answers); n > cacheLimit {
		t.Errorf("%d names", n)
	}
}

func TestOverTheNetwork(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	z := new(zone)
	z.set("a.test. A", "a.test. 60 IN A 10.0.0.1")
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("many.test. 60 IN A 10.1.0.%d", i))
	}
	z.set("many.test. A", many...)
	server := z.listen(t)
	r := New(Config{Servers: []netip.AddrPort{server}, IPv4: true, IPv6: true}, Net, func() loop.Instant { return loop.SimStart })
	want(t, show(r.Addresses(t.Context(), "a.test", 10*time.Second)), "10.0.0.1")
	if a := r.Addresses(t.Context(), "many.test", 10*time.Second); len(a.Addrs) != 200 {
		t.Errorf("of 200 addresses, which only TCP can carry, came %d (%v)", len(a.Addrs), a.Err)
	}
	asked := strings.Split(z.questions(), ", ")
	slices.Sort(asked)
	want(t, strings.Join(asked, ", "), "a.test. A, a.test. AAAA, many.test. A, many.test. A, many.test. AAAA")
}

func FuzzRead(f *testing.F) {
	q := question{"a.test", 1}
	m := new(dns.Msg)
	m.SetQuestion("a.test.", dns.TypeA)
	m.Id, m.Response = 7, true
	for _, line := range []string{"a.test. 1 IN CNAME b.test.", "b.test. 1 IN A 10.0.0.1"} {
		rr, _ := dns.NewRR(line)
		m.Answer = append(m.Answer, rr)
	}
	seed, _ := m.Pack()
	f.Add(seed)
	f.Fuzz(func(t *testing.T, msg []byte) {
		r, err := read(msg, 7, q)
		if err == nil && r.ttl < 0 {
			t.Errorf("ttl %v", r.ttl)
		}
		for _, a := range r.addrs {
			if !a.Is4() {
				t.Errorf("%v is no answer to A", a)
			}
		}
	})
}
