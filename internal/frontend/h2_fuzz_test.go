package frontend

import (
	"testing"
	"time"

	"hearth/internal/core"
)

// FuzzH2Connection: whatever a client sends, and however it is cut, nothing is left of its connection at the end.
func FuzzH2Connection(f *testing.F) {
	for _, request := range h2Asked[:14] {
		c := askH2(request)
		f.Add(c.wire.Output()[len(h2Preface):], uint8(1))
	}
	f.Fuzz(func(t *testing.T, sent []byte, cut uint8) {
		w := newWorld(t, func(r *core.Request) {
			switch r.Head.MethodID {
			case 1:
				ok(r)
			case 2:
				stream(r, "one", "two")
			default:
				echo(r)
			}
		})
		w.server.HTTP2.On = true
		p := w.connect()
		p.send(h2Preface)
		for size := int(cut)*8 + 1; len(sent) > 0 && !p.Ended(); {
			n := min(size, len(sent))
			p.send(string(sent[:n]))
			sent = sent[n:]
			if w.shard.active.n > 1 {
				t.Fatal("one connection is active more than once")
			}
		}
		w.advance(2 * time.Minute)
		if !p.ConnClosed() {
			p.Close()
			w.sim.Run()
		}
		w.advance(time.Minute)
		w.wantNoStreams()
		w.wantNoLeak()
	})
}
