package server

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"hearth/internal/logs"
)

// Detach lets go of what a daemon has inherited: the standard error goes to the error log from now on (where the
// runtime's last words are wanted), or nowhere, unless it is the log itself.
func (s *Server) Detach() {
	s.detached = true
	redirect(os.DevNull, 0)
	redirect(os.DevNull, 1)
	s.redirectStderr()
}

// redirectStderr is repeated when the error log's file is another.
func (s *Server) redirectStderr() {
	sinks := s.current.Load().setup.Main.ErrorLogs
	if !s.detached || slices.ContainsFunc(sinks, func(x logs.Sink) bool { return x.Kind == logs.ToStderr }) {
		return
	}
	path := os.DevNull
	if i := slices.IndexFunc(sinks, func(x logs.Sink) bool { return x.Kind == logs.ToFile }); i >= 0 {
		path = sinks[i].Path
	}
	redirect(path, 2)
}

// redirect makes fd the file at path, if that can be opened.
func redirect(path string, fd int) {
	f, err := unix.Open(path, unix.O_RDWR|unix.O_APPEND|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	unix.Dup3(f, fd, 0)
	unix.Close(f)
}
