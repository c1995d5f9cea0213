package upstream

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/internal/loop"
)

const second = loop.Instant(time.Second)

// peersOf makes peers from lines such as "a weight=5 max_fails=2 backup".
func peersOf(t *testing.T, lines ...string) *Peers {
	t.Helper()
	var list []*Peer
	for _, line := range lines {
		words := strings.Fields(line)
		p := &Peer{Name: words[0], Server: words[0], Params: Params{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}}
		for _, w := range words[1:] {
			switch {
			case w == "backup":
				p.Backup = true
			case w == "down":
				p.Down = true
			case strings.HasPrefix(w, "slow_start="):
				p.SlowStart = parse[time.Duration](t, w, func(s string) (time.Duration, error) { return time.ParseDuration(s) })
			case strings.HasPrefix(w, "weight="):
				fmt.Sscanf(w, "weight=%d", &p.Weight)
			case strings.HasPrefix(w, "max_conns="):
				fmt.Sscanf(w, "max_conns=%d", &p.MaxConns)
			case strings.HasPrefix(w, "max_fails="):
				fmt.Sscanf(w, "max_fails=%d", &p.MaxFails)
			default:
				t.Fatalf("unknown word %q", w)
			}
		}
		list = append(list, p)
	}
	return NewPeers(new(sync.Mutex), list)
}

func parse[T any](t *testing.T, word string, f func(string) (T, error)) T {
	t.Helper()
	_, value, _ := strings.Cut(word, "=")
	v, err := f(value)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// picks makes n choices, each finished at once, and tells them as "a b a".
func picks(t *testing.T, s *Peers, b Balancer, n int, now loop.Instant) string {
	t.Helper()
	var names []string
	for range n {
		var key Key
		p, err := b.Pick(&key, new(Tried), now)
		if err != nil {
			t.Fatal(err)
		}
		s.Done(p, Outcome{}, now)
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRoundRobinMixesEvenly(t *testing.T) {
	s := peersOf(t, "a weight=5", "b", "c")
	want(t, picks(t, s, NewRoundRobin(s), 14, second), "a a b a c a a a a b a c a a")
}

func TestRoundRobinSkipsDownAndFullPeers(t *testing.T) {
	s := peersOf(t, "a down", "b max_conns=1", "c")
	b := NewRoundRobin(s)
	busy, _ := b.Pick(nil, new(Tried), second)
	want(t, busy.Name, "b")
	want(t, picks(t, s, b, 3, second), "c c c")
	s.Done(busy, Outcome{}, second)
	want(t, picks(t, s, b, 2, second), "c b")
}

func TestBackupsServeOnlyWhenNoPrimaryCan(t *testing.T) {
	s := peersOf(t, "a", "b backup")
	b := NewRoundRobin(s)
	want(t, picks(t, s, b, 2, second), "a a")
	p, _ := b.Pick(nil, new(Tried), second)
	s.Done(p, Outcome{Failed: true}, second)
	want(t, picks(t, s, b, 2, 2*second), "b b")
	want(t, picks(t, s, b, 2, 12*second), "a a")
}

func TestAPeerThatFailsIsLeftAloneForFailTimeout(t *testing.T) {
	s := peersOf(t, "a max_fails=2", "b")
	b := NewRoundRobin(s)
	fail := func(now loop.Instant) bool {
		for {
			p, err := b.Pick(nil, new(Tried), now)
			if err != nil {
				t.Fatal(err)
			}
			if disabled := s.Done(p, Outcome{Failed: p.Name == "a"}, now); p.Name == "a" {
				return disabled
			}
		}
	}
	if fail(1*second) || !fail(2*second) {
		t.Error("the second failure, and only that, disables")
	}
	want(t, picks(t, s, b, 3, 3*second), "b b b")
	want(t, picks(t, s, b, 3, 12*second), "b b b")
	if got := picks(t, s, b, 4, 13*second); !strings.Contains(got, "a") {
		t.Errorf("after fail_timeout it is tried again, got %q", got)
	}
	if fails := s.primary[0].Fails; fails != 0 {
		t.Errorf("a success clears the count, got %d", fails)
	}
}

func TestAnUnavailablePeerIsProbedByOneRequestAtATime(t *testing.T) {
	s := peersOf(t, "a", "b")
	b := NewRoundRobin(s)
	for range 2 {
		if p, _ := b.Pick(nil, new(Tried), second); p.Name == "a" {
			s.Done(p, Outcome{Failed: true}, second)
		} else {
			s.Done(p, Outcome{}, second)
		}
	}
	probes := 0
	for range 4 {
		if p, _ := b.Pick(nil, new(Tried), 20*second); p.Name == "a" {
			probes++
		}
	}
	if probes != 1 {
		t.Errorf("%d requests went to the unproven peer at once, want 1", probes)
	}
}

func TestASinglePeerIsNeverUnavailable(t *testing.T) {
	s := peersOf(t, "a max_conns=0")
	b := NewRoundRobin(s)
	for range 5 {
		p, err := b.Pick(nil, new(Tried), second)
		if err != nil {
			t.Fatal(err)
		}
		s.Done(p, Outcome{Failed: true}, second)
	}
}

func TestNoLiveUpstreams(t *testing.T) {
	s := peersOf(t, "a", "b")
	b := NewRoundRobin(s)
	tried := new(Tried)
	for range 2 {
		p, _ := b.Pick(nil, tried, second)
		tried.Add(p)
	}
	if _, err := b.Pick(nil, tried, second); err != ErrNoLive {
		t.Errorf("got %v", err)
	}
}

func TestSlowStartRampsTheWeight(t *testing.T) {
	s := peersOf(t, "a weight=10 slow_start=10s", "b weight=10")
	a := s.primary[0]
	s.mu.Lock()
	a.upSince = second
	s.mu.Unlock()
	share := func(now loop.Instant) int { return strings.Count(picks(t, s, NewRoundRobin(s), 20, now), "a") }
	if early, late := share(2*second), share(9*second); early > 4 || late < 7 || late > 10 {
		t.Errorf("of 20 requests it had %d after 1 s and %d after 8 s", early, late)
	}
	if full := share(30 * second); full < 9 {
		t.Errorf("%d of 20 after slow_start", full)
	}
}

func TestLeastConnGoesWhereLeastIsInProgressForTheWeight(t *testing.T) {
	s := peersOf(t, "a weight=2", "b")
	b := NewLeastConn(s)
	counts := map[string]int{}
	for range 9 {
		p, _ := b.Pick(nil, new(Tried), second)
		counts[p.Name]++
	}
	if counts["a"] != 6 || counts["b"] != 3 {
		t.Errorf("9 concurrent requests went %v, want a:6 b:3", counts)
	}
}

func TestLeastTimePrefersTheQuickPeerUntilItIsBusy(t *testing.T) {
	s := peersOf(t, "slow", "quick")
	s.primary[0].header, s.primary[1].header = 30*time.Millisecond, 10*time.Millisecond
	b := NewLeastTime(s, HeaderTime)
	var order []string
	for range 4 {
		p, _ := b.Pick(nil, new(Tried), second)
		order = append(order, p.Name)
	}
	want(t, strings.Join(order[:2], " "), "quick quick")
	if !strings.Contains(strings.Join(order[2:], " "), "slow") {
		t.Errorf("with two in progress the quick one is no quicker: %v", order)
	}
}

func TestIPHashKeepsAClientOnItsPeer(t *testing.T) {
	s := peersOf(t, "a", "b", "c")
	b := NewIPHash(s)
	pick := func(addr string) string {
		var key Key
		key.Reset(netip.MustParseAddr(addr), nil)
		p, err := b.Pick(&key, new(Tried), second)
		if err != nil {
			t.Fatal(err)
		}
		s.Done(p, Outcome{}, second)
		return p.Name
	}
	if pick("10.1.2.3") != pick("10.1.2.250") || pick("10.1.2.3") != pick("::ffff:10.1.2.3") {
		t.Error("the last octet of IPv4 does not count, nor does the way it is written")
	}
	seen := map[string]bool{}
	for i := range 64 {
		seen[pick(fmt.Sprintf("10.%d.7.1", i))] = true
	}
	if len(seen) != 3 {
		t.Errorf("64 networks reached %v", seen)
	}
}

func TestHashingGoesOnToAnotherPeerWhenOneWasTried(t *testing.T) {
	for name, make := range map[string]func(*Peers) Balancer{
		"ip_hash":    func(s *Peers) Balancer { return NewIPHash(s) },
		"hash":       func(s *Peers) Balancer { return NewHash(s) },
		"consistent": func(s *Peers) Balancer { return NewKetama(s) },
		"random":     func(s *Peers) Balancer { return NewRandom(s, nil) },
		"two":        func(s *Peers) Balancer { return NewRandom(s, (*Peer).lessBusy) },
	} {
		s := peersOf(t, "a", "b", "c")
		b := make(s)
		var key Key
		key.Reset(netip.MustParseAddr("192.0.2.1"), []byte("/some/key"))
		tried := new(Tried)
		for range 3 {
			p, err := b.Pick(&key, tried, second)
			if err != nil || tried.Has(p) {
				t.Fatalf("%s: %v %v", name, p, err)
			}
			tried.Add(p)
			s.Done(p, Outcome{}, second)
		}
		if _, err := b.Pick(&key, tried, second); err != ErrNoLive {
			t.Errorf("%s: all tried, got %v", name, err)
		}
	}
}

func TestConsistentHashMovesOnlyTheKeysOfTheServerThatLeft(t *testing.T) {
	s := peersOf(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80")
	b := NewKetama(s)
	place := func() map[int]string {
		at := map[int]string{}
		for i := range 1000 {
			var key Key
			key.Reset(netip.Addr{}, fmt.Appendf(nil, "key%d", i))
			p, _ := b.Pick(&key, new(Tried), second)
			s.Done(p, Outcome{}, second)
			at[i] = p.Name
		}
		return at
	}
	before := place()
	s.Replace(s.All()[:3])
	counts := map[string]int{}
	for i, name := range place() {
		counts[name]++
		if before[i] != "10.0.0.4:80" && before[i] != name {
			t.Errorf("key%d moved from %s to %s", i, before[i], name)
		}
	}
	for name, n := range counts {
		if n < 200 || n > 500 {
			t.Errorf("%s got %d of 1000", name, n)
		}
	}
}

func TestRandomTwoTakesTheLessBusyOfTwo(t *testing.T) {
	s := peersOf(t, "a", "b")
	b := NewRandom(s, (*Peer).lessBusy)
	s.primary[0].Active = 5
	for range 10 {
		p, _ := b.Pick(nil, new(Tried), second)
		want(t, p.Name, "b")
		s.Done(p, Outcome{}, second)
	}
}

func BenchmarkRoundRobin(b *testing.B) {
	s := NewPeers(new(sync.Mutex), []*Peer{
		{Name: "a", Params: Params{Weight: 5, MaxFails: 1}}, {Name: "b", Params: Params{Weight: 1, MaxFails: 1}}, {Name: "c", Params: Params{Weight: 1, MaxFails: 1}},
	})
	rr, tried := NewRoundRobin(s), new(Tried)
	b.ReportAllocs()
	for b.Loop() {
		p, _ := rr.Pick(nil, tried, second)
		s.Done(p, Outcome{}, second)
	}
}
