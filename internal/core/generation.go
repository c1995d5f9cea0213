package core

import (
	"hearth/internal/conf"
	"hearth/internal/loop"
)

// Generation is one loaded configuration, compiled. A reload makes the next one; requests in flight keep theirs.
type Generation struct {
	Number  int
	HTTP    *conf.Block // the http block; nil when there is none
	Vars    *Vars
	Modules []*Module
	Loops   []*loop.Loop
	Carried *Registry // what outlives generations: pools, peer state, zones
	Servers []*Server
	Ports   []*Port // one per distinct listen address
}
