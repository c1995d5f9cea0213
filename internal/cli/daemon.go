package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"hearth/internal/logs"
	"hearth/internal/server"
)

// role is what this process is in becoming a daemon.
type role int

const (
	foreground role = iota // no daemon is wanted
	parent                 // it has started the daemon, and ends
	child                  // it is the daemon
)

// readyEnv names the descriptor by which the daemon tells its parent that it serves.
const readyEnv = "HEARTH_READY_FD"

// detach starts a daemon if the configuration wants one. Go cannot fork, so the daemon is this program once more, with
// the same arguments, in a session of its own. The parent waits until it has bound its addresses and written its pid, or
// has failed and said why on the standard error, which it shares; so the exit code means what nginx's does.
func (c *command) detach(o *server.Options, say *server.Messages) (role, int) {
	if fd, err := strconv.Atoi(os.Getenv(readyEnv)); err == nil {
		os.Unsetenv(readyEnv)
		syscall.CloseOnExec(fd)
		c.ready = os.NewFile(uintptr(fd), "ready")
		return child, 0
	}
	if o.Foreground {
		return foreground, 0
	}
	setup, err := server.Load(o, say.Quiet())
	if err != nil || !setup.Main.Daemon {
		return foreground, 0 // the error comes up again, and is reported then
	}
	if err := c.startDaemon(); err != nil {
		if err != errNotReady {
			say.Write(logs.Emerg, "cannot start the daemon: "+err.Error())
		}
		return parent, 1
	}
	return parent, 0
}

var errNotReady = fmt.Errorf("the daemon ended before it was ready")

func (c *command) startDaemon() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	d := exec.Command(program, os.Args[1:]...)
	d.Args[0] = os.Args[0]
	d.Env = append(os.Environ(), readyEnv+"=3")
	d.ExtraFiles = []*os.File{w}
	d.Stdout, d.Stderr = os.Stdout, os.Stderr
	d.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = d.Start()
	w.Close()
	if err != nil {
		return err
	}
	word, _ := io.ReadAll(r)
	if string(word) == "ready" {
		return nil
	}
	d.Wait()
	return errNotReady
}

// detached tells the parent that all is well, and lets go of the terminal.
func (c *command) detached(s *server.Server) {
	s.Detach()
	c.ready.WriteString("ready")
	c.ready.Close()
}
