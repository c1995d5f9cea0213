package cli

import (
	"hearth/internal/conf"
	"hearth/internal/server"
)

// directives is `hearth directives --markdown`: docs/CONFIGURATION.md.
func (c *command) directives(args []string) int {
	if len(args) != 1 || args[0] != "--markdown" {
		c.say("usage: hearth directives --markdown")
		return 1
	}
	if err := conf.WriteReference(c.stdout, server.Schema()); err != nil {
		c.say("%s", err)
		return 1
	}
	return 0
}
