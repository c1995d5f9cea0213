package resolve

import (
	"context"
	"sync"

	"hearth/internal/loop"
)

// cacheLimit bounds the names remembered: where names come from requests, anybody can invent them.
const cacheLimit = 10000

// cache has the answers, and the look-ups in progress, by name.
type cache struct {
	mu      sync.Mutex // guards the maps
	answers map[string]*Answer
	flights map[string]*flight
}

// flight is a look-up in progress. answer is set before landed is closed.
type flight struct {
	landed chan struct{}
	answer *Answer
}

func (c *cache) get(key string, now loop.Instant) *Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.answers[key]; a != nil && now < a.Expires {
		return a
	}
	return nil
}

// fetch returns the cached answer, or has one caller look it up while the others wait for it. A caller with more time
// than the one whose look-up timed out looks again itself.
func (c *cache) fetch(ctx context.Context, key string, now func() loop.Instant, lookup func() *Answer) *Answer {
	for {
		at := now()
		c.mu.Lock()
		if a := c.answers[key]; a != nil && at < a.Expires {
			c.mu.Unlock()
			return a
		}
		f := c.flights[key]
		if f == nil {
			f = &flight{landed: make(chan struct{})}
			if c.flights == nil {
				c.flights, c.answers = map[string]*flight{}, map[string]*Answer{}
			}
			c.flights[key] = f
			c.mu.Unlock()
			f.answer = lookup()
			c.land(key, f, now())
			return f.answer
		}
		c.mu.Unlock()
		select {
		case <-f.landed:
			if f.answer.Err == nil || f.answer.Err.Code != TimedOut || ctx.Err() != nil {
				return f.answer
			}
		case <-ctx.Done():
			return &Answer{Err: &Error{key, TimedOut}}
		}
	}
}

// land stores the answer, unless it expires at once, and lets the waiting have it.
func (c *cache) land(key string, f *flight, now loop.Instant) {
	c.mu.Lock()
	delete(c.flights, key)
	if f.answer.Expires > now {
		if len(c.answers) >= cacheLimit {
			c.makeRoom(now)
		}
		c.answers[key] = f.answer
	} else {
		delete(c.answers, key)
	}
	c.mu.Unlock()
	close(f.landed)
}

// makeRoom forgets what has expired, and an arbitrary tenth if that is not enough. Lock held.
func (c *cache) makeRoom(now loop.Instant) {
	for key, a := range c.answers {
		if a.Expires <= now {
			delete(c.answers, key)
		}
	}
	for key := range c.answers {
		if len(c.answers) < cacheLimit*9/10 {
			return
		}
		delete(c.answers, key)
	}
}
