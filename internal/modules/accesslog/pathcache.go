package accesslog

import (
	"fmt"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// pathCache is open_log_file_cache.
type pathCache struct {
	options logs.PathCacheOptions
	place   string // of the directive: each has files of its own
}

// parsePathCache parses `max=N [inactive=time] [min_uses=N] [valid=time] | off`.
func parsePathCache(c *conf.Cursor, args []string) (p pathCache, err error) {
	p.place = c.Pos().String()
	o := &p.options
	o.Inactive, o.Valid, o.MinUses = 10*time.Second, time.Minute, 1
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		ok := true
		var n int64
		switch {
		case strings.HasPrefix(arg, "max="):
			n, ok = text.ParseDecimal(value)
			o.Max = int(n)
		case strings.HasPrefix(arg, "inactive="):
			o.Inactive, ok = text.ParseSeconds(value)
		case strings.HasPrefix(arg, "min_uses="):
			n, ok = text.ParseDecimal(value)
			o.MinUses = int(n)
		case strings.HasPrefix(arg, "valid="):
			o.Valid, ok = text.ParseSeconds(value)
		case key == "off" && arg == "off":
			o.Max = 0
			return p, nil
		default:
			ok = false
		}
		if !ok {
			return p, c.Errorf("invalid \"open_log_file_cache\" parameter \"%s\"", arg)
		}
	}
	if o.Max == 0 {
		return p, c.Errorf("\"open_log_file_cache\" must have \"max\" parameter")
	}
	return p, nil
}

// openPaths are the caches of all loops.
type openPaths []*logs.PathCache

// Close closes the files; no request can write to them any more.
func (p openPaths) Close() {
	for _, c := range p {
		c.Close()
	}
}

// open returns the caches for every loop, which generations with the same directive share.
func (p *pathCache) open(g *core.Generation) []*logs.PathCache {
	o, loops := p.options, max(len(g.Loops), 1)
	key := fmt.Sprintf("%s %+v %d", p.place, o, loops)
	return core.Carry(g.Carried, "open_log_file_cache", key, func() openPaths {
		var caches openPaths
		for range loops {
			caches = append(caches, g.Logs.NewPathCache(o))
		}
		return caches
	})
}
