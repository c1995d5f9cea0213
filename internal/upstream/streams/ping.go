package streams

import (
	"errors"
	"time"

	"hearth/internal/loop"
)

// ping finds out whether the peer of a line is still there (RFC 9113, section 6.7): before a line is used that has been idle
// for a while, because the pool asks, and when nothing has come for long although streams are open. A peer that has vanished
// without a word would else take each exchange's read timeout, one after another.
//
// Servers end connections that ping more than they like (grpc-go: more than twice within five minutes, unless they have
// sent something meanwhile). So silence is asked about once, and then again only after silenceAgain.
type ping struct {
	timer    loop.Timer
	heard    loop.Instant // when something came last
	asked    loop.Instant // when PING was sent; 0 = it has been answered
	last     loop.Instant // when silence was asked about last
	checking bool         // the pool waits for the answer
}

const (
	checkTimeout   = 2 * time.Second
	silence        = 30 * time.Second
	silenceAgain   = 6 * time.Minute
	silenceTimeout = 20 * time.Second
)

// errSilent is a peer that does not answer PING.
var errSilent = errors.New("no answer to PING")

// Check implements pool.Carrier.
func (l *line) Check() {
	l.checking = true
	l.ask()
	l.timer.Stop()
	l.timer.Reset(l.loop, l.asked.Add(checkTimeout), l)
}

func (l *line) ask() {
	l.asked = l.loop.Now()
	l.wire.Ping([8]byte{'h', 'e', 'a', 'r', 't', 'h'})
	l.touch()
}

// watchSilence sees to it that silence is noticed while streams are open.
func (l *line) watchSilence() {
	if !l.timer.Pending() {
		l.timer.Reset(l.loop, l.loop.Now().Add(silence), l)
	}
}

// OnPong implements http2.Handler.
func (l *line) OnPong([8]byte) {
	l.asked = 0
	if l.checking {
		l.checking = false
		l.timer.Pause()
		l.shared.Checked()
	}
}

// OnTimer implements loop.TimerFunc.
func (l *line) OnTimer(*loop.Timer) {
	now := l.loop.Now()
	switch {
	case l.closed:
	case l.checking:
		l.fail(errSilent)
	case len(l.streams) == 0: // idle: the pool's concern
	case l.asked != 0 && l.heard <= l.asked:
		l.fail(errSilent)
	case now.Sub(l.heard) < silence:
		l.timer.Reset(l.loop, l.heard.Add(silence), l)
	case l.last > l.heard && now.Sub(l.last) < silenceAgain:
		l.timer.Reset(l.loop, l.last.Add(silenceAgain), l)
	default:
		l.last = now
		l.ask()
		l.timer.Reset(l.loop, now.Add(silenceTimeout), l)
	}
}
