package server

import (
	"errors"
	"io"
	"path/filepath"

	"hearth/internal/conf"
	"hearth/internal/logs"
)

// What the configuration does not say, and the command line neither.
const (
	DefaultConf = "/etc/hearth/nginx.conf"
	DefaultPid  = "/run/hearth.pid"
	DefaultLog  = "stderr"
)

// Options say what to serve.
type Options struct {
	File     string // -c; "" = DefaultConf
	Prefix   string // -p; "" = the current directory
	Globals  string // -g
	ErrorLog string // -e; "" = DefaultLog
	Stderr   io.Writer
	Version  string // for the log: "hearth/1.0"

	// Content, if not nil, is the configuration itself, and File a name for it.
	Content []byte
	// Foreground: whatever the configuration says of daemon.
	Foreground bool
	// Guest: the process is not hearth's alone, so that its user, limits, environment and directory are left as they are.
	Guest bool
	// Parsed, if not nil, is called when the configuration has been read without error, before files are opened.
	Parsed func()
}

// Setup is a configuration that was read without error.
type Setup struct {
	*conf.Config
	Main *Main
}

// Load reads the configuration. Warnings and the error, if any, are written to say.
func Load(o *Options, say *Messages) (*Setup, error) {
	c, err := conf.Load(conf.Options{
		File: o.File, Prefix: o.Prefix, Globals: o.Globals, Schema: Schema(),
		Warn: func(level, msg string) {
			l, _ := logs.ParseLevel(level)
			say.Write(l, msg)
		},
		ReadFile: o.readFile(),
	})
	if err != nil {
		report(err, say)
		return nil, err
	}
	s := &Setup{Config: c, Main: mainSlot.Of(c.Root)}
	if len(s.Main.ErrorLogs) == 0 {
		s.Main.ErrorLogs = []logs.Sink{o.sink()}
	}
	return s, nil
}

// ErrReported is an error that has been written to the log already.
var ErrReported = errors.New("reported")

func report(err error, say *Messages) {
	level := logs.Emerg
	var e *conf.Error
	if errors.As(err, &e) && e.Level == "crit" {
		level = logs.Crit
	}
	say.Write(level, err.Error())
}

func (o *Options) readFile() func(string) ([]byte, error) {
	if o.Content == nil {
		return nil
	}
	return func(string) ([]byte, error) { return o.Content, nil }
}

// Complete makes what was not given on the command line the defaults, and paths absolute: a daemon may change its directory.
func (o *Options) Complete() error {
	prefix, err := filepath.Abs(o.Prefix)
	if err != nil {
		return err
	}
	o.Prefix = prefix
	if o.File == "" {
		o.File = DefaultConf
	}
	if !filepath.IsAbs(o.File) {
		o.File = filepath.Join(prefix, o.File)
	}
	return nil
}

// sink is the log that -e names, the one in force until the configuration's is open.
func (o *Options) sink() logs.Sink {
	name := o.ErrorLog
	if name == "" {
		name = DefaultLog
	}
	if name == "stderr" {
		return logs.Sink{Target: logs.Target{Kind: logs.ToStderr}, Level: logs.Error}
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(o.Prefix, name)
	}
	return logs.Sink{Target: logs.Target{Kind: logs.ToFile, Path: name}, Level: logs.Error}
}

// OpenLog opens the log that -e names. If it cannot be opened, only that is said.
func (o *Options) OpenLog(say *Messages) {
	sink := o.sink()
	sink.Level = logs.Notice
	log, err := logs.NewRegistry(1).ErrorLog(sink)
	if err != nil {
		say.Write(logs.Alert, "could not open error log file: "+err.Error())
		return
	}
	say.useFirst(log, sink)
}
