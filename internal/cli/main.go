// Package cli is hearth's command line: nginx's options, and subcommands of its own.
//
// It owns what is written to the terminal and the exit codes. Serving is package server's.
package cli

import (
	"fmt"
	"io"
	"os"

	"hearth/internal/server"
)

// Main runs the command line and returns the exit code. args[0] is the name of the program.
func Main(args []string) int {
	c := &command{stdout: os.Stdout, stderr: os.Stderr}
	return c.main(args[1:])
}

// command is one invocation.
type command struct {
	stdout, stderr io.Writer
	ready          *os.File // to the parent that waits for the daemon; nil if there is none
	options
}

// main runs a subcommand, or what nginx's options ask for.
func (c *command) main(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "run":
			return c.nginx(args[1:], true)
		case "demo":
			return c.demo(args[1:])
		case "doctor":
			return c.doctor(args[1:])
		case "directives":
			return c.directives(args[1:])
		}
	}
	return c.nginx(args, false)
}

// say writes a line on the standard error, as nginx does: "hearth: ...".
func (c *command) say(format string, args ...any) {
	fmt.Fprintf(c.stderr, "hearth: "+format+"\n", args...)
}

// nginx does what nginx's options ask for.
func (c *command) nginx(args []string, foreground bool) int {
	var err error
	if c.options, err = parseOptions(args); err != nil {
		c.say("%s", err)
		return 1
	}
	if c.help || c.version || c.configure {
		c.showVersion()
		if c.help {
			c.showHelp()
		}
		if c.configure {
			c.showConfigure()
		}
		if !c.test {
			return 0
		}
	}
	o := server.Options{
		File: c.file, Prefix: c.prefix, Globals: c.globals, ErrorLog: c.errorLog,
		Version: "hearth/" + Version(), Foreground: foreground,
	}
	if err := o.Complete(); err != nil {
		c.say("[emerg] %s", err)
		return 1
	}
	say := server.NewMessages(c.stderr)
	o.OpenLog(say)
	switch {
	case c.test:
		return c.check(o, say)
	case c.signal != "":
		return c.send(o, say)
	}
	return c.serve(o, say)
}

// check is -t and -T.
func (c *command) check(o server.Options, say *server.Messages) int {
	if !c.quiet {
		o.Parsed = func() { c.say("the configuration file %s syntax is ok", o.File) }
	}
	setup, err := server.Check(o, say)
	if err != nil {
		c.say("configuration file %s test failed", o.File)
		return 1
	}
	if !c.quiet {
		c.say("configuration file %s test is successful", o.File)
	}
	if c.dump {
		for _, f := range setup.Files {
			fmt.Fprintf(c.stdout, "# configuration file %s:\n%s\n", f.Name, f.Content)
		}
	}
	return 0
}

// serve runs the server until it is told to end.
func (c *command) serve(o server.Options, say *server.Messages) int {
	daemon, code := c.detach(&o, say)
	if daemon == parent {
		return code
	}
	sigs, stop := server.Notify()
	defer stop()
	s, err := server.Start(o, say)
	if err != nil {
		return 1
	}
	if daemon == child {
		c.detached(s)
	}
	say.Started()
	s.Run(sigs)
	return 0
}

func (c *command) showHelp() {
	fmt.Fprintf(c.stderr, `Usage: hearth [-?hvVtTq] [-s signal] [-p prefix]
              [-e filename] [-c filename] [-g directives]
       hearth run [options]            the same in the foreground
       hearth demo [--listen address]  a proxy with three backends, and traffic
       hearth doctor URL               what would keep upstream connections better; URL of an "api" location
       hearth directives --markdown    the reference of all directives

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: the current directory)
  -e filename   : set error log file (default: %s)
  -c filename   : set configuration file (default: %s)
  -g directives : set global directives out of configuration file

`, server.DefaultLog, server.DefaultConf)
}
