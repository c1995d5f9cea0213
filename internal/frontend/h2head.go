package frontend

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/http2"
	"hearth/internal/text"
)

// SendHead implements core.Downstream: it queues the head, in nginx's order of fields.
func (s *h2Stream) SendHead(r *core.Request) error {
	o, out := &s.out, &r.Out
	if o.err != nil {
		return o.err
	}
	o.started = true
	r.Framing.KeepAlive = true
	o.left = out.ContentLength
	o.bodiless = out.HeaderOnly || out.Status == 204 || out.Status == 304 ||
		out.ContentLength == 0 && len(out.Trailers) == 0 // for gRPC it matters where the stream ends
	s.ws.Chunk = int(s.settings().HTTP2ChunkSize)
	hw := s.wire.Headers(s.ws)
	hw.Status(out.Status)
	s.writeFields(hw, r)
	o.ended = o.bodiless
	s.wrote(hw.End(o.bodiless))
	return nil
}

func (s *h2Stream) writeFields(hw *http2.HeaderWriter, r *core.Request) {
	out := &r.Out
	server := out.Server
	if server == nil {
		server = s.shard.engine.banner(r)
	}
	if len(server) > 0 {
		s.known(hw, http1.Server, server)
	}
	date := out.Date
	if date == nil {
		date = s.shard.date.at(s.loop.Wall())
	}
	if len(date) > 0 {
		s.known(hw, http1.Date, date)
	}
	bodiless := out.Status == 204 || out.Status < 200
	described := out.Status != 204 || out.Tested // a backend's 204 may tell of what it has
	if out.ContentType != nil && out.Status >= 200 && described {
		s.known(hw, http1.ContentType, out.ContentType)
	}
	scratch := s.out.scratch[:0]
	if out.ContentLength >= 0 && !bodiless {
		hw.Known(http1.ContentLength, text.AppendInt(scratch, out.ContentLength))
	}
	if out.LastModified >= 0 && described {
		hw.Known(http1.LastModified, text.AppendHTTPDate(scratch, time.Unix(out.LastModified, 0)))
	}
	if out.Location != nil {
		s.known(hw, http1.Location, out.Location)
	}
	if out.ETag != nil {
		s.known(hw, http1.ETag, out.ETag)
	}
	s.fields(hw, out.Fields)
}

func (s *h2Stream) known(hw *http2.HeaderWriter, id http1.ID, value []byte) {
	hw.Known(id, s.clean(value))
}

// fields writes fields, but for those that are the frontend's own business.
func (s *h2Stream) fields(hw *http2.HeaderWriter, fields []http1.Field) {
	for _, f := range fields {
		if f.ID == http1.ContentLength || !http1.ValidName(f.Name) {
			continue
		}
		f.Value = s.clean(f.Value)
		hw.Field(f)
	}
}

// clean is a value without controls, which a client would take for an error of protocol: they are replaced by spaces, and
// there is no white space at the ends (RFC 9113, 8.2.1).
func (s *h2Stream) clean(value []byte) []byte {
	if !http1.ValidValue(value) {
		value = s.req.Copy(value)
		for i, c := range value {
			if c < ' ' && c != '\t' || c == 0x7f {
				value[i] = ' '
			}
		}
	}
	return http1.TrimSpace(value)
}

// sendContinue tells the client to send the body it has announced (RFC 9110, 10.1.1).
func (s *h2Stream) sendContinue() {
	if !s.out.started {
		s.interim(100, nil)
	}
}

// SendInterim implements core.Downstream.
func (s *h2Stream) SendInterim(status int, fields []http1.Field) error {
	if s.out.err != nil || s.out.started || status == 101 {
		return s.out.err
	}
	if status == 100 {
		s.body.expect = false
	}
	s.interim(status, fields)
	return nil
}

func (s *h2Stream) interim(status int, fields []http1.Field) {
	hw := s.wire.Headers(s.ws)
	hw.Status(status)
	s.fields(hw, fields)
	s.wrote(hw.End(false))
}
