package conf

import (
	"errors"
	"slices"
	"strings"

	"hearth/internal/text"
)

// InternalTuning has the rows of directives that tune what is inside nginx and not inside
// hearth: event methods, worker processes, memory pools, hash tables, ways of reading files.
// They are checked as nginx checks them and have no effect. A package that
// gives one of them an effect just has a row of its own, which goes first.
var InternalTuning = []Directive{
	// Processes.
	noEffect("master_process", Main, Flag, "on", "hearth is one process."),
	noEffect("timer_resolution", Main, Msec, "", "The clock is read once a turn of the loop."),
	noEffect("worker_priority", Main, priority, "0", "Set the priority of the process from outside."),
	noEffect("worker_cpu_affinity", Main, cpuMasks, "", "The Go scheduler places loops on processors.").takes(OneMore),
	noEffect("worker_rlimit_core", Main, Offset, "", "Set the limit of the process from outside."),
	noEffect("debug_points", Main, Enum(map[string]bool{"abort": true, "stop": true}), "", "hearth has no debug points."),
	noEffect("lock_file", Main, String, "logs/nginx.lock", "Loops of one process need no lock file."),
	noEffect("pcre_jit", Main, Flag, "off", "Regular expressions are not PCRE's."),
	noEffect("ssl_object_cache_inheritable", Main, Flag, "on", "hearth has no TLS yet."),
	Custom(tuned, Directive{Name: "thread_pool", In: Main, Args: Take23, NoEffect: true,
		Default: "default threads=32 max_queue=65536", Doc: "Blocking work runs on the Go runtime's threads."}, threadPool),
	{Name: "load_module", In: Main, NoEffect: true, Set: loadModule,
		Doc: "All modules are built in; a directive of one that is missing is an error by itself."},

	// Events.
	noEffect("use", Events, eventMethod, "epoll", "hearth always uses epoll."),
	noEffect("multi_accept", Events, Flag, "off", "A loop accepts several connections a turn."),
	noEffect("accept_mutex", Events, Flag, "off", "Loops do not compete for connections."),
	noEffect("accept_mutex_delay", Events, Msec, "500ms", "Loops do not compete for connections."),
	noEffect("worker_aio_requests", Events, Num, "32", "hearth does not use the kernel's AIO."),
	{Name: "debug_connection", In: Events, NoEffect: true, Set: accept(String),
		Doc: "Debug messages are for all connections or none."},

	// Memory and hash tables.
	noEffect("connection_pool_size", ToServer, poolSize, "512", "Memory is not taken from pools of this kind."),
	noEffect("request_pool_size", ToServer, poolSize, "4k", "Memory is not taken from pools of this kind."),
	noEffect("variables_hash_max_size", HTTP, Num, "1024", "Tables grow as needed."),
	noEffect("variables_hash_bucket_size", HTTP, Num, "64", "Tables grow as needed."),
	noEffect("server_names_hash_max_size", HTTP, Num, "512", "Tables grow as needed."),
	noEffect("server_names_hash_bucket_size", HTTP, Num, "64", "Tables grow as needed."),
	noEffect("map_hash_max_size", HTTP, Num, "2048", "Tables grow as needed."),
	noEffect("map_hash_bucket_size", HTTP, Num, "64", "Tables grow as needed."),
	noEffect("types_hash_max_size", ToLocation, Num, "1024", "Tables grow as needed."),
	noEffect("types_hash_bucket_size", ToLocation, Num, "64", "Tables grow as needed."),
	noEffect("proxy_headers_hash_max_size", ToLocation, Num, "512", "Tables grow as needed."),
	noEffect("proxy_headers_hash_bucket_size", ToLocation, Num, "64", "Tables grow as needed."),
	noEffect("referer_hash_max_size", Server|Location, Num, "2048", "Tables grow as needed."),
	noEffect("referer_hash_bucket_size", Server|Location, Num, "64", "Tables grow as needed."),

	// Reading files and writing to sockets.
	noEffect("sendfile", ToLocation|IfLocation, Flag, "off", "Large files are always sent with sendfile(2), small ones in one write with the head."),
	noEffect("sendfile_max_chunk", ToLocation, Size, "2m", "What one call sends of a file is bounded anyway."),
	noEffect("tcp_nopush", ToLocation, Flag, "off", "A head leaves in one write with what there is of the body; a large file follows it."),
	noEffect("aio", ToLocation, asyncIO, "off", "The loop reads files itself."),
	noEffect("aio_write", ToLocation, Flag, "off", "Where temporary files are written is not for choice."),
	noEffect("directio", ToLocation, Or("off", 0, Offset), "off", "Files are read through the page cache."),
	noEffect("directio_alignment", ToLocation, Offset, "512", "Files are read through the page cache."),
	noEffect("output_buffers", ToLocation, Buffers, "2 32k", "Files are not read into buffers of this kind.").takes(Take2),
	noEffect("read_ahead", ToLocation, Size, "0", "The kernel decides how far it reads ahead."),
	noEffect("send_lowat", ToLocation, lowat, "0", "Has no effect on Linux in nginx either."),
	noEffect("client_body_in_single_buffer", ToLocation, Flag, "off", "A body in memory is in one buffer."),
}

// noEffect is a row whose value is checked and forgotten.
func noEffect[T any](name string, in Context, check func(*Cursor, []string) (T, error), dflt, doc string) Directive {
	return Directive{Name: name, In: in, Once: true, NoEffect: true, Default: dflt, Doc: doc, Set: accept(check)}
}

func lowat(c *Cursor, args []string) (int64, error) {
	n, err := Size(c, args)
	if err == nil {
		c.Warnf("\"send_lowat\" is not supported, ignored")
	}
	return n, err
}

func accept[T any](check func(*Cursor, []string) (T, error)) func(*Cursor, *Block, []string) error {
	return func(c *Cursor, _ *Block, args []string) error {
		_, err := check(c, args)
		return err
	}
}

func (d Directive) takes(a Arity) Directive {
	d.Args = a
	return d
}

// tuning is what has to be remembered to refuse what nginx refuses.
type tuning struct{ threadPools []string }

var tuned = NewSlot[tuning](RootLevel)

func threadPool(c *Cursor, _ *Block, conf *tuning, args []string) error {
	if slices.Contains(conf.threadPools, args[0]) {
		return c.Errorf("duplicate thread pool \"%s\"", args[0])
	}
	conf.threadPools = append(conf.threadPools, args[0])
	hasThreads := args[0] == "default"
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		n, ok := text.ParseDecimal(value)
		switch {
		case name == "threads" && ok && n > 0:
			hasThreads = true
		case name == "threads":
			return c.Errorf("invalid threads value \"%s\"", arg)
		case name == "max_queue" && !ok:
			return c.Errorf("invalid max_queue value \"%s\"", arg)
		}
	}
	if !hasThreads {
		return c.Errorf("\"thread_pool\" must have \"threads\" parameter")
	}
	return nil
}

func loadModule(_ *Cursor, b *Block, _ []string) error {
	if len(b.Children) > 0 {
		return errors.New("is specified too late")
	}
	return nil
}

func priority(_ *Cursor, args []string) (int, error) {
	s := args[0]
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	n, ok := text.ParseDecimal(s)
	if !ok {
		return 0, errInvalidNumber
	}
	return int(n), nil
}

func cpuMasks(c *Cursor, args []string) ([]string, error) {
	masks := args
	if args[0] == "auto" {
		if masks = args[1:]; len(masks) > 1 {
			return nil, c.Errorf("invalid number of arguments in \"worker_cpu_affinity\" directive")
		}
	}
	for _, mask := range masks {
		if i := strings.LastIndexFunc(mask, func(r rune) bool { return r != '0' && r != '1' && r != ' ' }); i >= 0 {
			return nil, c.Errorf("invalid character \"%s\" in \"worker_cpu_affinity\"", mask[i:i+1])
		}
	}
	return masks, nil
}

func eventMethod(c *Cursor, args []string) (string, error) {
	if !slices.Contains([]string{"epoll", "poll", "select"}, args[0]) {
		return "", c.Errorf("invalid event type \"%s\"", args[0])
	}
	return args[0], nil
}

// poolSize has nginx's limits on 64-bit machines.
func poolSize(c *Cursor, args []string) (int64, error) {
	n, err := Size(c, args)
	switch {
	case err != nil:
		return 0, err
	case n < 112:
		return 0, c.Errorf("the pool size must be no less than 112")
	case n%16 != 0:
		return 0, c.Errorf("the pool size must be a multiple of 16")
	}
	return n, nil
}

func asyncIO(_ *Cursor, args []string) (string, error) {
	if s := args[0]; s != "on" && s != "off" && s != "threads" && !strings.HasPrefix(s, "threads=") {
		return "", errInvalidValue
	}
	return args[0], nil
}
