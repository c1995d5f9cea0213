// Package server runs hearth as a process: it loads the configuration, binds the addresses, runs the loops, and
// replaces one generation of the configuration by the next without losing a request.
//
// The data structures:
//
//   - Server has the loops, the open log files, and the ports, which outlive generations.
//   - generation is one configuration, compiled, with its error log. The newest one serves; older ones drain.
//   - port is a bound address: its sockets, and the core.Port through which requests find the newest generation.
//   - Messages is where the process itself logs.
//
// It has no code that runs for a request. Command lines are package cli's.
package server

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/loop"
)

// Server is a running hearth. Its methods are for one goroutine, the one that handles signals.
type Server struct {
	opts Options
	say  *Messages
	logs *logs.Registry

	loops []*loop.Loop
	ended []chan struct{} // by loop: closed when it has ended

	current     atomic.Pointer[generation] // the newest; read by loops when descriptors run out
	connections atomic.Int64               // worker_connections of the newest generation; read by loops

	mu       sync.Mutex
	old      []*generation  // those that may still have requests; guarded by mu
	retiring sync.WaitGroup // counts the goroutines that wait for them

	ports    map[conn.Addr]*port
	number   int
	pid      string   // path of the pid file; "" = none written
	account  *Account // what we work as, if we began as root and do not any more
	detached bool     // the standard error is not ours
}

// stall is how long a turn of a loop may take before it is logged.
const stall = time.Second

// Start loads the configuration, binds its addresses and begins to serve. What goes wrong is logged; the error says
// no more than that.
func Start(o Options, say *Messages) (*Server, error) {
	s, setup, err := prepare(o, say)
	if err != nil {
		return nil, err
	}
	if err := s.start(setup); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// prepare makes a server with its loops, not running yet, for the configuration of o.
func prepare(o Options, say *Messages) (*Server, *Setup, error) {
	s := &Server{opts: o, say: say, ports: map[conn.Addr]*port{}}
	setup, err := Load(&s.opts, say)
	if err != nil {
		return nil, nil, err
	}
	if !o.Guest {
		setup.Main.useZone()
	}
	if !setup.Main.events {
		s.parsed()
		return nil, nil, s.failed("no \"events\" section in configuration")
	}
	n := setup.Main.Workers
	if n == 0 {
		n = processors()
	}
	s.logs = logs.NewRegistry(n)
	s.logs.OnError = func(msg string) { say.Write(logs.Alert, msg) }
	for i := range n {
		l, err := loop.New(loop.Options{ID: i, Stall: stall, OwnProcessor: !o.Guest, Log: func(msg string) { say.Write(logs.Alert, msg) }})
		if err != nil {
			s.abandon()
			return nil, nil, s.failed("epoll_create() failed %s", conn.ErrnoText(err))
		}
		s.loops = append(s.loops, l)
		s.ended = append(s.ended, make(chan struct{}))
	}
	return s, setup, nil
}

// parsed says that the text of the configuration is right.
func (s *Server) parsed() {
	if s.opts.Parsed != nil {
		s.opts.Parsed()
	}
}

// failed logs why the server cannot start.
func (s *Server) failed(format string, args ...any) error {
	s.say.writef(logs.Emerg, format, args...)
	return ErrReported
}

func (s *Server) start(setup *Setup) error {
	m := setup.Main
	m.warnLimits(s.say)
	if !s.opts.Guest {
		setOpenFiles(m.OpenFiles, s.say)
	}
	g, err := s.build(setup, core.NewRegistry())
	if err != nil {
		return err
	}
	s.say.Use(g.log, m.ErrorLogs)
	fresh, err := s.bindNew(g)
	if err != nil {
		g.close()
		return err
	}
	s.greet()
	if err := s.writePid(m.Pid); err != nil {
		g.close()
		closePorts(fresh)
		return err
	}
	if err := s.settle(g); err != nil {
		g.close()
		closePorts(fresh)
		return err
	}
	s.runLoops()
	s.adopt(g, fresh)
	return nil
}

// settle makes the process what the configuration wants it to be.
func (s *Server) settle(g *generation) error {
	m := g.setup.Main
	if s.opts.Guest {
		return nil
	}
	runtime.GOMAXPROCS(len(s.loops) + 1) // as loop.Run has it best
	if m.Master {
		if err := s.dropPrivileges(m.User, g); err != nil {
			return err
		}
	}
	s.enterDirectory(m.WorkingDir)
	m.applyEnv()
	return nil
}

// greet writes what nginx writes first.
func (s *Server) greet() {
	s.say.Write(logs.Notice, "using the \"epoll\" event method")
	s.say.Write(logs.Notice, s.opts.Version)
	s.say.writef(logs.Notice, "built by %s", runtime.Version())
	s.say.writef(logs.Notice, "OS: %s", kernel())
	s.say.writef(logs.Notice, "getrlimit(RLIMIT_NOFILE): %s", showOpenFiles())
	s.say.Write(logs.Notice, "start worker processes")
	s.say.writef(logs.Notice, "start %d event loops", len(s.loops))
}

// runLoops starts the loops.
func (s *Server) runLoops() {
	for i, l := range s.loops {
		go func() {
			defer close(s.ended[i])
			l.Run()
		}()
	}
}

// onLoops runs fn on every loop and waits for all. A loop that has ended is left out.
func (s *Server) onLoops(fn func(l *loop.Loop)) {
	done := make([]chan struct{}, len(s.loops))
	for i, l := range s.loops {
		done[i] = make(chan struct{})
		posted := l.Post(func() {
			defer close(done[i])
			fn(l)
		})
		if !posted {
			close(done[i])
		}
	}
	for i := range s.loops {
		select {
		case <-done[i]:
		case <-s.ended[i]: // it ended before it came to that
		}
	}
}

// abandon gives up a server whose loops do not run yet.
func (s *Server) abandon() {
	closePorts(s.ports)
	for _, l := range s.loops {
		l.Stop()
		l.Run()
	}
	s.removePid()
}

// Check does what `-t` does: everything up to serving, and undoes it. Addresses in use by others are no error.
func Check(o Options, say *Messages) (*Setup, error) {
	s, setup, err := prepare(o, say)
	if err != nil {
		return nil, err
	}
	defer s.abandon()
	g, err := s.build(setup, core.NewRegistry())
	if err != nil {
		return setup, err
	}
	defer g.close()
	say.Use(g.log, setup.Main.ErrorLogs)
	if err := s.tryBind(g); err != nil {
		return setup, err
	}
	return setup, touchPid(setup.Main.Pid, say)
}
