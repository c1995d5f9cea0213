package pool

import (
	"errors"
	"sync/atomic"
	"time"

	"hearth/internal/loop"
)

// warmer keeps keepalive_min idle connections of one key. One fiber at a time fills up, always on
// the same loop, so that a backend that has just come up is not stormed; after a
// failure it pauses, twice as long each time up to warmPauseMost.
type warmer struct {
	key     *Key
	open    Opener
	busy    atomic.Bool // a fill is asked for, runs, or pauses: whoever sets it asks
	stopped atomic.Bool

	// What follows belongs to the fill that set busy.
	loop  *loop.Loop
	pause time.Duration
	timer loop.Timer
}

const (
	warmPauseLeast = 100 * time.Millisecond
	warmPauseMost  = 30 * time.Second
)

// KeepWarm keeps Limits.Min idle connections of k ready from now on. Calling it again changes how they
// are made. It ends when the peer is removed or the group closed. From any goroutine.
func (g *Group) KeepWarm(k *Key, open Opener) {
	w := &warmer{key: k, open: open}
	if old := k.warm.Swap(w); old != nil {
		old.stopped.Store(true)
	}
	w.wake()
}

func (g *Group) warmAll() {
	for _, w := range g.warmers(nil) {
		w.wake()
	}
}

// stopWarming ends it for a peer, nil = for all.
func (g *Group) stopWarming(only *peer) {
	for _, w := range g.warmers(only) {
		w.stopped.Store(true)
		w.key.warm.CompareAndSwap(w, nil)
	}
}

func (g *Group) warmers(only *peer) (all []*warmer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range g.keys {
		if w := k.warm.Load(); w != nil && (only == nil || k.peer == only) {
			all = append(all, w)
		}
	}
	return all
}

// wake starts a fill if one is needed and none is at it. From any goroutine, no part's lock held.
func (w *warmer) wake() {
	if !w.needed() || !w.busy.CompareAndSwap(false, true) {
		return
	}
	// Any loop will do: the others take from it what they need. Spread keys over them.
	parts := w.key.group.parts
	w.loop = parts[int(w.key.number)%len(parts)].loop
	w.loop.Post(func() { w.loop.Start(w) })
}

// needed tells whether there are fewer idle connections of the key than wanted.
func (w *warmer) needed() bool {
	g := w.key.group
	least := g.limits.Load().Min
	if least == 0 || w.stopped.Load() || w.key.peer.removed.Load() {
		return false
	}
	idle := 0
	for i, p := range g.parts {
		p.mu.Lock()
		idle += w.key.stacks[i].n
		p.mu.Unlock()
	}
	return idle < least
}

// RunFiber fills up, then lets go of busy and looks once more: a need that arose in between found busy
// set and counted on us. Where there is no place (max_conns, or the group's bound) it gives up until a
// lease or a close wakes it.
func (w *warmer) RunFiber() {
	for w.needed() {
		full, err := w.dial()
		if full {
			w.busy.Store(false)
			return
		}
		if err != nil {
			w.pause = min(max(2*w.pause, warmPauseLeast), warmPauseMost)
			w.timer.Reset(w.loop, w.loop.Now().Add(w.pause), w)
			return // still busy
		}
		w.pause = 0
	}
	w.busy.Store(false)
	w.wake()
}

// OnTimer is the end of a pause.
func (w *warmer) OnTimer(*loop.Timer) { w.loop.Start(w) }

// FiberPanicked keeps a panic in a handshake from leaving busy set for ever.
func (w *warmer) FiberPanicked(any) { w.busy.Store(false) }

// dial opens one connection and links it. It never closes another for it: full says there is no place.
func (w *warmer) dial() (full bool, err error) {
	k, l := w.key, w.loop
	g := k.group
	p := g.parts[l.ID()]
	// The token is not held while we wait, or a lowered limit could not be paid back (see payBack).
	if !g.free(p) || !k.peer.claim() {
		return true, nil
	}
	g.open.Add(1)
	k.open.Add(1)
	c, took, err := w.open.Open(l, k.id.Addr)
	block := k.peer.figures.Block(p.at)
	if err != nil {
		block[figDialFailed].Add(1)
		g.closed(k)
		return false, err
	}
	block[figDial].Add(1)
	k.peer.noteDial(took)
	m := newMember(c, k, p, l.Now())
	why := m.keepable(g.limits.Load(), l.Now())
	if why == Kept && !g.free(p) {
		why = Evicted // the place was taken meanwhile
	}
	if why == Kept {
		why = p.put(m, l.Now())
	}
	if why != Kept {
		g.drop(m, why)
		return false, errNotKept
	}
	return false, nil
}

// errNotKept is a connection made that the pool then refused: limits changed meanwhile. A pause, as
// after a failure, keeps that from becoming a circle.
var errNotKept = errors.New("not kept")

// free sees to it that p has a spare token, without taking an idle connection's. Only this loop uses p's
// up, but for other loops that are short of one, so what is linked next seldom evicts another.
func (g *Group) free(p *part) bool {
	found := g.budget.draw() || g.spareOf(nil)
	if found {
		p.addSpare()
	}
	return found
}
