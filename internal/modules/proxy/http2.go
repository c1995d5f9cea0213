package proxy

import (
	"hearth/internal/conf"
	"hearth/internal/upstream/passing"
	"hearth/internal/upstream/streams"
)

// useHTTP2 has a location speak HTTP/2 with its backends, over connections that requests share (proxy_http_version 2). What
// the location sets as Host is the request's :authority (RFC 9113, section 8.3.1).
func (l *location) useHTTP2(c *conf.Cursor, b *conf.Block) error {
	l.Proto, l.Streams = "h2", streams.Connections
	request := &passing.Request{Method: l.method, Body: l.setBody, Target: l.pass.target}
	l.protocol = &streams.Protocol{Build: request.Build}
	return request.Compile(c, b, &l.Location, l.version.defaults())
}
