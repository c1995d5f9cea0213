package pool

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
	"hearth/internal/stats"
)

// The counters of a peer, one block per loop.
const (
	figReuse      = iota // leases of an idle connection
	figDial              // connections made
	figDialFailed        // leases given back without one
	figFull              // leases refused by max_conns
	figEnded             // leases that have ended
	figHeld              // nanoseconds that ended leases of a connection lasted
	figMiss              // by reason, indexed by Miss
	figClose      = figMiss + int(nMisses)
	nFigures      = figClose + int(nCloses)
)

func (p *peer) noteDial(took Took) {
	p.connect.RecordDuration(took.Connect)
	if took.Handshake > 0 {
		p.handshake.RecordDuration(took.Handshake)
	}
}

// active is the number of leases out, with a connection or dialling one.
func (p *peer) active() int64 {
	n := p.figures.Sum(figReuse)
	for i := range nMisses {
		n += p.figures.Sum(figMiss + int(i))
	}
	return n - p.figures.Sum(figEnded)
}

// notePeak keeps the most leases at once. Their number is a sum over loops, too dear for each lease; but
// it can only beat the peak while there are more connections than the peak, which in steady
// state there are not. So what is usual is one comparison of two figures that hardly ever change.
//
// Every lease looks after it has counted itself, so the last of any that are out together sees them all. A
// sum taken while others come and go can be too high by those; never above the connections there are.
func (p *peer) notePeak() {
	if open := p.open.Load(); open > p.peak.Load() {
		raise(&p.peak, min(open, p.active()))
	}
}

func raise(peak *atomic.Int64, to int64) {
	for {
		was := peak.Load()
		if to <= was || peak.CompareAndSwap(was, to) {
			return
		}
	}
}

// Figures are what a group or one of its peers has counted.
type Figures struct {
	Idle, Active  int64
	Peak          int64 // most leases at once; of a group, the sum of its peers' peaks
	Reuses, Dials int64 // leases of an idle connection; connections made for a lease or ahead of need
	DialsFailed   int64
	Full          int64         // leases refused by max_conns
	Held          time.Duration // all ended leases together
	OldestIdle    time.Duration
	MissesBy      [nMisses]int64 // indexed by Miss
	ClosesBy      [nCloses]int64 // indexed by Close

	Connect, Handshake stats.Distribution // microseconds
	PerConn            stats.Distribution // exchanges on a connection, over its life
}

// Leases is the number of leases granted, reused and dialled.
func (f *Figures) Leases() int64 {
	n := f.Reuses
	for _, misses := range f.MissesBy {
		n += misses
	}
	return n
}

// ReuseRatio is the share of leases that got an idle connection, 0 to 1.
func (f *Figures) ReuseRatio() float64 {
	if n := f.Leases(); n > 0 {
		return float64(f.Reuses) / float64(n)
	}
	return 0
}

// add sums a peer's counters up.
func (f *Figures) add(p *peer) {
	var c [nFigures]int64
	p.figures.AddTo(c[:])
	f.Active += c[figReuse] - c[figEnded]
	f.Peak += p.peak.Load()
	f.Reuses += c[figReuse]
	f.Dials += c[figDial]
	f.DialsFailed += c[figDialFailed]
	f.Full += c[figFull]
	f.Held += time.Duration(c[figHeld])
	for i := range f.MissesBy {
		f.MissesBy[i] += c[figMiss+i]
		f.Active += c[figMiss+i]
	}
	for i := range f.ClosesBy {
		f.ClosesBy[i] += c[figClose+i]
	}
	p.connect.AddTo(&f.Connect)
	p.handshake.AddTo(&f.Handshake)
	p.requests.AddTo(&f.PerConn)
}

// PeerStats are the figures of one address.
type PeerStats struct {
	Addr     conn.Addr
	MaxConns int
	Removed  bool          // left the upstream, its last connections are in use
	Learned  time.Duration // idle time the peer was observed to allow, less the margin; 0 = unknown
	Figures
}

// GroupStats are the figures of an upstream: those of its peers, and of ones since forgotten, together.
type GroupStats struct {
	Name   string
	Since  loop.Instant // when the group was made
	At     loop.Instant // when they were read
	Loops  int
	Limits Limits
	Figures
	Peers []PeerStats
}

// Stats reads the figures, at the given time. From any goroutine; it holds up no loop for longer than
// it takes to walk its idle connections.
func (g *Group) Stats(now loop.Instant) GroupStats {
	s := GroupStats{Name: g.name, Since: g.since, At: now, Loops: len(g.parts), Limits: g.Limits()}
	g.mu.Lock()
	s.Figures = g.gone
	at := make(map[*peer]int, len(g.peers))
	for _, p := range g.peers {
		s.add(p)
		ps := PeerStats{
			Addr: p.addr, MaxConns: int(p.max.Load()), Removed: p.removed.Load(),
			Learned: p.learned.believed(now),
		}
		ps.add(p)
		at[p] = len(s.Peers)
		s.Peers = append(s.Peers, ps)
	}
	g.mu.Unlock()
	for _, p := range g.parts {
		p.mu.Lock()
		for m := p.used.oldest; m != nil; m = m.links[byPart].newer {
			idle := now.Sub(m.idleAt)
			s.idle(idle)
			if i, ok := at[m.key.peer]; ok {
				s.Peers[i].idle(idle)
			}
		}
		p.mu.Unlock()
	}
	slices.SortFunc(s.Peers, func(a, b PeerStats) int { return strings.Compare(a.Addr.String(), b.Addr.String()) })
	return s
}

func (f *Figures) idle(age time.Duration) {
	f.Idle++
	f.OldestIdle = max(f.OldestIdle, age)
}
