package server

import (
	"os"
	"os/signal"
	"syscall"

	"hearth/internal/logs"
)

// signals are those that mean something, as nginx's logs name them.
var signals = map[os.Signal]struct{ name, action string }{
	syscall.SIGHUP:   {"SIGHUP", "reconfiguring"},
	syscall.SIGUSR1:  {"SIGUSR1", "reopening logs"},
	syscall.SIGUSR2:  {"SIGUSR2", "changing binary is not supported yet"},
	syscall.SIGWINCH: {"SIGWINCH", "stopping only the worker processes is not supported yet"},
	syscall.SIGQUIT:  {"SIGQUIT", "shutting down"},
	syscall.SIGTERM:  {"SIGTERM", "exiting"},
	syscall.SIGINT:   {"SIGINT", "exiting"},
}

// Notify has the signals that the server understands sent to the channel returned, until stop is called.
func Notify() (sigs chan os.Signal, stop func()) {
	sigs = make(chan os.Signal, 16)
	for sig := range signals {
		signal.Notify(sigs, sig)
	}
	signal.Ignore(syscall.SIGPIPE)
	return sigs, func() { signal.Stop(sigs) }
}

// Run does what signals ask for, until one ends the server.
func (s *Server) Run(sigs <-chan os.Signal) {
	for sig := range sigs {
		s.received(sig)
		switch sig {
		case syscall.SIGHUP:
			s.say.Write(logs.Notice, "reconfiguring")
			s.Reload() // the error has been logged
		case syscall.SIGUSR1:
			s.Reopen()
		case syscall.SIGQUIT:
			s.Quit(sigs)
			return
		case syscall.SIGTERM, syscall.SIGINT:
			s.Stop()
			return
		}
	}
}

func (s *Server) received(sig os.Signal) {
	what, number := signals[sig], 0
	if n, ok := sig.(syscall.Signal); ok {
		number = int(n)
	}
	s.say.writef(logs.Notice, "signal %d (%s) received, %s", number, what.name, what.action)
}

// Reopen opens the log files anew, after they were renamed. They become the user's, as in nginx.
func (s *Server) Reopen() {
	s.say.Write(logs.Notice, "reopening logs")
	uid, gid := -1, -1
	if s.account != nil {
		uid, gid = s.account.UID, s.account.GID
	}
	err := s.asRoot(func() error {
		err := s.logs.Reopen(uid, gid)
		s.redirectStderr()
		return err
	})
	if err != nil {
		s.say.Write(logs.Emerg, err.Error())
	}
}
