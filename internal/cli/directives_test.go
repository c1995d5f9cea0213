package cli

import (
	"io"
	"slices"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/modules"
	"hearth/internal/server"
)

func TestTheModulesThatAreBuiltInHaveAllTheirVariables(t *testing.T) {
	schema, n := server.Schema(), 0
	err := conf.WriteVariables(io.Discard, func(name string) bool {
		module := conf.KnownVariable(name)
		here := module == "ngx_http_core_module" || slices.ContainsFunc(modules.All, func(m *core.Module) bool { return m.Name == module })
		if here {
			n++
			if !hasVariable(schema, name) {
				t.Errorf("$%s of %s is missing", name, module)
			}
		}
		return here
	})
	if err != nil || n < 50 {
		t.Errorf("%d variables looked at, %v", n, err)
	}
}
