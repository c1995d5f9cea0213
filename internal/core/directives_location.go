package core

import (
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/logs"
)

// Rows that make servers and locations.
var serverDirectives = []conf.Directive{
	conf.Custom(mainSlot, conf.Directive{Name: "server", In: conf.HTTP, Args: conf.NoArgs | conf.WithBlock,
		Doc: "A virtual server."}, setServer),
	conf.Custom(serverSlot, conf.Directive{Name: "listen", In: conf.Server, Args: conf.OneMore, Default: "*:80",
		Doc: "An address the server is reached at. quic and proxy_protocol are refused."}, setListen),
	conf.Custom(serverSlot, conf.Directive{Name: "server_name", In: conf.Server, Args: conf.OneMore,
		Doc: "Names of the server."}, setServerName),
	conf.Finish(serverSlot, func(b *conf.Block, s *Server) error {
		s.Conf = ServerSettings.Of(b)
		if s.names == nil {
			s.names = []serverName{{}}
		}
		return nil
	}),
	conf.Custom(Settings, conf.Directive{Name: "location", In: conf.Server | conf.Location, Args: conf.Take12 | conf.WithBlock,
		Doc: "Configuration for requests whose path matches."}, setLocation),
	conf.Custom(Settings, conf.Directive{Name: "limit_except", In: conf.Location, Args: conf.OneMore | conf.WithBlock,
		Doc: "Configuration for requests with other methods than these."}, setLimitExcept),
}

// Rows about what a location is and where its files are.
var locationDirectives = []conf.Directive{
	conf.Custom(Settings, conf.Directive{Name: "internal", In: conf.Location, Args: conf.NoArgs,
		Doc: "Open the location to internal redirects and subrequests only."},
		func(_ *conf.Cursor, b *conf.Block, c *LocationConf, _ []string) error {
			if c.Internal {
				return errDuplicate
			}
			c.Internal = true
			Settings.Mark(b, &c.Internal)
			return nil
		}),
	conf.Finish(Settings, func(b *conf.Block, c *LocationConf) error {
		if outer := Settings.Parent(b); outer != nil && outer.Internal {
			c.Internal = true
		}
		return nil
	}),
	conf.Field(Settings, conf.Directive{Name: "satisfy", In: conf.ToLocation, Default: "all",
		Doc: "Whether all of the access modules must allow a request, or any."},
		conf.Enum(map[string]bool{"all": false, "any": true}), func(c *LocationConf) *bool { return &c.SatisfyAny }),
	conf.Field(Settings, conf.Directive{Name: "auth_delay", In: conf.ToLocation, Default: "0s",
		Doc: "Delay of responses 401, against guessing by time."},
		conf.Msec, func(c *LocationConf) *time.Duration { return &c.AuthDelay }),
	conf.Custom(Settings, conf.Directive{Name: "root", In: conf.ToLocation | conf.IfLocation, Default: "html",
		Doc: "Directory that paths are looked up in."}, setRoot),
	conf.Custom(Settings, conf.Directive{Name: "alias", In: conf.Location,
		Doc: "What stands for the location's name in file names."}, setRoot),
	conf.Finish(Settings, finishRoot),
	conf.Custom(Settings, conf.Directive{Name: "types", In: conf.ToLocation, Args: conf.NoArgs | conf.WithBlock,
		Doc: "Content types by file name extension."}, setTypes),
	conf.Finish(Settings, finishTypes),
	conf.Field(Settings, conf.Directive{Name: "default_type", In: conf.ToLocation, Default: "text/plain",
		Doc: "Content type of files with other extensions."},
		parseBytes, func(c *LocationConf) *[]byte { return &c.DefaultType }),
	conf.ListAll(Settings, conf.Directive{Name: "error_page", In: conf.ToLocation | conf.IfLocation, Args: conf.TwoMore,
		Doc: "What to answer with for an error status."},
		parseErrorPage, func(c *LocationConf) *[]ErrorPage { return &c.ErrorPages }),
	conf.Field(Settings, conf.Directive{Name: "recursive_error_pages", In: conf.ToLocation, Default: "off",
		Doc: "Let error_page apply to error pages."},
		conf.Flag, func(c *LocationConf) *bool { return &c.RecursiveErrorPages }),
	conf.List(Settings, conf.Directive{Name: "error_log", In: conf.ToLocation, Args: conf.OneMore,
		Doc: "Where errors are logged, from which level on."},
		ParseErrorLog, func(c *LocationConf) *[]logs.Sink { return &c.ErrorLogs }),
	conf.Field(Settings, conf.Directive{Name: "log_not_found", In: conf.ToLocation, Default: "on",
		Doc: "Log files that are not there."},
		conf.Flag, func(c *LocationConf) *bool { return &c.LogNotFound }),
	conf.Field(Settings, conf.Directive{Name: "log_subrequest", In: conf.ToLocation, Default: "off",
		Doc: "Write subrequests to the access log."},
		conf.Flag, func(c *LocationConf) *bool { return &c.LogSubrequest }),
}

func parseBytes(_ *conf.Cursor, args []string) ([]byte, error) { return []byte(args[0]), nil }

// setRoot parses root and alias, which are one setting.
func setRoot(c *conf.Cursor, b *conf.Block, l *LocationConf, args []string) error {
	alias := c.Name() == "alias"
	if Settings.IsSet(b, &l.Root) {
		if l.Alias == alias {
			return errDuplicate
		}
		return c.Errorf("\"%s\" directive is duplicate, \"%s\" directive was specified earlier", c.Name(), rootName(l.Alias))
	}
	if strings.Contains(args[0], "$document_root") || strings.Contains(args[0], "${document_root}") {
		return c.Errorf("the $document_root variable cannot be used in the \"%s\" directive", c.Name())
	}
	if strings.Contains(args[0], "$realpath_root") || strings.Contains(args[0], "${realpath_root}") {
		return c.Errorf("the $realpath_root variable cannot be used in the \"%s\" directive", c.Name())
	}
	path := args[0]
	if strings.HasPrefix(path, "$") {
		l.RootPrefix = c.FullPath("", false)
	} else {
		path = c.FullPath(path, false)
	}
	if !alias && len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	v, err := CompileValue(c, path)
	l.Root, l.Alias = v, alias
	if at := locationSlot.Of(b); alias && at.Kind == RegexLocation {
		l.AliasFor = -1
	} else if alias {
		l.AliasFor = len(at.Name)
	}
	Settings.Mark(b, &l.Root)
	return err
}

func rootName(alias bool) string {
	if alias {
		return "alias"
	}
	return "root"
}

// finishRoot inherits the root; the default is the directory html of the prefix.
func finishRoot(c *conf.Cursor, b *conf.Block, l *LocationConf) error {
	if Settings.IsSet(b, &l.Root) {
		return nil
	}
	if outer := Settings.Parent(b); outer != nil {
		l.Root, l.RootPrefix, l.Alias, l.AliasFor = outer.Root, outer.RootPrefix, outer.Alias, outer.AliasFor
		return nil
	}
	var err error
	l.Root, err = VarsOf(b).Compile(c.FullPath("html", false))
	return err
}
