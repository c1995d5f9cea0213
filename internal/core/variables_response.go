package core

import (
	"time"

	"hearth/internal/logs"
	"hearth/internal/text"
)

// responseVariables tell what was, or will be, answered.
func responseVariables() []Variable {
	return []Variable{
		{Name: "status", Get: getStatus, NoCache: true},
		{Name: "body_bytes_sent", Get: func(r *Request) ([]byte, bool) { return r.number(r.Main.BodySent) }, NoCache: true},
		{Name: "bytes_sent", Get: func(r *Request) ([]byte, bool) { return r.number(r.Main.BytesSent) }, NoCache: true},
		{Name: "limit_rate", Get: getLimitRate, Set: setLimitRate, NoCache: true, Changeable: true},
		{Name: "sent_http_content_type", Get: func(r *Request) ([]byte, bool) { return r.Out.ContentType, len(r.Out.ContentType) > 0 }, NoCache: true},
		{Name: "sent_http_content_length", Get: getSentContentLength, NoCache: true},
		{Name: "sent_http_location", Get: getSentLocation, NoCache: true},
		{Name: "sent_http_last_modified", Get: getSentLastModified, NoCache: true},
		{Name: "sent_http_etag", Get: getSentETag, NoCache: true},
		{Name: "sent_http_connection", Get: getSentConnection, NoCache: true},
		{Name: "sent_http_keep_alive", Get: getSentKeepAlive, NoCache: true},
		{Name: "sent_http_transfer_encoding", Get: getSentTransferEncoding, NoCache: true},
	}
}

// getStatus has three digits; HTTP/0.9 is "009", nothing at all "000".
func getStatus(r *Request) ([]byte, bool) {
	status := r.Status()
	if status == 0 && r.Head.Major == 0 && r.Head.Minor == 9 {
		status = 9
	}
	return text.AppendPadded(r.Alloc(3)[:0], status, 3), true
}

func getLimitRate(r *Request) ([]byte, bool) {
	m := r.Main
	if m.limitSet || m.HeadSent {
		return r.number(m.limitRate)
	}
	return r.number(evalSize(r, r.Location.Conf.LimitRate))
}

func setLimitRate(r *Request, v []byte) {
	n, ok := text.ParseSize(text.String(v))
	if !ok {
		r.Error(logs.Error, "invalid $limit_rate \"%s\"", v)
		return
	}
	r.SetLimitRate(n)
}

func getSentContentLength(r *Request) ([]byte, bool) {
	if v, ok := r.Out.Get("Content-Length"); ok {
		return v, true
	}
	if r.Out.ContentLength < 0 {
		return nil, false
	}
	return r.number(r.Out.ContentLength)
}

func getSentLocation(r *Request) ([]byte, bool) {
	return r.Out.Location, len(r.Out.Location) > 0
}

func getSentLastModified(r *Request) ([]byte, bool) {
	if v, ok := r.Out.Get("Last-Modified"); ok {
		return v, true
	}
	if r.Out.LastModified < 0 {
		return nil, false
	}
	return text.AppendHTTPDate(r.Alloc(29)[:0], time.Unix(r.Out.LastModified, 0)), true
}

func getSentETag(r *Request) ([]byte, bool) {
	if r.Out.ETag != nil {
		return r.Out.ETag, true
	}
	return r.Out.Get("ETag")
}

// Framing is how a frontend has framed the response, for $sent_http_connection and the like.
type Framing struct {
	Chunked   bool
	KeepAlive bool
	Upgrade   bool
	Timeout   int64 // of the Keep-Alive field, in seconds; 0 = none was sent
}

func getSentConnection(r *Request) ([]byte, bool) {
	switch f := r.Main.Framing; {
	case f.Upgrade:
		return bytesOf("upgrade"), true
	case f.KeepAlive:
		return bytesOf("keep-alive"), true
	}
	return bytesOf("close"), true
}

func getSentKeepAlive(r *Request) ([]byte, bool) {
	if f := r.Main.Framing; f.KeepAlive && f.Timeout > 0 {
		return text.AppendInt(append(r.Alloc(32)[:0], "timeout="...), f.Timeout), true
	}
	return nil, false
}

func getSentTransferEncoding(r *Request) ([]byte, bool) {
	if r.Main.Framing.Chunked {
		return bytesOf("chunked"), true
	}
	return nil, false
}
