package cli

import (
	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/server"
)

// directives is `hearth directives --markdown`: docs/CONFIGURATION.md.
func (c *command) directives(args []string) int {
	if len(args) != 1 || args[0] != "--markdown" {
		c.say("usage: hearth directives --markdown")
		return 1
	}
	schema := server.Schema()
	err := conf.WriteReference(c.stdout, schema)
	if err == nil {
		err = conf.WriteVariables(c.stdout, func(name string) bool { return hasVariable(schema, name) })
	}
	if err != nil {
		c.say("%s", err)
		return 1
	}
	return 0
}

// hasVariable asks an empty configuration, since only that knows the families of variables too.
func hasVariable(schema *conf.Schema, name string) bool {
	config, err := conf.Load(conf.Options{File: "/nginx.conf", Schema: schema,
		ReadFile: func(string) ([]byte, error) { return []byte("http {}"), nil }})
	if err != nil {
		return false
	}
	t := core.VarsOf(config.Root.Find(conf.HTTP)[0])
	t.Ref(name)
	return t.Finish() == nil
}
