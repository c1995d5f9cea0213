package server

import (
	"fmt"
	"os"

	"hearth/internal/conn"
	"hearth/internal/logs"
)

// writePid creates the pid file and writes our number to it.
func (s *Server) writePid(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return s.failed("open() \"%s\" failed %s", path, conn.ErrnoText(err))
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%d\n", os.Getpid()); err != nil {
		return s.failed("write() \"%s\" failed %s", path, conn.ErrnoText(err))
	}
	s.pid = path
	return nil
}

// touchPid checks that the pid file can be created, for `-t`.
func touchPid(path string, say *Messages) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		say.writef(logs.Emerg, "open() \"%s\" failed %s", path, conn.ErrnoText(err))
		return ErrReported
	}
	return f.Close()
}

func (s *Server) removePid() {
	if s.pid != "" {
		removeFile(s.pid, s.say)
		s.pid = ""
	}
}

// removeFile removes a pid file; /dev/null is none.
func removeFile(path string, say *Messages) {
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		return
	}
	if err := os.Remove(path); err != nil {
		say.writef(logs.Alert, "unlink() \"%s\" failed %s", path, conn.ErrnoText(err))
	}
}
