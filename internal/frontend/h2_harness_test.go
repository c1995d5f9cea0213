package frontend

import (
	"fmt"
	"strings"

	"hearth/internal/http1"
	"hearth/internal/http2"
)

// h2client is a client of HTTP/2 at the test's end of a connection. What it is told about a stream it writes down in one
// line: "200 [body] end", with trailers as {name=value}, and a reset as "reset CODE".
type h2client struct {
	*client
	wire    *http2.Wire
	streams map[uint32]*http2.Stream
	told    map[uint32]string
	goaway  string
	hold    bool // give no credit
	fields  bool // write down the fields of heads, but for Server, Date and Content-Type
	frames  int  // DATA seen
}

// connectH2 opens a connection with prior knowledge. The server's SETTINGS have come.
func (w *world) connectH2() *h2client {
	w.server.HTTP2.On = true
	return newH2(w.connect(), &http2.Options{})
}

func newH2(cl *client, o *http2.Options) *h2client {
	c := &h2client{client: cl, streams: map[uint32]*http2.Stream{}, told: map[uint32]string{}}
	c.wire = http2.NewClient(o, c)
	c.exchange()
	return c
}

// exchange sends what the client has to say and takes what it is told, until there is nothing.
func (c *h2client) exchange() {
	for again := true; again; {
		again = false
		if out := c.wire.Output(); len(out) > 0 && !c.ConnClosed() {
			c.Send(append([]byte(nil), out...))
			c.wire.Sent(len(out))
			again = true
		}
		c.w.sim.Run()
		if in := c.Received(); len(in) > 0 {
			if err := c.wire.Feed(in, int64(c.w.loop.Now())); err != nil {
				c.goaway += " error " + err.Error()
			}
			again = true
		}
	}
}

// ask sends a request. method may be "GET /path" or "GET"; more are fields "name: value". A request that does not end here is
// ended by data.
func (c *h2client) ask(line string, end bool, more ...string) uint32 {
	c.w.t.Helper()
	id := c.begin(line, end, more...)
	c.exchange()
	return id
}

// begin is ask without the exchange.
func (c *h2client) begin(line string, end bool, more ...string) uint32 {
	c.w.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	s, err := c.wire.Open(nil, method == "HEAD")
	if err != nil {
		c.w.t.Fatal(err)
	}
	hw := c.wire.Headers(s)
	hw.Request([]byte(method), []byte("http"), []byte("a"), []byte(path))
	writeFields(hw, more)
	hw.End(end)
	c.streams[s.ID] = s
	return s.ID
}

func writeFields(hw *http2.HeaderWriter, list []string) {
	for _, f := range list {
		name, value, _ := strings.Cut(f, ": ")
		hw.Field(field(name, value))
	}
}

// data sends a part of a request's body, as much as there is credit for.
func (c *h2client) data(id uint32, body string, end bool) (taken int) {
	taken = c.wire.WriteData(c.streams[id], []byte(body), end)
	c.exchange()
	return taken
}

func (c *h2client) trailers(id uint32, list ...string) {
	hw := c.wire.Headers(c.streams[id])
	writeFields(hw, list)
	hw.End(true)
	c.exchange()
}

func (c *h2client) cancel(id uint32) {
	c.wire.Reset(c.streams[id], http2.Cancel)
	c.exchange()
}

// wantTold compares what a stream has been told since the last time.
func (c *h2client) wantTold(id uint32, want string) {
	c.w.t.Helper()
	if got := strings.TrimSpace(c.told[id]); got != want {
		c.w.t.Fatalf("stream %d: %.300s\nwant: %.300s", id, got, want)
	}
	delete(c.told, id)
}

func (c *h2client) wantGoAway(want string) {
	c.w.t.Helper()
	if got := strings.TrimSpace(c.goaway); got != want {
		c.w.t.Fatalf("GOAWAY: %q, want %q", got, want)
	}
}

func (c *h2client) note(s *http2.Stream, end bool, format string, args ...any) {
	c.told[s.ID] += fmt.Sprintf(format, args...)
	if end {
		c.told[s.ID] += " end"
	}
}

func (c *h2client) OnHeaders(s *http2.Stream, b *http2.Block, end bool) {
	var fields strings.Builder
	for _, f := range b.Fields {
		if b.Kind == http2.Trailers || c.fields && f.ID != http1.Server && f.ID != http1.Date {
			fmt.Fprintf(&fields, " %s=%s", f.Name, f.Value)
		}
	}
	if b.Kind == http2.Trailers {
		c.note(s, end, " {%s}", strings.TrimSpace(fields.String()))
		return
	}
	c.note(s, end, " %d%s", b.Status, fields.String())
}

func (c *h2client) OnData(s *http2.Stream, p []byte, end bool) {
	c.frames++
	if old := c.told[s.ID]; strings.HasSuffix(old, "]") {
		c.told[s.ID] = old[:len(old)-1] + string(p) + "]"
		c.note(s, end, "")
	} else if len(p) > 0 {
		c.note(s, end, " [%s]", p)
	} else {
		c.note(s, end, "")
	}
	if !c.hold {
		c.wire.Consumed(s, len(p))
	}
}

func (c *h2client) OnReset(s *http2.Stream, code http2.ErrCode, _ bool, _ string) {
	c.note(s, false, " reset %v", code)
}
func (c *h2client) OnGoAway(last uint32, code http2.ErrCode, _ []byte) {
	c.goaway += fmt.Sprintf(" %d %v", last, code)
}
func (c *h2client) OnRoom(*http2.Stream)                    {}
func (c *h2client) OnSettings()                             {}
func (c *h2client) OnPong([8]byte)                          {}
func (c *h2client) OnRefused(uint32, http2.ErrCode, string) {}

// wantNoStreams checks that nothing is left of requests.
func (w *world) wantNoStreams() {
	w.t.Helper()
	if n, m := w.shard.counters.streams, w.shard.counters.multiplexed; n != 0 || m != 0 {
		w.t.Fatalf("%d streams on %d connections are left", n, m)
	}
}
