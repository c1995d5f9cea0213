package loop

import (
	"sync/atomic"
	"syscall"
)

// Readiness is what the poller reports about a descriptor.
type Readiness uint8

const (
	Readable Readiness = 1 << iota // bytes to read, or a connection to accept
	Writable                       // room to write
	HangUp                         // the peer will send no more (EPOLLRDHUP), or the connection is gone (EPOLLHUP)
	Failed                         // an error is pending on the descriptor (EPOLLERR)
	Lent                           // not from the poller: the source is lent, see Handle.Lend
)

// Source is what readiness is reported to, on the loop, before any fiber of the turn runs. It only
// marks what it needs and wakes or starts fibers.
//
// If ev has Lent set, the source may belong to another loop by now: it must touch nothing of itself
// that is not atomic or guarded by a lock.
type Source interface{ Ready(ev Readiness) }

// Handle is a source's seat at a poller. It is embedded in the source.
//
// # Why a stale event does no harm
//
// An event is fetched in a batch, and by the time it is delivered its descriptor may have been
// closed, its number given to another connection (of this loop or of another), or its connection
// moved to another loop. So an event carries, beside the descriptor, the generation of the registration it
// was armed by. Generations are never reused (31 bits, counted over the process: a stale one would have to
// survive two thousand million registrations within one batch). A process-wide table leads from the
// descriptor to the Handle, and the Handle's word holds its current generation.
//
//   - Closed: the table's entry is nil, or belongs to a later Handle with another generation. The owner
//     clears the entry before it closes the descriptor, and the kernel gives the number out again only after
//     that, so it cannot wipe out the entry of the next user.
//   - Moved: the new owner stores a new generation before it touches anything else. The old loop
//     either sees the new generation and drops the event, or has seen the old one just before. In that case,
//     since only lent handles move, it has seen the Lent bit of the same word too, and so touches
//     nothing but the word, by a compare-and-swap that fails if the generation has changed since.
//   - Not lent: only the owner can lend, and the owner is the loop that delivers the event. So a word with the
//     event's generation and without the Lent bit stays that way until the delivery is over.
//
// Nothing is lost by dropping: a moved descriptor is registered anew, and the kernel reports the
// state it is in at that moment.
type Handle struct {
	word   atomic.Uint64 // generation<<8 | Lent | what was seen while lent
	source Source
}

const generationShift = 8

var generations atomic.Uint32

func newGeneration() uint32 {
	for {
		if g := generations.Add(1) &^ (1 << 31); g != 0 {
			return g
		}
	}
}

func (h *Handle) generation() uint32 { return uint32(h.word.Load() >> generationShift) }

// Lend marks the source as lent: from now on another goroutine may Move it, or close it, under a lock
// that the source and its borrowers agree on. Until Reclaim, events are only collected in the handle, and the
// source is told of them with Lent. The owning loop calls it.
func (h *Handle) Lend() {
	h.word.Store(uint64(h.generation())<<generationShift | uint64(Lent))
}

// Reclaim ends Lend and returns what was reported since. The owning loop calls it.
func (h *Handle) Reclaim() Readiness {
	w := h.word.Load()
	h.word.Store(uint64(uint32(w>>generationShift)) << generationShift)
	return Readiness(w) &^ Lent
}

// IsLent tells whether the source is lent.
func (h *Handle) IsLent() bool { return Readiness(h.word.Load())&Lent != 0 }

// deliver hands ev to the source if the registration it came from still stands.
func (h *Handle) deliver(gen uint32, ev Readiness) bool {
	for {
		w := h.word.Load()
		if gen == 0 || uint32(w>>generationShift) != gen {
			return false
		}
		if Readiness(w)&Lent == 0 {
			h.source.Ready(ev)
			return true
		}
		if h.word.CompareAndSwap(w, w|uint64(ev)) {
			h.source.Ready(ev | Lent)
			return true
		}
	}
}

// Register has the poller report fd's readiness to s, once for each change (edge-triggered), reading,
// writing and the peer's end all in one registration. quiet leaves writing out, until
// WatchWrites: some sockets report room to write whenever the peer has read. The loop does not own fd.
func (l *Loop) Register(fd int, h *Handle, s Source, quiet bool) error {
	gen := newGeneration()
	h.source = s
	h.word.Store(uint64(gen) << generationShift)
	handles.at(fd).Store(h)
	mask := uint32(maskAll)
	if quiet {
		mask = maskRead
	}
	if err := l.poll.add(fd, gen, mask); err != nil {
		handles.at(fd).Store(nil)
		h.word.Store(0)
		return err
	}
	return nil
}

// RegisterListener has the poller report fd for as long as it is readable (level-triggered), so that
// its source may accept only some connections a turn.
func (l *Loop) RegisterListener(fd int, h *Handle, s Source) error {
	gen := newGeneration()
	h.source = s
	h.word.Store(uint64(gen) << generationShift)
	handles.at(fd).Store(h)
	if err := l.poll.add(fd, gen, maskLevelRead); err != nil {
		handles.at(fd).Store(nil)
		h.word.Store(0)
		return err
	}
	return nil
}

// WatchWrites adds writing to a quiet registration. It reports the present state again.
func (l *Loop) WatchWrites(fd int, h *Handle) error {
	return l.poll.modify(fd, h.generation(), maskAll)
}

// Unregister takes fd out of the poller, for a descriptor that stays open.
func (l *Loop) Unregister(fd int, h *Handle) {
	h.Forget(fd)
	l.poll.remove(fd)
}

// Forget ends the registration of a descriptor that is about to be closed, which takes it out of the
// poller too. Its owner calls it, or, while it is lent, whoever holds the lenders' lock. A copy of the
// descriptor in a child process that is about to exec can keep the registration alive a
// little longer; its events find no handle.
func (h *Handle) Forget(fd int) {
	handles.at(fd).Store(nil)
	h.word.Store(0)
}

// Move takes a lent descriptor over from loop `from` to l. It runs on l, under the lenders' lock; see Handle.
// Both loops must be alive. On an error it is registered nowhere, and should be closed.
func (l *Loop) Move(from *Loop, fd int, h *Handle, quiet bool) error {
	gen := newGeneration()
	h.word.Store(uint64(gen)<<generationShift | uint64(Lent))
	if err := from.poll.remove(fd); err != nil {
		return err
	}
	mask := uint32(maskAll)
	if quiet {
		mask = maskRead
	}
	return l.poll.add(fd, gen, mask)
}

// handleTable leads from descriptors to handles, for all loops. It grows by chunks that never move, and its
// entries are atomic: their users are argued about at Handle.
type handleTable struct {
	chunks [1 << 12]atomic.Pointer[handleChunk]
}

type handleChunk [1 << 12]atomic.Pointer[Handle]

var handles handleTable

func (t *handleTable) at(fd int) *atomic.Pointer[Handle] {
	chunk := &t.chunks[fd>>12]
	c := chunk.Load()
	for c == nil {
		chunk.CompareAndSwap(nil, new(handleChunk))
		c = chunk.Load()
	}
	return &c[fd&(1<<12-1)]
}

// errnoOrNil keeps a zero Errno from becoming a non-nil error.
func errnoOrNil(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
