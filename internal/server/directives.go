package server

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/modules"
	"hearth/internal/text"
)

// Main is what the directives outside of http say: how the process runs.
type Main struct {
	Daemon          bool
	Master          bool   // false: as in nginx, the user stays who started it
	Pid             string // full path
	WorkingDir      string
	Workers         int // loops; 0 = auto
	Connections     int // client connections a loop has at most
	OpenFiles       int // worker_rlimit_nofile; 0 = as inherited
	ShutdownTimeout time.Duration
	ErrorLogs       []logs.Sink
	Env             []string
	User            *Account // nil = none given

	events bool // there is an events block
}

var mainSlot = conf.NewSlot[Main](conf.RootLevel)

type events struct{ connections int }

var eventsSlot = conf.NewSlot[events](conf.EventsLevel)

var errDuplicate = errors.New("is duplicate")

var mainDirectives = []conf.Directive{
	conf.Field(mainSlot, conf.Directive{Name: "daemon", In: conf.Main, Default: "on",
		Doc: "Whether hearth detaches itself from the terminal."}, conf.Flag, func(m *Main) *bool { return &m.Daemon }),
	conf.Field(mainSlot, conf.Directive{Name: "master_process", In: conf.Main, Default: "on",
		Doc: "hearth is one process in any case; when off, it does not change its user."}, conf.Flag, func(m *Main) *bool { return &m.Master }),
	conf.Field(mainSlot, conf.Directive{Name: "pid", In: conf.Main, Default: DefaultPid,
		Doc: "The file that the process number is written to."}, path, func(m *Main) *string { return &m.Pid }),
	conf.Field(mainSlot, conf.Directive{Name: "working_directory", In: conf.Main,
		Doc: "The current directory of the process."}, conf.String, func(m *Main) *string { return &m.WorkingDir }),
	conf.Field(mainSlot, conf.Directive{Name: "worker_processes", In: conf.Main, Default: "1",
		Doc: "The number of event loops; auto is the number of processors that the process may use."},
		conf.Or("auto", 0, workers), func(m *Main) *int { return &m.Workers }),
	conf.Field(mainSlot, conf.Directive{Name: "worker_rlimit_nofile", In: conf.Main,
		Doc: "The limit of open files."}, conf.Num, func(m *Main) *int { return &m.OpenFiles }),
	conf.Field(mainSlot, conf.Directive{Name: "worker_shutdown_timeout", In: conf.Main,
		Doc: "How long a graceful end waits before it closes the connections that are left."},
		conf.Msec, func(m *Main) *time.Duration { return &m.ShutdownTimeout }),
	conf.List(mainSlot, conf.Directive{Name: "error_log", In: conf.Main, Args: conf.OneMore,
		Doc: "Where errors are logged, and from which level on."}, core.ParseErrorLog, func(m *Main) *[]logs.Sink { return &m.ErrorLogs }),
	conf.List(mainSlot, conf.Directive{Name: "env", In: conf.Main,
		Doc: "A variable of the environment to keep, or to set; all others but TZ are removed."},
		func(_ *conf.Cursor, args []string) (string, error) { return args[0], nil }, func(m *Main) *[]string { return &m.Env }),
	conf.Custom(mainSlot, conf.Directive{Name: "user", In: conf.Main, Args: conf.Take12, Default: "nobody",
		Doc: "The user and group that hearth works as once it has bound its addresses."}, setUser),
	conf.Custom(mainSlot, conf.Directive{Name: "events", In: conf.Main, Args: conf.NoArgs | conf.WithBlock,
		Doc: "Holds what concerns connections."}, readEvents),

	conf.Field(eventsSlot, conf.Directive{Name: "worker_connections", In: conf.Events, Default: "512",
		Doc: "How many client connections a loop has at most."}, connections, func(e *events) *int { return &e.connections }),
}

// Schema is the set of all directives of this build.
func Schema() *conf.Schema { return core.NewSchema(modules.All, mainDirectives) }

func path(c *conf.Cursor, args []string) (string, error) { return c.FullPath(args[0], false), nil }

func connections(c *conf.Cursor, args []string) (int, error) {
	n, err := conf.Num(c, args)
	if err != nil {
		return 0, c.Errorf("invalid number \"%s\"", args[0])
	}
	return n, nil
}

func workers(_ *conf.Cursor, args []string) (int, error) {
	n, ok := text.ParseDecimal(args[0])
	if !ok || n == 0 || n > maxLoops {
		return 0, errors.New("invalid value")
	}
	return int(n), nil
}

// maxLoops bounds worker_processes, lest a slip of the pen fill the memory.
const maxLoops = 1024

func setUser(c *conf.Cursor, _ *conf.Block, m *Main, args []string) error {
	if m.User != nil {
		return errDuplicate
	}
	if os.Geteuid() != 0 {
		c.Warnf("the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored")
		m.User = &Account{}
		return nil
	}
	group := ""
	if len(args) == 2 {
		group = args[1]
	}
	a, err := lookupAccount(args[0], group)
	if err != nil {
		return c.Errorf("%s", err)
	}
	m.User = a
	return nil
}

func readEvents(c *conf.Cursor, _ *conf.Block, m *Main, _ []string) error {
	if m.events {
		return errDuplicate
	}
	m.events = true
	b := c.NewBlock(conf.Events)
	if err := c.Block(b); err != nil {
		return err
	}
	m.Connections = eventsSlot.Of(b).connections
	return nil
}

// warnLimits says so when there are fewer descriptors than connections are allowed.
func (m *Main) warnLimits(say *Messages) {
	limit, wanted := openFileLimit(), uint64(m.Connections)
	if wanted <= limit {
		return
	}
	if m.OpenFiles > 0 {
		limit = uint64(m.OpenFiles)
	}
	if wanted > limit {
		say.Write(logs.Warn, fmt.Sprintf("%d worker_connections exceed open file resource limit: %d", m.Connections, limit))
	}
}

// keepsEnv tells whether a variable of the environment stays, and which are set.
func (m *Main) applyEnv() {
	keep := []string{"TZ"}
	set := map[string]string{}
	for _, e := range m.Env {
		name, value, given := strings.Cut(e, "=")
		keep = append(keep, name)
		if given {
			set[name] = value
		}
	}
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !slices.Contains(keep, name) {
			os.Unsetenv(name)
		}
	}
	for name, value := range set {
		os.Setenv(name, value)
	}
}
