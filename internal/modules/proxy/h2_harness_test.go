package proxy

import (
	"fmt"
	"slices"
	"strings"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/http2"
)

// h2backend is a scripted HTTP/2 server at an address, made of a server's wire.
type h2backend struct {
	w       *world
	options http2.Options
	conns   []*h2conn
	asked   []*h2request // all requests, in order
	// answer is called when a request has come to its end; nil = 200 and its path.
	answer func(q *h2request)
	// begin is called when its head has come.
	begin func(q *h2request)
}

// h2conn is one of its connections.
type h2conn struct {
	*conn.Peer
	b       *h2backend
	wire    *http2.Wire
	open    []*h2request
	most    int // requests at once
	pings   int
	deaf    bool // answers nothing any more, not even PING
	away    []http2.ErrCode
	settled bool
	err     error
}

// h2request is one request.
type h2request struct {
	*h2conn
	s                               *http2.Stream
	method, path, authority, scheme string
	fields                          []string
	body                            []byte
	hold                            bool // gives no credit
	owed                            int  // so much of it
	trailers                        []string
	ended, gone                     bool
	reset                           http2.ErrCode
	out                             []byte // body still to be sent
	end                             func() // what follows it
}

func (w *world) h2(addr string) *h2backend { return w.h2With(addr, http2.Options{}) }

func (w *world) h2With(addr string, o http2.Options) *h2backend {
	b := &h2backend{w: w, options: o}
	w.net.Listen(conn.MustAddr(addr), func(p *conn.Peer) {
		c := &h2conn{Peer: p, b: b}
		c.wire = http2.NewServer(&b.options, c)
		b.conns = append(b.conns, c)
		p.OnData = func(p *conn.Peer) {
			if c.deaf {
				return
			}
			if data := p.Received(); len(data) > 0 && c.err == nil {
				c.err = c.wire.Feed(data, int64(w.sim.Now()))
			}
			c.flush()
		}
	})
	return b
}

// Close closes the connection.
func (c *h2conn) Close() {
	c.deaf = true
	c.Peer.Close()
}

// flush sends what the wire has to say.
func (c *h2conn) flush() {
	for len(c.wire.Output()) > 0 && !c.ConnClosed() && !c.deaf {
		out := slices.Clone(c.wire.Output())
		c.wire.Sent(len(out))
		c.Send(out)
	}
}

// run does something as the backend, and then everything that follows from it.
func (c *h2conn) run(do func()) {
	do()
	c.flush()
	c.b.w.sim.Run()
}

func list(fields []http1.Field) (all []string) {
	for i := range fields {
		all = append(all, string(fields[i].Name)+": "+string(fields[i].Value))
	}
	return all
}

// OnHeaders implements http2.Handler.
func (c *h2conn) OnHeaders(s *http2.Stream, h *http2.Block, end bool) {
	if h.Kind == http2.Trailers {
		q := s.Owner.(*h2request)
		q.trailers = list(h.Fields)
		q.finished(end)
		return
	}
	q := &h2request{h2conn: c, s: s, method: string(h.Method), path: string(h.Path), authority: string(h.Authority), scheme: string(h.Scheme), fields: list(h.Fields)}
	s.Owner = q
	c.open = append(c.open, q)
	c.most = max(c.most, len(c.open))
	c.b.asked = append(c.b.asked, q)
	if c.b.begin != nil {
		c.b.begin(q)
	}
	q.finished(end)
}

func (q *h2request) finished(end bool) {
	if !end || q.gone {
		return
	}
	q.ended = true
	if q.b.answer != nil {
		q.b.answer(q)
	} else {
		q.respond(200, q.path)
	}
}

// OnData implements http2.Handler.
func (c *h2conn) OnData(s *http2.Stream, p []byte, end bool) {
	q := s.Owner.(*h2request)
	q.body = append(q.body, p...)
	q.owed += len(p)
	if !q.hold {
		q.credit(q.owed)
	}
	q.finished(end)
}

// credit gives the client credit for n bytes.
func (q *h2request) credit(n int) {
	if n = min(n, q.owed); !q.gone && n > 0 {
		q.owed -= n
		q.wire.Consumed(q.s, n)
	}
}

// OnReset implements http2.Handler.
func (c *h2conn) OnReset(s *http2.Stream, code http2.ErrCode, _ bool, _ string) {
	q := s.Owner.(*h2request)
	q.reset = code
	q.release()
}

// OnRoom implements http2.Handler.
func (c *h2conn) OnRoom(s *http2.Stream) { s.Owner.(*h2request).push() }

// OnSettings implements http2.Handler.
func (c *h2conn) OnSettings() { c.settled = true }

// OnGoAway implements http2.Handler.
func (c *h2conn) OnGoAway(_ uint32, code http2.ErrCode, _ []byte) { c.away = append(c.away, code) }

// OnPong implements http2.Handler.
func (c *h2conn) OnPong([8]byte) { c.pings++ }

// OnRefused implements http2.Handler.
func (c *h2conn) OnRefused(uint32, http2.ErrCode, string) {}

// release ends the backend's use of the stream.
func (q *h2request) release() {
	if q.gone {
		return
	}
	q.gone = true
	q.open = slices.DeleteFunc(q.open, func(o *h2request) bool { return o == q })
	q.h2conn.open = q.open
	q.wire.Release(q.s)
}

// head sends a response's head, fields as "name: value".
func (q *h2request) head(status int, end bool, fields ...string) {
	if q.gone {
		return
	}
	w := q.wire.Headers(q.s)
	if status > 0 {
		w.Status(status)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		w.Field(http1.Field{Name: []byte(name), Value: []byte(value), ID: http1.Lookup([]byte(name))})
	}
	w.End(end)
	if end && status == 0 || end && q.ended {
		q.release()
	}
}

// respond sends a whole response with its length.
func (q *h2request) respond(status int, body string) {
	q.head(status, false, fmt.Sprintf("content-length: %d", len(body)))
	q.send(body, true)
}

// send sends on the body, as room comes.
func (q *h2request) send(body string, end bool) {
	q.out = append(q.out, body...)
	if end {
		q.end = func() {
			q.wire.WriteData(q.s, nil, true)
			q.release()
		}
	}
	q.push()
}

func (q *h2request) push() {
	for len(q.out) > 0 && !q.gone {
		n := q.wire.WriteData(q.s, q.out, false)
		if n == 0 {
			return
		}
		q.out = q.out[n:]
	}
	if end := q.end; end != nil && !q.gone {
		q.end = nil
		end()
	}
}
