package http2

// floods measures what a peer can do at little cost to itself, so that one who does nothing else is stopped: with
// ENHANCE_YOUR_CALM. Every kind has a burst that is free and a rate that goes on for ever; useful work earns more.
type floods struct {
	resets  meter // streams reset by the peer, and such that it has made us reset
	control meter // PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty and unknown frames
}

// meter is a leaky bucket in nanoseconds: each event puts its cost in, and the passing time takes it out.
type meter struct{ level, at int64 }

const second = 1_000_000_000

// What one event costs: the rate that goes on for ever is one in so many nanoseconds.
const (
	resetCost   = second / 50
	controlCost = second / 500
	// The bursts, in events. For resets it is more with more streams.
	resetBurst   = 128
	controlBurst = 2000
)

func (m *meter) add(now, cost, most int64) (over bool) {
	m.level = max(0, m.level-(now-m.at)) + cost
	m.at = now
	return m.level > most
}

// useful earns: a stream that has ended as it should pays for resets, DATA for what comes with it.
func (f *floods) useful(resets, control int64) {
	f.resets.level = max(0, f.resets.level-resets*resetCost)
	f.control.level = max(0, f.control.level-control*controlCost)
}

// control counts a frame that moves nothing.
func (w *Wire) control() {
	if w.floods.control.add(w.now, controlCost, controlBurst*controlCost) {
		w.fail(EnhanceYourCalm, "sent too many frames of control")
	}
}

// provokedReset counts a reset stream: by the peer (CVE-2023-44487), or by us for what the peer did on it (CVE-2025-8671).
// A client knows how many streams it has opened, and lets the server reset what it likes.
func (w *Wire) provokedReset() {
	if !w.server {
		return
	}
	most := int64(resetBurst + 2*w.opt.MaxStreams)
	if w.floods.resets.add(w.now, resetCost, most*resetCost) {
		w.fail(EnhanceYourCalm, "had too many streams reset")
	}
}

// answered looks at the output after an answer that the peer has provoked: it must be read.
func (w *Wire) answered() {
	if w.out.pending() > 2*w.opt.OutputLimit+answerLimit {
		w.fail(EnhanceYourCalm, "does not read the answers to its frames")
	}
}

// answerLimit is how many bytes of answers may lie in the output beyond what Backlogged reports.
const answerLimit = 16 << 10
