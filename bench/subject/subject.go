// Package subject starts the proxies that are compared, each with the configuration that says the same in
// its own language. nginx and hearth get the same file and the same command line.
package subject

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"

	"hearth/bench/child"
)

// Subject is a proxy that can be started.
type Subject struct {
	Name    string
	program string
	conf    *template.Template
	args    func(dir, conf string) []string
	version []string // the command that prints its version in its first line
	reload  syscall.Signal
}

// Known lists every subject. "nginx-again" is nginx under another name: what it differs from nginx by is
// the error of the measurement.
func Known(hearth string) []Subject {
	return []Subject{
		likeNginx("hearth", hearth),
		likeNginx("nginx", "nginx"),
		likeNginx("nginx-again", "nginx"),
		{
			Name: "haproxy", program: "haproxy", conf: haproxyTemplate, args: haproxyArgs,
			version: []string{"haproxy", "-v"}, reload: syscall.SIGUSR2,
		},
		floor(),
	}
}

// floor is package relay, which is this program again: what no proxy gets under.
func floor() Subject {
	self, _ := os.Executable()
	return Subject{
		Name: "floor", program: self, conf: floorTemplate, args: func(_, conf string) []string { return []string{"floor", conf} },
	}
}

// likeNginx is a program with nginx's command line, configuration and signals.
func likeNginx(name, program string) Subject {
	return Subject{
		Name: name, program: program, conf: nginxTemplate, args: nginxArgs,
		version: []string{program, "-v"}, reload: syscall.SIGHUP,
	}
}

func nginxArgs(dir, conf string) []string {
	return []string{"-p", dir, "-e", "error.log", "-c", conf, "-g", "daemon off;"}
}

// haproxyArgs runs HAProxy in the foreground, under a master process, which is the way it is reloaded
// without losing connections. The master does nothing else.
func haproxyArgs(dir, conf string) []string {
	return []string{"-W", "-db", "-C", dir, "-f", conf}
}

// Missing says why the subject cannot be started here, or returns nil.
func (s Subject) Missing() error {
	_, err := exec.LookPath(s.program)
	return err
}

// Can says whether the subject's configuration has all of the options.
func (s Subject) Can(o Options) bool {
	switch s.conf {
	case nginxTemplate:
		return true
	case floorTemplate:
		return o.bare()
	}
	return o.portable()
}

// Version is the first line the program prints about itself, without a path.
func (s Subject) Version() string {
	if s.version == nil {
		return "this bench's"
	}
	out, err := exec.Command(s.version[0], s.version[1:]...).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	line, _, _ = strings.Cut(line, " - http")                // HAProxy adds its home page
	if _, after, ok := strings.Cut(line, " version: "); ok { // nginx says what it is first
		line = after
	}
	return strings.TrimSpace(line)
}

// Running is a proxy that serves.
type Running struct {
	Addr    string
	subject Subject
	process *child.Process
	dir     string
	output  *os.File
}

// Start runs the subject in a new directory below dir and returns when it accepts connections.
func (s Subject) Start(ctx context.Context, ports *child.Ports, dir string, o Options) (*Running, error) {
	addr, err := ports.Next()
	if err != nil {
		return nil, err
	}
	text, err := render(s.conf, addr, o)
	if err != nil {
		return nil, err
	}
	r := &Running{Addr: addr, subject: s}
	if r.dir, err = os.MkdirTemp(dir, s.Name+"-"); err != nil {
		return nil, err
	}
	conf := filepath.Join(r.dir, "proxy.conf")
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	// HAProxy's access log goes to its standard output; the others print nothing there.
	if r.output, err = os.Create(filepath.Join(r.dir, "output")); err != nil {
		return nil, err
	}
	program, err := exec.LookPath(s.program)
	if err != nil {
		return nil, err
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	r.process, err = child.Start(s.Name, r.output, append([]string{program}, s.args(r.dir, conf)...)...)
	if err != nil {
		r.output.Close()
		return nil, err
	}
	if err := r.process.WaitListening(ctx, addr); err != nil {
		complaint := strings.ReplaceAll(r.Log(), r.dir+"/", "")
		r.Stop()
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(tail(complaint, 500)))
	}
	return r, nil
}

// PID is the process that was started; its workers are below it.
func (r *Running) PID() int { return r.process.PID() }

// Exited says whether the proxy has ended by itself.
func (r *Running) Exited() bool { return r.process.Exited() }

// Reload makes the proxy read its configuration again.
func (r *Running) Reload() error { return r.process.Signal(r.subject.reload) }

// Log is the error log, and what the program printed.
func (r *Running) Log() string {
	log, _ := os.ReadFile(filepath.Join(r.dir, "error.log"))
	printed, _ := os.ReadFile(r.output.Name())
	return string(log) + string(printed)
}

// Stop ends the proxy and removes its directory.
func (r *Running) Stop() {
	r.process.Stop()
	r.output.Close()
	os.RemoveAll(r.dir)
}

// tail is the end of text, at most n bytes.
func tail(text string, n int) string { return text[max(0, len(text)-n):] }
