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

var symlinkModes = map[string]core.SymlinkMode{
	"off": core.SymlinksAllowed, "on": core.SymlinksRefused, "if_not_owner": core.SymlinksIfNotOwner,
}

func parseSymlinks(c *conf.Cursor, args []string) (d core.DisableSymlinks, err error) {
	modes := 0
	for _, arg := range args {
		if mode, ok := symlinkModes[arg]; ok {
			d.Mode = mode
			modes++
		} else if from, ok := strings.CutPrefix(arg, "from="); !ok {
			return d, c.Errorf("invalid parameter \"%s\"", arg)
		} else if d.From, err = core.CompileValue(c, from); err != nil {
			return d, err
		}
	}
	switch {
	case modes == 0:
		return d, c.Errorf("\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter")
	case modes > 1:
		return d, c.Errorf("duplicate parameters \"%s\"", strings.Join(args, " "))
	case d.Mode == core.SymlinksAllowed && d.From != nil:
		return d, c.Errorf("\"from=\" cannot be used with \"off\" parameter")
	}
	return d, nil
}
