package upstream

import (
	"hearth/internal/core"
	"hearth/internal/pool"
)

// Pools are the pools of a generation's upstreams by the upstreams' names, for whoever shows or checks their figures.
func Pools(g *core.Generation) map[string]*pool.Group {
	pools := map[string]*pool.Group{}
	if g.HTTP == nil {
		return pools
	}
	for _, group := range groupsSlot.Of(g.HTTP).order {
		pools[group.Name] = group.pool
	}
	return pools
}
