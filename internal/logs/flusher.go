package logs

import (
	"slices"
	"time"
)

// flushEvery is how finely flush= is kept.
const flushEvery = 100 * time.Millisecond

// watch has the buffered log known for Reopen and, with flush=, flushed in time. The flusher is an
// ordinary goroutine: it runs while a log with flush= is open.
func (rg *Registry) watch(a *Access) {
	rg.mu.Lock()
	defer rg.mu.Unlock()
	rg.access = append(rg.access, a)
	if a.opts.Flush > 0 && rg.stop == nil {
		rg.stop = make(chan struct{})
		go rg.flusher(rg.stop)
	}
}

func (rg *Registry) unwatch(a *Access) {
	rg.mu.Lock()
	defer rg.mu.Unlock()
	rg.access = slices.DeleteFunc(rg.access, func(b *Access) bool { return a == b })
	timed := slices.ContainsFunc(rg.access, func(b *Access) bool { return b.opts.Flush > 0 })
	if !timed && rg.stop != nil {
		close(rg.stop)
		rg.stop = nil
	}
}

func (rg *Registry) flusher(stop chan struct{}) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			rg.flushDue(now)
		}
	}
}

// flushDue writes the buffers whose first line has waited for flush= by now.
func (rg *Registry) flushDue(now time.Time) {
	rg.mu.Lock()
	access := slices.Clone(rg.access)
	rg.mu.Unlock()
	for _, a := range access {
		if a.opts.Flush == 0 {
			continue
		}
		for i := range a.writers {
			a.writers[i].flushDue(now, a.opts.Flush)
		}
	}
}

func (w *Writer) flushDue(now time.Time, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.buf) == 0:
	case w.since.IsZero():
		w.since = now
	case now.Sub(w.since) >= after:
		w.flush()
	}
}
