package cli

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"hearth/internal/conn"
	"hearth/internal/logs"
	"hearth/internal/server"
)

// signals are what -s takes.
var signals = map[string]syscall.Signal{
	"stop": syscall.SIGTERM, "quit": syscall.SIGQUIT, "reopen": syscall.SIGUSR1, "reload": syscall.SIGHUP,
}

// send is -s: the configuration says where the pid file is, the pid file whom to signal.
func (c *command) send(o server.Options, say *server.Messages) int {
	setup, err := server.Load(&o, say)
	if err != nil {
		return 1
	}
	say.Write(logs.Notice, "signal process started")
	path := setup.Main.Pid
	content, err := os.ReadFile(path)
	if err != nil {
		return c.cannot(say, logs.Error, "open() \""+path+"\" failed "+conn.ErrnoText(err))
	}
	text := string(bytes.TrimRight(content, "\r\n"))
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return c.cannot(say, logs.Error, "invalid PID number \""+text+"\" in \""+path+"\"")
	}
	sig := signals[c.signal]
	if err := syscall.Kill(pid, sig); err != nil {
		return c.cannot(say, logs.Alert, "kill("+strconv.Itoa(pid)+", "+strconv.Itoa(int(sig))+") failed "+conn.ErrnoText(err))
	}
	return 0
}

func (c *command) cannot(say *server.Messages, level logs.Level, msg string) int {
	say.Write(level, msg)
	return 1
}
