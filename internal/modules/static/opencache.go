package static

import (
	"slices"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/text"
)

// openCacheRules are the rows of open_file_cache. The cache is core's, for all that opens files or looks at them.
var openCacheRules = []conf.Directive{
	conf.Field(core.Settings, conf.Directive{
		Name: "open_file_cache", In: conf.ToLocation, Args: conf.Take12, Default: "off",
		Doc: "Keeps files open, and what is known of them, between requests: up to max of them on each loop.",
	}, parseOpenCache, func(l *core.LocationConf) **core.FileCache { return &l.OpenFileCache }),
	conf.Field(core.Settings, conf.Directive{
		Name: "open_file_cache_valid", In: conf.ToLocation, Default: "60s",
		Doc: "How long what is known of a file is taken for true before the file is looked at again.",
	}, conf.Sec, func(l *core.LocationConf) *time.Duration { return &l.OpenFileCacheValid }),
	conf.Field(core.Settings, conf.Directive{
		Name: "open_file_cache_min_uses", In: conf.ToLocation, Default: "1",
		Doc: "How often a file has to be used before it is kept open.",
	}, conf.Num, func(l *core.LocationConf) *int { return &l.OpenFileCacheMinUses }),
	conf.Field(core.Settings, conf.Directive{
		Name: "open_file_cache_errors", In: conf.ToLocation, Default: "off",
		Doc: "Remembers also that a file could not be found or opened.",
	}, conf.Flag, func(l *core.LocationConf) *bool { return &l.OpenFileCacheErrors }),
}

func parseOpenCache(c *conf.Cursor, args []string) (*core.FileCache, error) {
	cache := &core.FileCache{Inactive: time.Minute}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		ok := arg == "off"
		switch name {
		case "max":
			var n int64
			n, ok = text.ParseDecimal(value)
			cache.Max, ok = int(n), ok && n > 0
		case "inactive":
			cache.Inactive, ok = text.ParseSeconds(value)
		}
		if !ok {
			return nil, c.Errorf("invalid \"open_file_cache\" parameter \"%s\"", arg)
		}
	}
	switch {
	case slices.Contains(args, "off"):
		return nil, nil
	case cache.Max == 0:
		return nil, c.Errorf("\"open_file_cache\" must have the \"max\" parameter")
	}
	return cache, nil
}
