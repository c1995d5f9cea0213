// Package child starts the programs a measurement needs (proxies, backends, load generators) and ends
// them again, by process group, whatever happened in between. It measures nothing.
package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// grace is how long a program may take to end after SIGTERM before it is killed.
const grace = 3 * time.Second

// Process is a program that was started here. It leads a process group of its own, so that a signal
// meant for it also reaches the workers it forked, and a Ctrl-C at the terminal reaches the harness
// alone, which then ends its children in order.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has been reaped
}

// Start runs argv with both outputs going to output (nil: discarded). Call it from the main goroutine,
// locked to its thread: the kernel sends Pdeathsig when the thread that forked ends, and that thread
// has to be one that lives as long as the harness.
func Start(name string, output *os.File, argv ...string) (*Process, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	if output != nil {
		cmd.Stdout, cmd.Stderr = output, output
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	p := &Process{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		cmd.Wait() // its status is of no interest: an early end is seen by Exited
		close(p.done)
	}()
	return p, nil
}

// PID is the process number of the program itself, its group's leader.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited says whether the program has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends sig to the program alone, not to its workers.
func (p *Process) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop ends the program and everything it forked, and returns when the program has been reaped.
func (p *Process) Stop() {
	group := -p.PID()
	syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
	}
	// The leader may be gone and workers left: the group exists as long as one member does, so its
	// number cannot have been given to anybody else while there is something left to kill.
	syscall.Kill(group, syscall.SIGKILL)
	<-p.done
}

// WaitListening returns when something accepts connections at addr, and fails when p ends before that.
func (p *Process) WaitListening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it listened", p.name)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s does not listen on %s", p.name, addr), ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
