package server

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
)

// fastWait is how long a fast end waits for fibers to notice that their connections are closed.
const fastWait = 500 * time.Millisecond

// stopAccepting closes the listening sockets.
func (s *Server) stopAccepting() {
	for addr, p := range s.ports {
		p.close()
		p.removeFile()
		delete(s.ports, addr)
	}
}

// Stop ends the server at once: connections are closed, whatever they are doing.
func (s *Server) Stop() {
	s.stopAccepting()
	s.onLoops(frontend.CloseAll)
	for deadline := time.Now().Add(fastWait); !s.quiet() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		s.onLoops(frontend.CloseAll) // those that were on their way from the accepting loop to another
	}
	s.finish()
}

// Quit ends the server gracefully: requests under way finish. A signal on sigs to stop at once, or
// worker_shutdown_timeout, closes the connections that are left. Logs can be reopened meanwhile. sigs may be nil.
func (s *Server) Quit(sigs <-chan os.Signal) {
	s.say.Write(logs.Notice, "gracefully shutting down")
	s.stopAccepting()
	s.onLoops(frontend.Drain)
	var timeout <-chan time.Time
	if d := s.current.Load().setup.Main.ShutdownTimeout; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		timeout = timer.C
	}
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for !s.quiet() {
		select {
		case <-tick.C:
			s.onLoops(frontend.Drain)
		case <-timeout:
			s.Stop()
			return
		case sig := <-sigs:
			s.received(sig)
			switch sig {
			case syscall.SIGTERM, syscall.SIGINT:
				s.Stop()
				return
			case syscall.SIGUSR1: // tunnels can keep the process for long
				s.Reopen()
			}
		}
	}
	s.finish()
}

// quiet tells whether no client connection is open and no request under way.
func (s *Server) quiet() bool {
	var open atomic.Int64
	s.onLoops(func(l *loop.Loop) { open.Add(int64(frontend.Connections(l))) })
	return open.Load() == 0 && s.busy() == 0
}

// finish ends what is left. When all is quiet the generations are closed first, so that the loops can close the
// connections of their pools; else the loops are ended first, since their fibers may still use the generations.
func (s *Server) finish() {
	s.say.Write(logs.Notice, "exiting")
	g := s.current.Load()
	quiet := s.quiet()
	if quiet {
		s.retiring.Wait()
		s.onLoops(nothing)
		g.Generation.Close()
		s.onLoops(nothing)
	}
	for i, l := range s.loops {
		l.Stop()
		<-s.ended[i]
	}
	s.retiring.Wait()
	if !quiet {
		g.Generation.Close()
	}
	s.asRoot(func() error { s.removePid(); return nil })
	s.say.Write(logs.Notice, "exit")
	s.say.Use(nil, nil)
	g.log.Close()
}
