package conf_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hearth/internal/conf"
)

// A module declares what it keeps, at which level, and one row for each directive.

// serverConf is kept once for the http block and once for each server.
type serverConf struct {
	Names         []string
	HeaderTimeout time.Duration
}

// locationConf is kept for http, each server, each location, each `if` and limit_except.
type locationConf struct {
	Buffering  bool
	BufferSize int64
	Busy       int64
	Methods    map[string]bool
	Headers    []conf.KeyVal
	ErrorPages []errorPage
	Types      map[string]string
	Root       string
	Internal   bool
}

type errorPage struct {
	Status int
	URI    string
}

var (
	servers   = conf.NewSlot[serverConf](conf.ServerLevel)
	locations = conf.NewSlot[locationConf](conf.LocationLevel)
)

var directives = []conf.Directive{
	// Blocks. A row without a slot is written directly.
	{Name: "events", In: conf.Main, Args: conf.NoArgs | conf.WithBlock, Once: true, Set: block(conf.Events)},
	{Name: "http", In: conf.Main, Args: conf.NoArgs | conf.WithBlock, Once: true, Set: block(conf.HTTP)},
	{Name: "server", In: conf.HTTP, Args: conf.NoArgs | conf.WithBlock, Set: block(conf.Server)},
	{Name: "limit_except", In: conf.Location, Args: conf.OneMore | conf.WithBlock, Set: block(conf.LimitExcept)},
	{Name: "location", In: conf.Server | conf.Location, Args: conf.Take12 | conf.WithBlock, Set: block(conf.Location)},
	{Name: "if", In: conf.Server | conf.Location, Args: conf.OneMore | conf.WithBlock, Set: setIf},

	// Server level: one value, with a time.
	conf.Field(servers, conf.Directive{
		Name: "client_header_timeout", In: conf.ToServer, Default: "60s",
		Doc: "How long reading a request's header may take in all.",
	}, conf.Msec, func(s *serverConf) *time.Duration { return &s.HeaderTimeout }),

	// A directive that adds all its arguments, and may be repeated.
	conf.ListAll(servers, conf.Directive{
		Name: "server_name", In: conf.Server, Args: conf.OneMore, Default: `""`,
	}, conf.Strings, func(s *serverConf) *[]string { return &s.Names }),

	// Location level.
	conf.Field(locations, conf.Directive{
		Name: "proxy_buffering", In: conf.ToLocation, Default: "on",
	}, conf.Flag, func(l *locationConf) *bool { return &l.Buffering }),
	conf.Field(locations, conf.Directive{
		Name: "proxy_buffer_size", In: conf.ToLocation, Default: "4k",
	}, conf.Size, func(l *locationConf) *int64 { return &l.BufferSize }),
	conf.Field(locations, conf.Directive{
		Name: "proxy_busy_buffers_size", In: conf.ToLocation, Default: "8k",
	}, conf.Size, func(l *locationConf) *int64 { return &l.Busy }),
	conf.Field(locations, conf.Directive{
		Name: "root", In: conf.ToLocation | conf.IfLocation, Default: "html",
	}, path, func(l *locationConf) *string { return &l.Root }),

	// A list is inherited only by a block that has none of its own.
	conf.List(locations, conf.Directive{
		Name: "add_header", In: conf.ToLocation | conf.IfLocation, Args: conf.Take2,
	}, conf.KeyValue, func(l *locationConf) *[]conf.KeyVal { return &l.Headers }),
	conf.ListAll(locations, conf.Directive{
		Name: "error_page", In: conf.ToLocation | conf.IfLocation, Args: conf.TwoMore,
	}, errorPages, func(l *locationConf) *[]errorPage { return &l.ErrorPages }),

	// A directive without value, which inner blocks do not inherit; and a free-form block.
	conf.Custom(locations, conf.Directive{
		Name: "internal", In: conf.Location, Args: conf.NoArgs,
	}, func(_ *conf.Cursor, _ *conf.Block, l *locationConf, _ []string) error {
		l.Internal = true
		return nil
	}),
	conf.Custom(locations, conf.Directive{
		Name: "types", In: conf.ToLocation, Args: conf.NoArgs | conf.WithBlock,
	}, setTypes),

	// What concerns several fields is checked, and odd things are inherited, at the end.
	conf.Finish(locations, finishLocation),
}

func block(kind conf.Context) func(*conf.Cursor, *conf.Block, []string) error {
	return func(c *conf.Cursor, _ *conf.Block, args []string) error {
		return c.Block(c.NewBlock(kind, args...))
	}
}

func setIf(c *conf.Cursor, b *conf.Block, args []string) error {
	if !strings.HasPrefix(args[0], "(") {
		return c.Errorf("invalid condition \"%s\"", args[0])
	}
	kind := conf.IfServer
	if b.Kind == conf.Location {
		kind = conf.IfLocation
	}
	return c.Block(c.NewBlock(kind, args...))
}

func path(c *conf.Cursor, args []string) (string, error) {
	return c.FullPath(args[0], false), nil
}

func errorPages(c *conf.Cursor, args []string) ([]errorPage, error) {
	last := len(args) - 1
	var pages []errorPage
	for _, code := range args[:last] {
		status, err := strconv.Atoi(code)
		if err != nil {
			return nil, c.Errorf("invalid value \"%s\"", code)
		}
		pages = append(pages, errorPage{status, args[last]})
	}
	return pages, nil
}

func setTypes(c *conf.Cursor, b *conf.Block, l *locationConf, _ []string) error {
	l.Types = map[string]string{}
	return c.Free(func(name string, args []string) error {
		if name == "include" {
			return c.Errorf("invalid number of arguments in \"include\" directive")
		}
		for _, ext := range args {
			l.Types[ext] = name
		}
		return nil
	})
}

func finishLocation(b *conf.Block, l *locationConf) error {
	if parent := locations.Parent(b); l.Types == nil && parent != nil {
		l.Types = parent.Types
	}
	if l.Busy < l.BufferSize {
		return errors.New(`"proxy_busy_buffers_size" must be equal to or greater than "proxy_buffer_size"`)
	}
	return nil
}

const exampleFile = `
events { }
http {
    proxy_buffer_size 16k;
    proxy_busy_buffers_size 32k;
    add_header X-From http;
    types { text/html html htm; }
    server {
        server_name example.com www.example.com;
        client_header_timeout 5s;
        proxy_buffering off;
        location / {
            add_header X-From location;
            if ($slow) { root slow; }
        }
        location /internal { internal; error_page 500 502 /oops; }
    }
    server { }
}`

func Example() {
	config, err := conf.Load(conf.Options{
		File: "/etc/hearth/nginx.conf", Prefix: "/srv/hearth",
		Schema:   conf.NewSchema(directives, conf.InternalTuning),
		ReadFile: func(string) ([]byte, error) { return []byte(exampleFile), nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	first, second := config.Root.Find(conf.HTTP)[0].Children[0], config.Root.Find(conf.HTTP)[0].Children[1]
	fmt.Println(servers.Of(first).Names, servers.Of(first).HeaderTimeout)
	fmt.Println(servers.Of(second).Names, servers.Of(second).HeaderTimeout)
	for _, b := range first.Children {
		l := locations.Of(b)
		fmt.Println(b.Args, l.Buffering, l.BufferSize, l.Headers, l.ErrorPages, l.Types["htm"], l.Root, l.Internal)
	}
	inner := locations.Of(first.Children[0].Children[0])
	fmt.Println("if:", inner.Headers, inner.Root)
	// Output:
	// [example.com www.example.com] 5s
	// [] 1m0s
	// [/] false 16384 [{X-From location}] [] text/html /srv/hearth/html false
	// [/internal] false 16384 [{X-From http}] [{500 /oops} {502 /oops}] text/html /srv/hearth/html true
	// if: [{X-From location}] /srv/hearth/slow
}
