// Package randomindex answers a request for a directory with any of the files in it (nginx's
// ngx_http_random_index_module).
package randomindex

import (
	"math/rand/v2"
	"slices"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module runs before index.
var Module = core.Module{
	Name: "ngx_http_random_index_module",
	Directives: []conf.Directive{
		conf.Field(locations, conf.Directive{Name: "random_index", In: conf.Location, Default: "off",
			Doc: "A file that is picked at random stands for its directory."}, conf.Flag, func(l *location) *bool { return &l.on }),
	},
	Phases: []core.Phase{{At: core.Content, Run: pick, On: func(b *conf.Block) bool { return locations.Of(b).on }}},
}

type location struct{ on bool }

var locations = conf.NewSlot[location](conf.LocationLevel)

func pick(r *core.Request) core.Verdict {
	if len(r.URI) == 0 || r.URI[len(r.URI)-1] != '/' {
		return core.Declined
	}
	if m := string(r.Method); m != "GET" && m != "HEAD" && m != "POST" {
		return core.Declined
	}
	if r.AliasMisplaced() {
		return 500
	}
	files, verdict := r.ReadDir()
	if verdict != core.OK {
		return verdict
	}
	files = slices.DeleteFunc(files, func(f core.DirEntry) bool { return !f.Regular })
	if len(files) == 0 {
		return core.Declined
	}
	name := files[rand.IntN(len(files))].Name
	return r.InternalRedirect(r.Concat(r.URI, []byte(name)), r.Args)
}
