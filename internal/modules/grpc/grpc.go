// Package grpc is nginx's ngx_http_grpc_module: grpc_pass and its directives. gRPC needs nothing of a proxy but HTTP/2 with
// trailers, streamed both ways at once; that is package upstream/streams, over connections that requests share. Here
// is what the directives say: where a request goes, and what is sent there. The messages in it are nobody's business.
//
// Errors of its own hearth answers as it answers any other, as nginx does: a client takes 502, 503 and 504 for UNAVAILABLE,
// and error_page can give it a grpc-status.
package grpc

import (
	"slices"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/upstream/passing"
	"hearth/internal/upstream/streams"
)

// Module is the gRPC module.
var Module = core.Module{
	Name:       "ngx_http_grpc_module",
	Directives: directives,
	Variables:  variables,
}

// location is what a block says about gRPC.
type location struct {
	passing.Location

	pass     *pass
	protocol *streams.Protocol // compiled
}

var (
	locations = conf.NewSlot[location](conf.LocationLevel)
	table     = passing.Table[location]{Slot: locations, Prefix: "grpc", At: func(l *location) *passing.Location { return &l.Location }}
)

var directives = slices.Concat(table.Rows(), table.TLSRows(), []conf.Directive{
	conf.Custom(locations, conf.Directive{Name: "grpc_pass", In: conf.Location | conf.IfLocation,
		Doc: "Passes requests to a gRPC server or an upstream of them."}, setPass),
	table.SetHeader("Content-Length $content_length"),
	conf.Finish(locations, finish),
})

// defaults are the fields set unless grpc_set_header names them. The body's length is sent in any case.
var defaults = []passing.Default{
	{Name: "TE", Value: "$grpc_internal_trailers"}, {Name: "Connection"}, {Name: "Transfer-Encoding"}, {Name: "Keep-Alive"},
	{Name: "Expect"}, {Name: "Upgrade"},
}

// hidden are the response headers that are not passed on unless grpc_pass_header says so.
var hidden = []string{"Date", "Server", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"}

// finish compiles what a request needs. Nothing is buffered: calls may be streams of messages both ways.
func finish(c *conf.Cursor, b *conf.Block, l *location) error {
	l.Settle(b, hidden)
	l.PassRequestHeaders, l.PassRequestBody, l.PassTrailers, l.RequestTrailers = true, true, true, true
	l.Scheme, l.Proto = "grpc", "h2"
	l.Streams = streams.Connections
	if l.pass == nil && b.Kind&conf.IfLocation != 0 {
		l.pass = locations.Parent(b).pass // goes where the location around it goes
	}
	if l.pass == nil {
		return nil
	}
	if l.pass.secured || !l.pass.literal {
		if err := table.Secure(c, b, l, "h2"); err != nil {
			return err
		}
	}
	if l.pass.group != nil && b.Kind == conf.Location {
		l.pass.group.UsedBy(&l.Settings)
	}
	request := &passing.Request{Authority: authority, Target: target}
	if err := request.Compile(c, b, &l.Location, defaults); err != nil {
		return err
	}
	l.protocol = &streams.Protocol{Build: request.Build}
	return nil
}
