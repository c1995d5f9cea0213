package core

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/vars"
)

// Generation is one loaded configuration, compiled. A reload makes the next one; requests in flight keep theirs.
// It does not change once compiled, so all loops read it without a lock.
type Generation struct {
	Number  int
	Loaded  time.Time
	Config  *conf.Config
	HTTP    *conf.Block // the http block; nil when there is none
	Vars    *Vars
	Modules []*Module
	Loops   []*loop.Loop
	Logs    *logs.Registry
	Carried *Registry // what outlives generations: pools, peer state, zones
	Dialer  conn.Dialer
	Servers []*Server
	Sockets []*Socket // what to bind

	errorLogs  []*logs.ErrorLog // to close when the generation ends
	fileCaches []*FileCache
	busy       []busyCount // by loop
}

// busyCount counts the requests of a generation on one loop, which alone writes it; a whole cache line each.
type busyCount struct {
	n atomic.Int64
	_ [56]byte
}

// Options are what a generation is compiled with.
type Options struct {
	Number  int
	Modules []*Module // in order: the order of handlers and filters
	Loops   []*loop.Loop
	Logs    *logs.Registry // nil = a new one
	Carried *Registry      // nil = a new one
	Dialer  conn.Dialer    // how backends are connected to; nil = the real network
	// ErrorLog is the error log of the main level, which the http block inherits unless it has its own. May be nil.
	ErrorLog *logs.ErrorLog
	// Warn receives warnings that concern the whole, with level "warn".
	Warn func(level, msg string)
	// Parsed, if not nil, is called when nothing more can be wrong with the text of the configuration, before files are opened.
	Parsed func()
	// CheckOnly: compile for `-t`: open no logs.
	CheckOnly bool
	// Hold: the caller has more to do that may fail (binding ports) and calls Generation.Start when it has succeeded.
	Hold bool
}

// NewSchema returns the schema of the http block: core's directives, those of the modules, and others' (main, events).
func NewSchema(modules []*Module, others ...[]conf.Directive) *conf.Schema {
	tables := append([][]conf.Directive{}, others...)
	tables = append(tables, httpDirectives(modules), serverDirectives, locationDirectives, clientDirectives, outputDirectives, resolverDirectives)
	for _, m := range modules {
		tables = append(tables, m.Directives)
	}
	return conf.NewSchema(append(tables, conf.InternalTuning)...)
}

// Compile makes a generation of a configuration that was loaded with the schema of the same modules.
func Compile(cfg *conf.Config, o Options) (*Generation, error) {
	g := &Generation{
		Number: o.Number, Loaded: time.Now(), Config: cfg, Modules: o.Modules, Loops: o.Loops, Logs: o.Logs, Carried: o.Carried,
		Dialer: o.Dialer, busy: make([]busyCount, max(len(o.Loops), 1)),
	}
	if g.Dialer == nil {
		g.Dialer = conn.Net
	}
	if g.Logs == nil {
		g.Logs = logs.NewRegistry(max(len(o.Loops), 1))
	}
	if g.Carried == nil {
		g.Carried = NewRegistry()
	}
	if err := g.compile(o); err != nil {
		g.Close()
		return nil, err
	}
	if !o.Hold && !o.CheckOnly {
		g.Start()
	}
	return g, nil
}

func (g *Generation) compile(o Options) error {
	blocks := g.Config.Root.Find(conf.HTTP)
	if len(blocks) == 0 {
		o.parsed()
		return nil
	}
	g.HTTP = blocks[0]
	m := mainSlot.Of(g.HTTP)
	g.Vars, g.Servers = m.vars, m.servers
	err := m.enterNames(func(format string, args ...any) {
		if o.Warn != nil {
			o.Warn("warn", fmt.Sprintf(format, args...))
		}
	})
	if err != nil {
		return err
	}
	if err := missingVariable(g.Vars.Finish()); err != nil {
		return err
	}
	o.parsed()
	if err := g.openErrorLogs(g.HTTP, o.ErrorLog, o.CheckOnly); err != nil {
		return err
	}
	for _, module := range g.Modules {
		if module.Init == nil {
			continue
		}
		if err := module.Init(g); err != nil {
			return err
		}
	}
	g.compileBlock(g.HTTP)
	m.buildSockets(g)
	return nil
}

func (o *Options) parsed() {
	if o.Parsed != nil {
		o.Parsed()
	}
}

// missingVariable tells a variable of nginx that hearth does not have from one that never was.
func missingVariable(err error) error {
	if unknown, ok := err.(*vars.Unknown); ok {
		if module := conf.KnownVariable(unknown.Name); module != "" {
			return fmt.Errorf("variable \"%s\" (%s) is not supported by hearth yet", unknown.Name, module)
		}
	}
	return err
}

// compileBlock builds the arrays of every configuration a request may be under.
func (g *Generation) compileBlock(b *conf.Block) {
	if b.Kind&conf.LocationLevel != 0 {
		g.compileLocation(locationSlot.Of(b), b)
	}
	for _, child := range b.Children {
		g.compileBlock(child)
	}
}

func (g *Generation) compileLocation(l *Location, b *conf.Block) {
	l.Block, l.Conf = b, Settings.Of(b)
	g.addFileCache(l.Conf.OpenFileCache)
	if l.Kind == PseudoLocation && l.Content == nil && b.Parent != nil {
		l.Content = locationSlot.Of(b.Parent).Content
	}
	for _, m := range g.Modules {
		for _, p := range m.Phases {
			if p.On == nil || p.On(b) {
				l.handlers[p.At] = append(l.handlers[p.At], p.Run)
			}
		}
		for _, f := range m.Headers {
			if f.On == nil || f.On(b) {
				l.headers = append(l.headers, f.Run)
			}
		}
	}
	g.compileBodies(l, b, false)
	l.merged = len(l.bodies)
	g.compileBodies(l, b, true)
}

func (g *Generation) compileBodies(l *Location, b *conf.Block, merged bool) {
	for _, m := range g.Modules {
		for _, f := range m.Bodies {
			if f.Merged == merged && (f.On == nil || f.On(b)) {
				l.bodies = append(l.bodies, bodyStep{f.Run, f.Active})
			}
		}
	}
}

// openErrorLogs opens the error logs of a block and those inside. A block without error_log has its outer one's.
func (g *Generation) openErrorLogs(b *conf.Block, outer *logs.ErrorLog, checkOnly bool) error {
	if b.Kind&conf.LocationLevel != 0 {
		c := Settings.Of(b)
		if Settings.IsSet(b, &c.ErrorLogs) && !checkOnly {
			log, err := g.Logs.ErrorLog(c.ErrorLogs...)
			if err != nil {
				return err
			}
			g.errorLogs = append(g.errorLogs, log)
			outer = log
		}
		locationSlot.Of(b).errorLog = outer
	}
	for _, child := range b.Children {
		if err := g.openErrorLogs(child, outer, checkOnly); err != nil {
			return err
		}
	}
	return nil
}

// Enter counts a request in, and Leave out: on the goroutine of that loop.
func (g *Generation) Enter(loopID int) { g.counter(loopID).n.Add(1) }

// Leave counts a request out.
func (g *Generation) Leave(loopID int) { g.counter(loopID).n.Add(-1) }

// counter is the loop's; loops that the generation was not told of share the first.
func (g *Generation) counter(loopID int) *busyCount {
	if loopID >= len(g.busy) {
		loopID = 0
	}
	return &g.busy[loopID]
}

// Busy is the number of requests under way.
func (g *Generation) Busy() (n int64) {
	for i := range g.busy {
		n += g.busy[i].n.Load()
	}
	return n
}

// Drained reports whether no request is under way.
func (g *Generation) Drained() bool { return g.Busy() == 0 }

// Close gives up what the generation holds. It has drained, or was never used.
func (g *Generation) Close() {
	for _, l := range g.errorLogs {
		l.Close()
	}
	for _, c := range g.fileCaches {
		c.close()
	}
	g.Carried.Release()
}

var (
	errDuplicate    = errors.New("is duplicate")
	errInvalidValue = errors.New("invalid value")
)
