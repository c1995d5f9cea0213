package pool

import (
	"sync"
	"time"
)

// Limits of a group, from the directives of its upstream block.
type Limits struct {
	Idle        int           // idle connections kept over all keys and loops: keepalive N × loops; 0 = keepalive off
	Requests    int           // keepalive_requests: exchanges on one connection; 0 = no limit
	MaxAge      time.Duration // keepalive_time: age at which it is closed at its next return; 0 = no limit
	IdleTimeout time.Duration // keepalive_timeout; 0 = no limit
	Min         int           // keepalive_min: idle connections kept ready for each key given to KeepWarm
	Learn       bool          // keepalive_learn: honour Keep-Alive hints and learned timeouts
}

// budget bounds the idle connections of a group without a counter that all loops write to. It deals
// out one token for each connection that may be idle. A part needs a token to link a connection
// and keeps it, spare, when the connection is leased; so in steady state tokens stay where they are
// and a loop touches only its own. There are never more idle connections than tokens, and never more
// tokens than Limits.Idle, except while a lowered limit is being paid back: then bank is negative.
//
// Invariant: bank + Σ part.spare + Σ part.idle (+ tokens in a caller's hand) = Limits.Idle.
type budget struct {
	mu   sync.Mutex
	bank int
}

// draw takes a token out of the bank.
func (b *budget) draw() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bank <= 0 {
		return false
	}
	b.bank--
	return true
}

// deposit puts tokens into the bank (or takes them out, n < 0) and returns what it then holds.
func (b *budget) deposit(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bank += n
	return b.bank
}

// token finds a token for a connection that is returned to p, which has no spare one: the bank's,
// another part's spare, or that of the least recently used idle connection, which is evicted. It
// fails only when there is none at all: keepalive off, or every token in some caller's hand.
func (g *Group) token(p *part) bool {
	if g.budget.draw() || g.spareOf(p) {
		return true
	}
	return g.evict(nil, Evicted)
}

// spareOf takes a spare token from a part other than p.
func (g *Group) spareOf(p *part) bool {
	for _, q := range g.parts {
		if q == p {
			continue
		}
		q.mu.Lock()
		found := q.spare > 0
		if found {
			q.spare--
		}
		q.mu.Unlock()
		if found {
			return true
		}
	}
	return false
}

// SetLimits changes the limits at once: idle connections above a lowered bound are closed, least
// recently used first, and timeouts are measured by the new ones. Leases that are out are judged by
// the new limits when they are released. It may be called from any goroutine.
func (g *Group) SetLimits(l Limits) {
	g.mu.Lock()
	old := g.limits.Swap(&l)
	inDebt := g.budget.deposit(l.Idle-old.Idle) < 0
	g.mu.Unlock()
	if inDebt {
		why := Evicted
		if l.Idle == 0 {
			why = Disabled
		}
		g.payBack(why)
	}
	for _, p := range g.parts {
		p.loop.Post(p.sweep) // by the new timeouts
	}
	g.warmAll()
}

// payBack returns tokens to the bank until it is out of debt. Each round takes one that exists: while
// the bank is in debt there are more tokens out than Limits.Idle, so some part has a spare one or an
// idle connection, or a loop has it in its hand for the moment of a steal or a return. Then it will
// be in a part by that loop's next turn.
func (g *Group) payBack(why Close) {
	for g.budget.deposit(0) < 0 {
		if !g.spareOf(nil) && !g.evict(nil, why) {
			g.parts[0].loop.Post(func() { g.payBack(why) })
			return
		}
		g.budget.deposit(1)
	}
}
