package pool

import (
	"errors"

	"hearth/internal/loop"
)

// Waiter is an exchange's wait for a place on a shared connection. It is embedded in the exchange, so that a place costs no
// allocation. When Done is set one of these is true:
//
//   - Err is nil and Lease holds a place, on Lease.Carrier; the holder takes the Lease over and releases it as any other;
//   - Lease.Full: max_conns leaves no place. It is released as ever;
//   - Err is ErrAgain: what was waited for came to nothing. Join again;
//   - Err is why the connection could not be made. There is nothing to release.
//
// Who does not want to wait any longer calls Cancel.
type Waiter struct {
	Lease Lease
	Err   error
	Done  loop.Event

	part   *part
	key    *Key
	next   *Waiter
	prev   *Waiter
	queued bool
}

// ErrAgain has a waiter ask again.
var ErrAgain = errors.New("pool: what was waited for did not come")

// Join asks for a place on a shared connection of identity k, for an exchange that runs on loop l, and does not wait for it.
// If it returns true, the caller has another connection opened, by Open: it is for all who wait.
//
// The place is on the fullest connection of this loop that takes another exchange; else on the most recently used
// idle one, which is first checked if it has not been used for a while; else on one that is being dialled, as
// long as there are no more waiters than it is likely to take; else on a new one.
func (g *Group) Join(l *loop.Loop, k *Key, want Want, w *Waiter) (open bool) {
	p := g.parts[l.ID()]
	sh, lim, now := &k.shares[p.at], g.limits.Load(), l.Now()
	*w = Waiter{part: p, key: k, Lease: Lease{key: k, part: p, began: now, Miss: NoIdle}}
	if lim.Idle == 0 {
		w.Lease.Miss = Off
	}
	if want.Fresh {
		w.Lease.Miss = FreshRequired
	} else {
		if s := sh.fullest(lim, now); s != nil {
			s.grant(w, true)
			return false
		}
		if s := g.wakeIdle(p, k, lim, now); s != nil {
			sh.busy = append(sh.busy, s)
			if !s.stale(want, lim, now) {
				s.grant(w, true)
				return false
			}
			s.checking = true
			sh.opening++
			sh.push(w)
			s.carrier.Check()
			return false
		}
	}
	if !want.Fresh && sh.waiting < sh.opening*assumedLimit {
		sh.push(w)
		return false
	}
	if !g.reserve(p, k) {
		w.Lease.Full = true
		k.peer.figures.Block(p.at)[figFull].Add(1)
		w.Done.Set(l)
		return false
	}
	if w.Lease.Miss == NoIdle && g.othersIdle(k) {
		w.Lease.Miss = OtherIdentity
	}
	sh.opening++
	sh.push(w)
	return true
}

// stale says whether an idle connection is to be checked before it is used: after a while, and sooner for a request that must
// not run into the idle race.
func (s *Shared) stale(want Want, lim *Limits, now loop.Instant) bool {
	idle := now.Sub(s.m.idleAt)
	if allowed, _ := s.m.mayIdle(lim, now); want.NonIdempotent && allowed > 0 && idle > allowed/2 {
		return true
	}
	return idle >= checkAfter
}

// Cancel ends the wait, whatever has come of it.
func (w *Waiter) Cancel() {
	switch {
	case w.queued:
		w.key.shares[w.part.at].take(w)
	case w.part != nil && w.Err == nil && w.Lease.part != nil:
		w.Lease.Release(Kept)
	}
	w.part = nil
}

func (sh *shares) push(w *Waiter) {
	w.queued = true
	if w.prev = sh.last; w.prev != nil {
		w.prev.next = w
	} else {
		sh.first = w
	}
	sh.last = w
	sh.waiting++
}

func (sh *shares) take(w *Waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		sh.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		sh.last = w.prev
	}
	w.next, w.prev, w.queued = nil, nil, false
	sh.waiting--
}

// serve gives the places there are to those who wait, in the order they came. Those for whom nothing that is under
// way would leave a place ask again.
func (k *Key) serve(p *part) {
	sh := &k.shares[p.at]
	if sh.waiting == 0 {
		return
	}
	lim, now := k.group.limits.Load(), p.loop.Now()
	for sh.waiting > 0 {
		s := sh.fullest(lim, now)
		if s == nil {
			break
		}
		w := sh.first
		sh.take(w)
		s.grant(w, w.Lease.began > s.m.born)
	}
	for sh.waiting > sh.opening*assumedLimit {
		sh.fail(sh.first, ErrAgain)
	}
}

func (sh *shares) fail(w *Waiter, err error) {
	sh.take(w)
	w.Err = err
	if err != ErrAgain {
		block := w.key.peer.figures.Block(w.part.at)
		block[figMiss+int(w.Lease.Miss)].Add(1)
		block[figEnded].Add(1)
	}
	w.Lease.part = nil
	w.Done.Set(w.part.loop)
}

// Open dials the connection that Join has asked for, in a fiber of its own: it outlives the exchange that asked, because
// others wait for it too.
func (g *Group) Open(l *loop.Loop, k *Key, open Opener) {
	l.Start(&dialling{key: k, part: g.parts[l.ID()], open: open})
}

// dialling is a shared connection that is being made.
type dialling struct {
	key  *Key
	part *part
	open Opener
	done bool
}

// RunFiber implements loop.Task.
func (d *dialling) RunFiber() {
	k, p := d.key, d.part
	c, took, err := d.open.Open(p.loop, k.id.Addr)
	if err != nil {
		d.fail(err)
		return
	}
	d.done = true
	sh := &k.shares[p.at]
	sh.opening--
	k.peer.figures.Block(p.at)[figDial].Add(1)
	k.peer.noteDial(took)
	s := &Shared{m: member{key: k, born: p.loop.Now()}}
	s.m.shared = s
	s.m.part.Store(p)
	s.carrier = d.open.Carry(c, s)
	sh.busy = append(sh.busy, s)
	k.serve(p)
	if s.active == 0 && !s.over { // those who waited have gone, or have a place elsewhere
		s.rest(p, p.loop.Now())
	}
}

// FiberPanicked implements loop.PanicHandler: nobody waits for ever.
func (d *dialling) FiberPanicked(any) {
	if !d.done {
		d.fail(errPanic)
	}
}

var errPanic = errors.New("pool: making the connection has failed")

// fail tells those who waited. Where other connections are being made they wait on, for as many as those will take.
func (d *dialling) fail(err error) {
	d.done = true
	k, p := d.key, d.part
	sh := &k.shares[p.at]
	sh.opening--
	k.peer.figures.Block(p.at)[figDialFailed].Add(1)
	k.group.closed(k)
	if sh.opening > 0 {
		k.serve(p)
		return
	}
	for sh.waiting > 0 {
		sh.fail(sh.first, err)
	}
}
