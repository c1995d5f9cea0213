package resolve

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"hearth/internal/loop"
)

// Config is a `resolver` directive (ngx_http_core_module, "resolver").
type Config struct {
	Servers    []netip.AddrPort
	Valid      time.Duration // overrides the time to live of answers; 0 = theirs
	IPv4, IPv6 bool          // which addresses of a name are wanted
}

// Resolver looks names up. Safe from any goroutine.
type Resolver struct {
	conf      Config
	transport Transport
	now       func() loop.Instant
	cache     cache
}

// New makes a resolver with an empty cache. now is the clock by which answers grow old.
func New(conf Config, transport Transport, now func() loop.Instant) *Resolver {
	return &Resolver{conf: conf, transport: transport, now: now}
}

// Answer is what a name stands for. It does not change.
type Answer struct {
	Addrs   []netip.Addr // ascending, without duplicates
	Expires loop.Instant
	Err     *Error // why there are none
}

// Target is one host that an SRV record names, with its addresses (RFC 2782).
type Target struct {
	Host             string
	Port             uint16
	Priority, Weight uint16
	Addrs            []netip.Addr
}

// Services is what an SRV name stands for: its targets by ascending priority, then as they came. It does not change.
type Services struct {
	Targets []Target
	Expires loop.Instant
	Err     *Error
}

// Cached returns the addresses of name if they are known and have not expired; it never waits.
func (r *Resolver) Cached(name string, now loop.Instant) *Answer {
	return r.cache.get(fold(name), now)
}

// Addresses looks name up, or takes what the cache has. It blocks until there is an answer or ctx ends, for at most
// timeout.
func (r *Resolver) Addresses(ctx context.Context, name string, timeout time.Duration) *Answer {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return r.addresses(ctx, name)
}

func (r *Resolver) addresses(ctx context.Context, name string) *Answer {
	key := fold(name)
	return r.cache.fetch(ctx, key, r.now, func() *Answer { return r.lookup(ctx, name, key) })
}

// lookup asks for the addresses of all wanted families at once. Addresses of one are enough.
func (r *Resolver) lookup(ctx context.Context, name, key string) *Answer {
	var kinds []dnsmessage.Type
	if r.conf.IPv4 {
		kinds = append(kinds, dnsmessage.TypeA)
	}
	if r.conf.IPv6 {
		kinds = append(kinds, dnsmessage.TypeAAAA)
	}
	got, errs := make([]records, len(kinds)), make([]error, len(kinds))
	var wait sync.WaitGroup
	for i, kind := range kinds {
		wait.Go(func() { got[i], errs[i] = r.resolve(ctx, question{key, kind}) })
	}
	wait.Wait()
	a := &Answer{}
	ttl, whole := time.Duration(1<<63-1), true
	for i := range kinds {
		switch {
		case errs[i] != nil || cannotTell(got[i].code):
			whole = false
		case len(got[i].addrs) > 0:
			a.Addrs = append(a.Addrs, got[i].addrs...)
			ttl = min(ttl, got[i].ttl)
		}
	}
	if len(a.Addrs) == 0 {
		a.Err = &Error{name, failure(got, errs)}
		if whole {
			a.Expires = r.expiry(min(leastTTL(got), negativeLimit), false)
		}
		return a
	}
	slices.SortFunc(a.Addrs, netip.Addr.Compare)
	a.Addrs = slices.Compact(a.Addrs)
	a.Expires = r.expiry(ttl, true)
	return a
}

// negativeLimit is how long a name that was not found is believed to be missing, whatever its zone says: somebody
// who has just made the record wants to see it work.
const negativeLimit = 5 * time.Second

func leastTTL(got []records) time.Duration {
	least := got[0].ttl
	for _, g := range got {
		least = min(least, g.ttl)
	}
	return least
}

// failure is the code to report when no family gave an address: of several, that which says most.
func failure(got []records, errs []error) Code {
	code := NotFound
	for i := range got {
		switch {
		case errs[i] != nil:
			code = TimedOut
		case cannotTell(got[i].code) && code == NotFound:
			code = codeOf(got[i].code)
		}
	}
	return code
}

// expiry is when an answer with this time to live ends. `valid` replaces that of addresses; it says nothing about
// names that do not exist.
func (r *Resolver) expiry(ttl time.Duration, positive bool) loop.Instant {
	if positive && r.conf.Valid > 0 {
		ttl = r.conf.Valid
	}
	return r.now().Add(min(ttl, ttlLimit))
}

// ttlLimit is the longest time to live there is (RFC 2181 section 8 has 2^31 seconds; a week serves everybody).
const ttlLimit = 7 * 24 * time.Hour

// Services looks up the SRV records of name, and the addresses of what they name. It blocks as Addresses
// does, and does not cache the records: who follows a service keeps them. Targets without an address are left out.
func (r *Resolver) Services(ctx context.Context, name string, timeout time.Duration) *Services {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	got, err := r.resolve(ctx, question{fold(name), dnsmessage.TypeSRV})
	switch {
	case err != nil:
		return &Services{Err: &Error{name, TimedOut}}
	case len(got.srv) == 0:
		return &Services{Err: &Error{name, codeOf(got.code)}, Expires: r.expiry(min(got.ttl, negativeLimit), false)}
	}
	s := &Services{Expires: r.expiry(got.ttl, true)}
	slices.SortStableFunc(got.srv, func(a, b dnsmessage.SRVResource) int { return int(a.Priority) - int(b.Priority) })
	answers := make([]*Answer, len(got.srv))
	var wait sync.WaitGroup
	for i, srv := range got.srv {
		wait.Go(func() { answers[i] = r.addresses(ctx, plain(srv.Target)) })
	}
	wait.Wait()
	var failed *Error
	for i, srv := range got.srv {
		a := answers[i]
		if a.Err != nil {
			if failed == nil || failed.Code == NotFound {
				failed = a.Err
			}
			continue
		}
		s.Expires = min(s.Expires, a.Expires)
		s.Targets = append(s.Targets, Target{plain(srv.Target), srv.Port, srv.Priority, srv.Weight, a.Addrs})
	}
	if len(s.Targets) == 0 {
		s.Err = &Error{name, failed.Code}
	}
	return s
}
