package static

import (
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
)

// symlinkRules are the rows of disable_symlinks. What it says is carried out by core, for all that opens files.
var symlinkRules = []conf.Directive{
	conf.Field(core.Settings, conf.Directive{
		Name: "disable_symlinks", In: conf.ToLocation, Args: conf.Take12, Default: "off",
		Doc: "Whether symbolic links in the names of files are refused: off, on, if_not_owner; from=PART is not checked.",
	}, parseSymlinks, func(l *core.LocationConf) *core.DisableSymlinks { return &l.DisableSymlinks }),
}

func parseSymlinks(c *conf.Cursor, args []string) (core.DisableSymlinks, error) {
	var d core.DisableSymlinks
	for _, arg := range args {
		switch from, isFrom := strings.CutPrefix(arg, "from="); {
		case arg == "off":
			d.Mode = core.SymlinksAllowed
		case arg == "on":
			d.Mode = core.SymlinksRefused
		case arg == "if_not_owner":
			d.Mode = core.SymlinksIfNotOwner
		case isFrom && from != "":
			v, err := core.CompileValue(c, from)
			if err != nil {
				return d, err
			}
			d.From = v
		default:
			return d, c.Errorf("invalid parameter \"%s\"", arg)
		}
	}
	switch {
	case len(args) == 2 && d.From == nil:
		return d, c.Errorf("duplicate parameter \"%s\"", args[1])
	case d.Mode == core.SymlinksAllowed && d.From != nil:
		return d, c.Errorf("\"from=\" cannot be used with \"off\" parameter")
	}
	return d, nil
}
