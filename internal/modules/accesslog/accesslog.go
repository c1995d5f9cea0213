// Package accesslog is ngx_http_log_module: log_format, access_log and open_log_file_cache. The files, their buffers
// and their re-opening are package logs's.
package accesslog

import (
	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module is the log module.
var Module = core.Module{
	Name: "ngx_http_log_module",
	Directives: []conf.Directive{
		conf.Custom(mainSlot, conf.Directive{Name: "log_format", In: conf.HTTP, Args: conf.TwoMore,
			Doc: "A named format of access log lines."}, setFormat),
		conf.Custom(slot, conf.Directive{Name: "access_log", In: conf.ToLocation | conf.IfLocation | conf.LimitExcept,
			Args: conf.OneMore, Default: defaultPath + " combined",
			Doc: "A log of requests, or off. Several on one level are all written."}, setAccessLog),
		conf.Field(slot, conf.Directive{Name: "open_log_file_cache", In: conf.ToLocation, Args: conf.Take1234, Default: "off",
			Doc: "How many files of access logs with variables in their names are kept open."},
			parsePathCache, func(s *settings) *pathCache { return &s.paths }),
		conf.Finish(slot, finish),
	},
	Phases: []core.Phase{{At: core.Log, Run: write, On: func(b *conf.Block) bool {
		s := slot.Of(b)
		return len(s.logs) > 0 && !s.off
	}}},
	Init: open,
}

// mainSettings are those of the http block: the formats by name, and what is known of buffered files.
type mainSettings struct {
	formats  map[string]*format
	buffered map[string]buffering // by path
}

var mainSlot = conf.NewSlot[mainSettings](conf.MainLevel)

// settings are those of one block. Logs are inherited as a whole, by a block that has no access_log of its own.
type settings struct {
	logs   []*accessLog
	off    bool
	paths  pathCache
	caches openPaths // by loop; only where a log has variables in its path
}

var slot = conf.NewSlot[settings](conf.LocationLevel)

// finish inherits the logs. Where nothing is said there is the default one; but not in the http block, in which no
// request is ever logged, so that its file is not opened when all servers have logs of their own.
func finish(c *conf.Cursor, b *conf.Block, s *settings) error {
	if len(s.logs) > 0 || s.off {
		return nil
	}
	outer := slot.Parent(b)
	if outer == nil {
		return nil
	}
	if s.logs, s.off = outer.logs, outer.off; len(s.logs) > 0 || s.off {
		return nil
	}
	f, err := mainSlot.Of(b).lookup(c, "combined")
	if err != nil {
		return err
	}
	log := &accessLog{format: f}
	log.options.Path = c.FullPath(defaultPath, false)
	s.logs = []*accessLog{log}
	return nil
}

const defaultPath = "logs/access.log"
