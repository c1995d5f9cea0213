package accesslog

import (
	"fmt"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// accessLog is one access_log directive.
type accessLog struct {
	format  *format
	filter  *core.Value // if=; nil = every request
	options logs.AccessOptions
	path    *core.Value // with variables in it; nil = options.Path

	access *logs.Access // open, unless path is set
}

// setAccessLog reads `access_log path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off`.
func setAccessLog(c *conf.Cursor, b *conf.Block, s *settings, args []string) error {
	if args[0] == "off" {
		s.off = true
		if len(args) > 1 {
			return c.Errorf("invalid parameter \"%s\"", args[1])
		}
		return nil
	}
	log := &accessLog{}
	if err := log.setTarget(c, args[0]); err != nil {
		return err
	}
	name := "combined"
	if len(args) > 1 {
		name = args[1]
	}
	f, err := mainSlot.Of(b).lookup(c, name)
	if err != nil {
		return err
	}
	if f == nil {
		return c.Errorf("unknown log format \"%s\"", name)
	}
	log.format = f
	for _, arg := range args[min(2, len(args)):] {
		if err := log.setParameter(c, arg); err != nil {
			return err
		}
	}
	if err := log.check(c, args[0]); err != nil {
		return err
	}
	s.logs = append(s.logs, log)
	return nil
}

func (log *accessLog) setTarget(c *conf.Cursor, arg string) error {
	target, err := logs.ParseAccessTarget(arg)
	if err != nil {
		return c.Errorf("%s", err)
	}
	switch {
	case arg == "":
		target.Kind = logs.ToStderr
	case target.Kind == logs.ToFile:
		target.Path = c.FullPath(arg, false)
		if strings.Contains(arg, "$") {
			if log.path, err = core.CompileValue(c, target.Path); err != nil {
				return err
			}
		}
	}
	log.options.Target = target
	return nil
}

// defaultGzip is the level of gzip without one (zlib's best speed).
const (
	defaultGzip   = 1
	defaultBuffer = 64 << 10
)

func (log *accessLog) setParameter(c *conf.Cursor, arg string) error {
	o := &log.options
	key, value, _ := strings.Cut(arg, "=")
	switch {
	case strings.HasPrefix(arg, "buffer="):
		n, ok := text.ParseSize(value)
		if !ok || n == 0 {
			return c.Errorf("invalid buffer size \"%s\"", value)
		}
		o.Buffer = int(n)
	case strings.HasPrefix(arg, "flush="):
		d, ok := text.ParseTime(value)
		if !ok || d == 0 {
			return c.Errorf("invalid flush time \"%s\"", value)
		}
		o.Flush = d
	case key == "gzip":
		if o.Buffer == 0 {
			o.Buffer = defaultBuffer
		}
		o.Gzip = defaultGzip
		if arg != "gzip" {
			n, ok := text.ParseDecimal(value)
			if !ok || n < 1 || n > 9 {
				return c.Errorf("invalid compression level \"%s\"", value)
			}
			o.Gzip = int(n)
		}
	case strings.HasPrefix(arg, "if="):
		v, err := core.CompileValue(c, value)
		log.filter = v
		return err
	default:
		return c.Errorf("invalid parameter \"%s\"", arg)
	}
	return nil
}

// check refuses parameters that do not go together, here or with another access_log to the same file.
func (log *accessLog) check(c *conf.Cursor, path string) error {
	o := &log.options
	switch {
	case o.Flush > 0 && o.Buffer == 0:
		return c.Errorf("no buffer is defined for access_log \"%s\"", path)
	case o.Buffer == 0:
		return nil
	case log.path != nil:
		return c.Errorf("buffered logs cannot have variables in name")
	case o.Kind == logs.ToSyslog:
		return c.Errorf("logs to syslog cannot be buffered")
	}
	m := mainSlot.Of(c.In())
	if m.buffered == nil {
		m.buffered = map[string]buffering{}
	}
	mine := buffering{o.Buffer, int64(o.Flush), o.Gzip}
	if other, ok := m.buffered[o.Path]; ok && other != mine {
		return c.Errorf("access_log \"%s\" already defined with conflicting parameters", path)
	}
	m.buffered[o.Path] = mine
	return nil
}

// buffering is what all access_log directives with a buffer must agree on for one file.
type buffering struct {
	size  int
	flush int64
	gzip  int
}

// open opens the files of a generation. They are carried over reloads: the next generation goes on with the same
// buffers, and a log is flushed and closed when no generation uses it any more.
func open(g *core.Generation) error {
	return openIn(g, g.HTTP, map[*accessLog]bool{})
}

func openIn(g *core.Generation, b *conf.Block, seen map[*accessLog]bool) error {
	if b.Kind&conf.LocationLevel != 0 {
		s := slot.Of(b)
		for _, log := range s.logs {
			if log.path != nil {
				s.caches = s.paths.open(g)
			} else if !seen[log] {
				seen[log] = true
				if err := log.open(g); err != nil {
					return err
				}
			}
		}
	}
	for _, child := range b.Children {
		if err := openIn(g, child, seen); err != nil {
			return err
		}
	}
	return nil
}

// opened is an open log, or why it could not be opened.
type opened struct {
	*logs.Access
	err error
}

func (o *opened) Close() {
	if o.Access != nil {
		o.Access.Close()
	}
}

func (log *accessLog) open(g *core.Generation) error {
	o := log.options
	key := fmt.Sprintf("%+v", o)
	x := core.Carry(g.Carried, "access_log", key, func() *opened {
		a, err := g.Logs.Access(o)
		return &opened{a, err}
	})
	log.access = x.Access
	return x.err
}
