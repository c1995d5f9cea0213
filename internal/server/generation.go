package server

import (
	"slices"
	"sync/atomic"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/modules"
)

// generation is one configuration, compiled, and the error log of its main level.
type generation struct {
	*core.Generation
	setup *Setup
	log   *logs.ErrorLog
}

// close gives up what the generation holds. No request is under way in it.
func (g *generation) close() {
	g.Generation.Close()
	g.log.Close()
}

// build compiles a configuration. Nothing of the generation that serves is touched.
func (s *Server) build(setup *Setup, carried *core.Registry) (*generation, error) {
	log, err := s.logs.ErrorLog(setup.Main.ErrorLogs...)
	if err != nil {
		s.parsed()
		report(err, s.say)
		return nil, ErrReported
	}
	s.number++
	g, err := core.Compile(setup.Config, core.Options{
		Number: s.number, Modules: modules.All, Loops: s.loops, Logs: s.logs, Carried: carried, ErrorLog: log, Hold: true,
		Parsed: s.parsed,
		Warn: func(level, msg string) {
			l, _ := logs.ParseLevel(level)
			s.say.Write(l, msg)
		},
	})
	if err != nil {
		report(err, s.say)
		log.Close()
		return nil, ErrReported
	}
	return &generation{g, setup, log}, nil
}

// adopt makes g the generation that serves, with the ports that were bound for it.
//
// From the moment a port is swapped, requests whose head has been read find the new generation. An address that
// is in both generations keeps its sockets, so connections in their queues are not lost.
func (s *Server) adopt(g *generation, fresh map[conn.Addr]*port) {
	s.say.Use(g.log, g.setup.Main.ErrorLogs)
	s.connections.Store(int64(g.setup.Main.Connections))
	g.Start()
	wanted := map[conn.Addr]bool{}
	for _, socket := range g.Sockets {
		wanted[socket.Addr] = true
		if p := s.ports[socket.Addr]; p != nil {
			p.Swap(socket)
			p.adjust(socket.ListenOptions(), s.say)
		}
	}
	old := s.current.Swap(g)
	s.redirectStderr()
	for addr, p := range fresh {
		s.ports[addr] = p
		if err := s.serve(p); err != nil {
			s.say.writef(logs.Alert, "epoll_ctl() for %s failed %s", addr, conn.ErrnoText(err))
		}
	}
	var removed []*port
	for addr, p := range s.ports {
		if !wanted[addr] {
			p.close()
			p.removeFile()
			delete(s.ports, addr)
			removed = append(removed, p)
		}
	}
	if old != nil {
		s.retire(old, removed)
	}
}

// drainPorts has the connections of these ports end, and returns how many are left.
func (s *Server) drainPorts(ports []*port) int64 {
	var left atomic.Int64
	if len(ports) > 0 {
		s.onLoops(func(l *loop.Loop) {
			for _, p := range ports {
				left.Add(int64(frontend.DrainPort(l, p.Port)))
			}
		})
	}
	return left.Load()
}

// drainPoll is how often an old generation is looked at for requests.
const drainPoll = 20 * time.Millisecond

// retire closes an old generation once its requests have ended, those that no port leads to any more but the ports that
// were removed with it: their connections end first.
//
// A loop may just have looked the old generation up and be about to count its request in; it does both
// in one turn. So after every loop has come to the end of the turn in which the ports were swapped, the
// counts only fall. What a request leaves to the end of its last turn (log lines) is waited for in the same way.
//
// What is left after the generation's worker_shutdown_timeout is closed.
func (s *Server) retire(g *generation, removed []*port) {
	s.mu.Lock()
	s.old = append(s.old, g)
	s.mu.Unlock()
	s.retiring.Add(1)
	go func() {
		defer s.retiring.Done()
		timeout, began := g.setup.Main.ShutdownTimeout, time.Now()
		s.onLoops(nothing)
		for (s.drainPorts(removed) > 0 || !g.Drained()) && !s.allEnded() {
			if timeout > 0 && time.Since(began) >= timeout {
				s.onLoops(func(l *loop.Loop) { frontend.CloseRequests(l, g.Generation) })
			}
			time.Sleep(drainPoll)
		}
		s.onLoops(nothing)
		g.close()
		s.mu.Lock()
		s.old = slices.DeleteFunc(s.old, func(o *generation) bool { return o == g })
		s.mu.Unlock()
	}()
}

// nothing is run on all loops to know that each has ended a turn.
func nothing(*loop.Loop) {}

// generations is how many there are: the newest and those that drain.
func (s *Server) generations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return 1 + len(s.old)
}

// busy is the number of requests under way in all generations.
func (s *Server) busy() int64 {
	n := s.current.Load().Busy()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.old {
		n += g.Busy()
	}
	return n
}

// allEnded tells whether no loop runs any more.
func (s *Server) allEnded() bool {
	for _, c := range s.ended {
		select {
		case <-c:
		default:
			return false
		}
	}
	return true
}

// Reload replaces the configuration. One that is not good is logged, and the old one goes on.
func (s *Server) Reload() error {
	return s.asRoot(func() error {
		setup, err := Load(&s.opts, s.say)
		if err != nil {
			return err
		}
		was := s.current.Load()
		s.noteFixed(was.setup.Main, setup.Main)
		g, err := s.build(setup, was.Carried.Next())
		if err != nil {
			return err
		}
		fresh, err := s.bindNew(g)
		if err != nil {
			g.close()
			return err
		}
		if setup.Main.Pid != was.setup.Main.Pid && s.pid != "" {
			previous := s.pid
			if err := s.writePid(setup.Main.Pid); err != nil {
				g.close()
				closePorts(fresh)
				return err
			}
			removeFile(previous, s.say)
		}
		if s.account != nil {
			makeTempPaths(g, s.account, s.say)
		}
		s.adopt(g, fresh)
		return nil
	})
}

// noteFixed warns of what only a restart changes.
func (s *Server) noteFixed(was, now *Main) {
	if was.Workers != now.Workers {
		s.say.Write(logs.Warn, "the number of worker_processes is not changed by a reload, but by a restart")
	}
}
