// Package modules is the ordered list of what is built in.
package modules

import (
	"hearth/internal/api"
	"hearth/internal/core"
	"hearth/internal/modules/access"
	"hearth/internal/modules/accesslog"
	"hearth/internal/modules/autoindex"
	"hearth/internal/modules/charset"
	"hearth/internal/modules/emptygif"
	"hearth/internal/modules/grpc"
	"hearth/internal/modules/headers"
	"hearth/internal/modules/http2"
	"hearth/internal/modules/index"
	"hearth/internal/modules/mapping"
	"hearth/internal/modules/notmodified"
	"hearth/internal/modules/proxy"
	"hearth/internal/modules/randomindex"
	"hearth/internal/modules/ranges"
	"hearth/internal/modules/rewrite"
	"hearth/internal/modules/splitclients"
	"hearth/internal/modules/ssl"
	"hearth/internal/modules/static"
	"hearth/internal/modules/stubstatus"
	"hearth/internal/modules/tryfiles"
	"hearth/internal/upstream"
)

// All is the list. Its order is meaning, as in nginx: handlers of a phase and header filters run in it.
var All = []*core.Module{
	&notmodified.Module, // the first header filter: others see the answer 304
	&ranges.Body,        // the first body filter: ranges are of what the handler sends
	&headers.Module,
	&charset.Module,
	&mapping.Module,
	&splitclients.Module,
	&rewrite.Module,
	&ssl.Module,
	&http2.Module,
	&access.Module,
	&upstream.Module,
	&proxy.Module,
	&grpc.Module,
	&stubstatus.Module,
	&api.Module,
	&emptygif.Module,
	&tryfiles.Module,
	&randomindex.Module,
	&index.Module,
	&autoindex.Module,
	&static.Module,
	&accesslog.Module,
	&ranges.Module, // the last header filter: one that changes the body takes ranges away
}
