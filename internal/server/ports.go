package server

import (
	"errors"
	"os"
	"syscall"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
)

// port is a bound address. It outlives generations: an address that is in the next one too keeps its sockets, with the
// connections that wait in their queues.
type port struct {
	*core.Port
	options   conn.ListenOptions
	listeners []*conn.Listener // one; with reuseport one for each loop
}

// bind opens the sockets of an address. They listen from now on; accepting begins with serve.
func bind(s *core.Socket, loops int) (*port, error) {
	p := &port{Port: core.NewPort(s), options: s.ListenOptions()}
	n := 1
	if p.options.ReusePort {
		n = loops
	}
	for range n {
		ln, err := conn.Listen(p.options)
		if err != nil {
			p.close()
			return nil, err
		}
		p.listeners = append(p.listeners, ln)
	}
	return p, nil
}

func (p *port) close() {
	for _, ln := range p.listeners {
		ln.Close()
	}
}

// removeFile removes the file of a unix socket.
func (p *port) removeFile() {
	if path := p.options.Addr.Path; path != "" && path[0] != '@' {
		os.Remove(path)
	}
}

func closePorts(ports map[conn.Addr]*port) {
	for _, p := range ports {
		p.close()
		p.removeFile()
	}
}

// Addresses in use are tried again as nginx does: a predecessor may be about to end.
const (
	bindTries = 5
	bindPause = 500 * time.Millisecond
)

// bindNew binds those addresses of a generation that are not bound yet: all of them, or none.
func (s *Server) bindNew(g *generation) (map[conn.Addr]*port, error) {
	fresh := map[conn.Addr]*port{}
	for range bindTries {
		failed, err := s.bindMissing(g, fresh)
		if err != nil {
			closePorts(fresh)
			return nil, err
		}
		if !failed {
			return fresh, nil
		}
		s.say.writef(logs.Notice, "try again to bind() after %dms", bindPause.Milliseconds())
		time.Sleep(bindPause)
	}
	closePorts(fresh)
	return nil, s.failed("still could not bind()")
}

// bindMissing binds what is neither bound nor in fresh. failed: some address is in use.
func (s *Server) bindMissing(g *generation, fresh map[conn.Addr]*port) (failed bool, err error) {
	for _, socket := range g.Sockets {
		if s.ports[socket.Addr] != nil || fresh[socket.Addr] != nil {
			continue
		}
		p, err := bind(socket, len(s.loops))
		if err == nil {
			fresh[socket.Addr] = p
			continue
		}
		s.say.Write(logs.Emerg, err.Error())
		if !errors.Is(err, syscall.EADDRINUSE) {
			return false, ErrReported
		}
		failed = true
	}
	return failed, nil
}

// tryBind binds the addresses that are free and closes them again, for `-t`.
func (s *Server) tryBind(g *generation) error {
	for _, socket := range g.Sockets {
		p, err := bind(socket, 1)
		switch {
		case err == nil:
			p.close()
			p.removeFile()
		case !errors.Is(err, syscall.EADDRINUSE):
			return s.failed("%s", err)
		}
	}
	return nil
}

// adjust applies what can be changed of a socket that is in use.
func (p *port) adjust(o conn.ListenOptions, say *Messages) {
	if o == p.options {
		return
	}
	p.options = o
	for _, ln := range p.listeners {
		if err := ln.Apply(o); err != nil {
			say.writef(logs.Alert, "%s, ignored", err)
		}
	}
}

// serve begins to accept.
func (s *Server) serve(p *port) error {
	take := func(c *conn.Conn) { s.take(p, c) }
	for i, ln := range p.listeners {
		ln.OnError = s.acceptFailed
		loops := s.loops
		if len(p.listeners) > 1 {
			loops = []*loop.Loop{s.loops[i]}
		}
		if err := ln.Spread(loops, take); err != nil {
			return err
		}
	}
	return nil
}

// take serves a new connection, on its loop, unless the loop has as many as it may.
func (s *Server) take(p *port, c *conn.Conn) {
	l := c.Loop()
	limit := s.connections.Load()
	if l.Clients().Load() > limit && frontend.CloseIdle(l, 1) == 0 {
		s.say.writef(logs.Alert, "%d worker_connections are not enough", limit)
		c.Close()
		return
	}
	frontend.Serve(p.Port, c)
}
