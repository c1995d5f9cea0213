// Package modules is the ordered list of what is built in.
package modules

import (
	"hearth/internal/core"
	"hearth/internal/modules/access"
	"hearth/internal/modules/accesslog"
	"hearth/internal/modules/index"
	"hearth/internal/modules/proxy"
	"hearth/internal/modules/rewrite"
	"hearth/internal/modules/static"
	"hearth/internal/modules/stubstatus"
	"hearth/internal/upstream"
)

// All is the list. Its order is meaning, as in nginx: handlers of a phase and header filters run in it.
var All = []*core.Module{
	&rewrite.Module,
	&access.Module,
	&upstream.Module,
	&proxy.Module,
	&stubstatus.Module,
	&index.Module,
	&static.Module,
	&accesslog.Module,
}
