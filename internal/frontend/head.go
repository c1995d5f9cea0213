package frontend

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/text"
)

// SendHead implements core.Downstream: it queues the head, in nginx's order of fields.
func (s *session) SendHead(r *core.Request) error {
	o := &s.out
	if o.err != nil {
		return o.err
	}
	o.started = true
	s.chooseFraming(r)
	o.keepAlive = s.mayKeepAlive()
	s.room()
	if !o.bare {
		s.appendHead(r)
	}
	o.headSize = o.sent + int64(len(o.queue)-o.done)
	return nil
}

func (s *session) appendHead(r *core.Request) {
	o, out := &s.out, &r.Out
	c := s.settings()
	b := o.queue
	b = appendStatusLine(b, out)
	server := out.Server
	if server == nil {
		server = s.shard.engine.banner(r)
	}
	if len(server) > 0 {
		b = appendField(b, "Server: ", server)
	}
	date := out.Date
	if date == nil {
		date = s.shard.date.at(s.loop.Wall())
	}
	if len(date) > 0 {
		b = appendField(b, "Date: ", date)
	}
	bodiless := out.Status == 204 || out.Status < 200
	described := out.Status != 204 || out.Tested // a backend's 204 may tell of what it has
	if out.ContentType != nil && out.Status >= 200 && described {
		b = appendField(b, "Content-Type: ", out.ContentType)
	}
	if out.ContentLength >= 0 && o.framing != byChunks && !bodiless {
		b = append(b, "Content-Length: "...)
		b = append(text.AppendInt(b, out.ContentLength), "\r\n"...)
	}
	if out.LastModified >= 0 && described {
		b = append(b, "Last-Modified: "...)
		b = append(text.AppendHTTPDate(b, time.Unix(out.LastModified, 0)), "\r\n"...)
	}
	if out.LocationMade {
		b = appendField(b, "Location: ", out.Location)
	}
	if o.framing == byChunks {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	b = s.appendConnection(b, out.Status, c)
	if out.Location != nil && !out.LocationMade {
		b = appendField(b, "Location: ", out.Location)
	}
	if out.ETag != nil {
		b = appendField(b, "ETag: ", out.ETag)
	}
	b = appendFields(b, out.Fields)
	o.queue = append(b, "\r\n"...)
}

var (
	keepAliveLine = "Connection: keep-alive\r\n"
	closeLine     = "Connection: close\r\n"
	upgradeLine   = "Connection: upgrade\r\n"
)

// appendConnection says what becomes of the connection, as nginx does: in every answer, whatever the client's version.
func (s *session) appendConnection(b []byte, status int, c *core.LocationConf) []byte {
	switch {
	case status == 101:
		return append(b, upgradeLine...)
	case !s.out.keepAlive:
		return append(b, closeLine...)
	}
	b = append(b, keepAliveLine...)
	if c.KeepaliveTimeout.Header > 0 {
		b = append(b, "Keep-Alive: timeout="...)
		b = append(text.AppendInt(b, int64(c.KeepaliveTimeout.Header/time.Second)), "\r\n"...)
	}
	return b
}

func appendStatusLine(b []byte, out *core.ResponseHead) []byte {
	if out.Status == 200 && out.Reason == nil {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	if !http1.ValidValue(out.Reason) {
		return http1.AppendStatusLine(b, out.Status, nil)
	}
	return http1.AppendStatusLine(b, out.Status, out.Reason)
}

// appendFields writes fields, but for those that are the frontend's own business.
func appendFields(b []byte, fields []http1.Field) []byte {
	for i := range fields {
		f := &fields[i]
		switch f.ID {
		case http1.Connection, http1.KeepAlive, http1.ContentLength, http1.TransferEncoding:
			continue
		}
		if !http1.ValidName(f.Name) {
			continue
		}
		b = append(b, f.Name...)
		b = appendField(b, ": ", f.Value)
	}
	return b
}

// appendField writes the rest of a field line. No value, wherever it came from (a decoded URI in a redirect, say), can end the
// line: control characters in it are replaced by spaces, as RFC 9110, 5.5 has it for recipients.
func appendField(b []byte, start string, value []byte) []byte {
	b = append(b, start...)
	from := len(b)
	b = append(b, value...)
	if !http1.ValidValue(value) {
		for i, c := range b[from:] {
			if c < ' ' && c != '\t' || c == 0x7f {
				b[from+i] = ' '
			}
		}
	}
	return append(b, "\r\n"...)
}
