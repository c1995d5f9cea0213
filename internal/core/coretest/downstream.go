package coretest

import (
	"io"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// Downstream is the client's side of one request, in memory.
type Downstream struct {
	server  *Server
	request *core.Request

	status    int
	reason    string
	header    Header
	trailer   Header
	body      []byte
	interim   []int
	last      bool
	keepAlive bool
	aborted   bool
	only      bool // head only

	blocked  bool // the client does not read
	writable loop.Event
	gone     loop.Event
	rate     int64
	after    int64

	input    []byte // request body, framed if chunked
	chunks   http1.ChunkReader
	chunked  bool
	left     int64
	readable loop.Event
	hijacked *conn.Peer
}

func newDownstream(s *Server) *Downstream {
	d := &Downstream{server: s, keepAlive: true}
	d.writable.Set(s.Loop)
	d.readable.Set(s.Loop)
	return d
}

func (d *Downstream) setBody(rest []byte, h *http1.RequestHead) {
	d.input, d.chunked, d.left = rest, h.Chunked, max(h.ContentLength, 0)
	d.keepAlive = h.KeepAlive
	d.chunks.ResetRequest(0)
}

// Block makes the client stop reading: output stays pending until Unblock.
func (c *Call) Block() { c.block() }

func (d *Downstream) block() {
	d.blocked = true
	d.writable.Clear()
}

// Unblock lets the client read on.
func (c *Call) Unblock() {
	c.blocked = false
	c.writable.Set(c.server.Loop)
	c.server.Sim.Run()
}

// Leave is the client closing its connection.
func (c *Call) Leave() {
	c.gone.Set(c.server.Loop)
	c.readable.Set(c.server.Loop)
	c.writable.Set(c.server.Loop)
	c.server.Sim.Run()
}

// Feed is the client sending more of the request body.
func (c *Call) Feed(more string) {
	c.input = append(c.input, more...)
	c.readable.Set(c.server.Loop)
	c.server.Sim.Run()
}

// Rate is the pace that was asked for: bytes per second, and after how many bytes.
func (d *Downstream) Rate() (bytesPerSecond, after int64) { return d.rate, d.after }

// SendHead keeps a copy of the head.
func (d *Downstream) SendHead(r *core.Request) error {
	if d.gone.IsSet() {
		return io.ErrClosedPipe
	}
	o := &r.Out
	d.status, d.reason, d.only = o.Status, string(o.Reason), o.HeaderOnly
	add := func(name, value string) { d.header = append(d.header, name+": "+value) }
	if len(o.Server) > 0 {
		add("Server", string(o.Server))
	}
	if len(o.ContentType) > 0 {
		add("Content-Type", string(o.ContentType))
	}
	if o.ContentLength >= 0 && o.Status != 204 && o.Status >= 200 {
		add("Content-Length", itoa(int(o.ContentLength)))
	}
	if o.LastModified >= 0 {
		add("Last-Modified", time.Unix(o.LastModified, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
	if len(o.Location) > 0 {
		add("Location", string(o.Location))
	}
	if len(o.ETag) > 0 {
		add("ETag", string(o.ETag))
	}
	if o.AcceptRanges {
		add("Accept-Ranges", "bytes")
	}
	for _, f := range o.Fields {
		add(string(f.Name), string(f.Value))
	}
	r.Framing = core.Framing{KeepAlive: d.keepAlive, Chunked: o.ContentLength < 0 && !o.HeaderOnly}
	return nil
}

// Send keeps a copy of the chunk.
func (d *Downstream) Send(c core.Chunk) error {
	if d.gone.IsSet() {
		return io.ErrClosedPipe
	}
	if !d.only {
		d.body = append(d.body, c.Mem...)
		if c.File.IsOpen() {
			from := len(d.body)
			d.body = append(d.body, make([]byte, c.Len)...)
			if _, err := c.File.ReadAt(d.body[from:], c.Off); err != nil {
				return err
			}
		}
		d.request.BodySent += c.Size()
		d.request.BytesSent += c.Size()
	}
	if c.Last {
		d.last = true
		for _, f := range d.request.Out.Trailers {
			d.trailer = append(d.trailer, string(f.Name)+": "+string(f.Value))
		}
	}
	return nil
}

// Congested reports whether the client is blocked.
func (d *Downstream) Congested() bool { return d.blocked }

// TryFlush does nothing: there is no pending output.
func (d *Downstream) TryFlush() error { return nil }

// WaitFlush waits while the client is blocked, up to send_timeout.
func (d *Downstream) WaitFlush() error {
	l := d.server.Loop
	for d.blocked {
		if err := l.Wait(l.Now().Add(d.request.Location.Conf.SendTimeout), &d.writable, &d.gone); err != nil {
			return err
		}
		if d.gone.IsSet() {
			return io.ErrClosedPipe
		}
	}
	return nil
}

// Writable is set while the client reads.
func (d *Downstream) Writable() *loop.Event { return &d.writable }

// Gone is set by Leave.
func (d *Downstream) Gone() *loop.Event { return &d.gone }

// ClientGone reports whether the client has left.
func (d *Downstream) ClientGone() bool { return d.gone.IsSet() }

// ReadBody reads the decoded body, waiting up to client_body_timeout for Feed.
func (d *Downstream) ReadBody(p []byte) (int, error) {
	l := d.server.Loop
	for {
		n, err := d.TryReadBody(p)
		if err != conn.ErrAgain {
			return n, err
		}
		if err := l.Wait(l.Now().Add(d.request.Location.Conf.ClientBodyTimeout), &d.readable); err != nil {
			return 0, err
		}
	}
}

// TryReadBody is ReadBody without waiting.
func (d *Downstream) TryReadBody(p []byte) (int, error) {
	if d.chunked {
		return d.readChunks(p)
	}
	if d.left == 0 {
		return 0, io.EOF
	}
	if len(d.input) == 0 {
		return 0, d.starved()
	}
	n := copy(p, d.input[:min(int64(len(d.input)), d.left)])
	d.input, d.left = d.input[n:], d.left-int64(n)
	return n, nil
}

func (d *Downstream) starved() error {
	if d.gone.IsSet() {
		return io.ErrUnexpectedEOF
	}
	d.readable.Clear()
	return conn.ErrAgain
}

func (d *Downstream) readChunks(p []byte) (int, error) {
	total, began := 0, len(d.input) > 0
	for total < len(p) && !d.chunks.Done() && len(d.input) > 0 {
		// No more than fits: the decoder consumes a chunk's data as far as it is given.
		data, consumed, err := d.chunks.Decode(d.input[:min(len(d.input), len(p)-total)])
		if err != nil {
			return total, err
		}
		total += copy(p[total:], data)
		d.input = d.input[consumed:]
	}
	switch {
	case total > 0:
		return total, nil
	case d.chunks.Done():
		return 0, io.EOF
	case began && d.chunks.Remaining() > 0:
		return 0, nil
	}
	return 0, d.starved()
}

// BodyReadable is set when there may be more of the body.
func (d *Downstream) BodyReadable() *loop.Event { return &d.readable }

// BodyAhead is what is still to come by Content-Length, or of the present chunk.
func (d *Downstream) BodyAhead() int64 {
	if d.chunked {
		return d.chunks.Remaining()
	}
	return d.left
}

// RequestTrailers are those of a chunked body.
func (d *Downstream) RequestTrailers() []http1.Field { return d.chunks.Trailers() }

// SetRate keeps the pace for Rate.
func (d *Downstream) SetRate(bytesPerSecond, after int64) { d.rate, d.after = bytesPerSecond, after }

// ResumeAt is always now.
func (d *Downstream) ResumeAt() loop.Instant { return 0 }

// SendInterim keeps the status.
func (d *Downstream) SendInterim(status int, _ []http1.Field) error {
	d.interim = append(d.interim, status)
	return nil
}

// Raw is not possible.
func (d *Downstream) Raw() *conn.Conn { return nil }

// CountSent counts bytes.
func (d *Downstream) CountSent(n int64) {
	d.request.BodySent += n
	d.request.BytesSent += n
}

// Hijack hands out one end of a connection in memory; Peer is the client's end.
func (d *Downstream) Hijack() (*conn.Conn, []byte, error) {
	c, peer := conn.Pair(d.server.Loop)
	d.hijacked = peer
	return c, d.input, nil
}

// Peer is the client's end after Hijack, or nil.
func (d *Downstream) Peer() *conn.Peer { return d.hijacked }

// NoKeepAlive makes this the connection's last request.
func (d *Downstream) NoKeepAlive() { d.keepAlive = false }
