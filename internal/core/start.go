package core

import (
	"fmt"

	"hearth/internal/logs"
	"hearth/internal/loop"
)

// Start runs the modules' Start functions: the generation begins to serve, nothing can refuse it any more. Once, on any
// goroutine, when the loops may already be running.
func (g *Generation) Start() {
	for _, m := range g.Modules {
		if m.Start != nil && g.HTTP != nil {
			m.Start(g)
		}
	}
}

// Error writes a line that concerns no request to the http block's error log. Called on l.
func (g *Generation) Error(l *loop.Loop, level logs.Level, format string, args ...any) {
	log := locationSlot.Of(g.HTTP).errorLog
	if log == nil || !log.Enabled(level) {
		return
	}
	log.LogBytes(logs.Origin{Now: l.Wall(), Loop: l.ID()}, level, fmt.Appendf(nil, format, args...))
}
