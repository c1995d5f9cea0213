package frontend

import (
	"bytes"

	"hearth/internal/core"
	"hearth/internal/http1"
)

// mayKeepAlive decides whether the connection serves another request after this one.
func (s *session) mayKeepAlive() bool {
	o, h := &s.out, &s.parser.Head
	c := s.settings()
	switch {
	case o.noKeepAlive, o.bare, !h.KeepAlive, o.framing == byClose, s.shard.draining, s.h.draining, s.req.Out.Status == 101:
		return false
	case h.MethodID == http1.MethodConnect, h.MethodID == http1.MethodTrace: // as nginx; what follows a CONNECT need not be HTTP
		return false
	case s.body.expect: // the client may send the body or not: nobody knows where the next request will begin
		return false
	case c.KeepaliveTimeout.Idle == 0, int(s.h.requests) >= c.KeepaliveRequests:
		return false
	case s.loop.Now().Sub(s.h.opened) > c.KeepaliveTime:
		return false
	case c.KeepaliveDisable&core.KeepaliveMSIE6 != 0 && h.MethodID == http1.MethodPost && s.oldMSIE():
		return false
	case c.KeepaliveDisable&core.KeepaliveSafari != 0 && s.safari():
		return false
	}
	return true
}

func (s *session) userAgent() []byte {
	v, _ := s.parser.Head.Get(http1.UserAgent)
	return v
}

// oldMSIE recognises the versions of MSIE up to 6 that keepalive_disable msie6 means.
func (s *session) oldMSIE() bool {
	agent := s.userAgent()
	_, after, ok := bytes.Cut(agent, []byte("MSIE "))
	if !ok || len(after) < 3 || after[1] != '.' || bytes.Contains(agent, []byte("Opera")) {
		return false
	}
	return after[0] == '4' || after[0] == '5' || after[0] == '6' && !bytes.Contains(after, []byte("SV1"))
}

// safari recognises Safari and its like on macOS.
func (s *session) safari() bool {
	ua := s.userAgent()
	return bytes.Contains(ua, []byte("Safari/")) && bytes.Contains(ua, []byte("Mac OS X")) && !bytes.Contains(ua, []byte("Chrome/"))
}
