package coretest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/loop"
)

// Server is a configuration that is being served on a Sim.
type Server struct {
	Sim      *loop.Sim
	Loop     *loop.Loop
	Gen      *core.Generation
	Dir      string             // the prefix: relative names in the configuration start here
	Logs     *logs.Registry     // open log files
	Warnings []string           // of loading
	Remote   conn.Addr          // the client of the next requests; 127.0.0.1:40000 at first
	Local    conn.Addr          // the address it comes to; the first listen address with 127.0.0.1 at first
	Extra    [][]conf.Directive // rows outside http, for Load
	Net      *conn.FakeNet      // where backends are; for New none

	t       testing.TB
	modules []*core.Module
	log     *logs.ErrorLog
	client  *core.Client
	calls   []*Call
	number  int
}

// Run serves one request and returns the response. See Wrap for what config may be.
func Run(t testing.TB, modules []*core.Module, config, request string) *Response {
	t.Helper()
	return New(t, modules, config).Do(request)
}

// Wrap completes a configuration: text without an http block is put into one, and text without a server block into a
// server on port 80 before that. So the shortest ones are only locations, or directives of a server.
func Wrap(config string) string {
	if has(config, "http") {
		return config
	}
	if !has(config, "server") {
		listen := ""
		if !strings.Contains(config, "listen ") {
			listen = "listen 80;"
		}
		config = "server { " + listen + "\n" + config + "\n}"
	}
	return "http {\n" + config + "\n}"
}

// has tells whether a block directive of that name begins a line.
func has(config, name string) bool {
	for line := range strings.Lines(config) {
		for part := range strings.SplitSeq(line, ";") {
			if fields := strings.Fields(part); len(fields) > 0 && (fields[0] == name && len(fields) > 1 && fields[1] == "{" || fields[0] == name+"{") {
				return true
			}
		}
	}
	return false
}

// New loads and compiles a configuration, which must be good.
func New(t testing.TB, modules []*core.Module, config string) *Server {
	t.Helper()
	s := newServer(t, modules)
	if err := s.load(config); err != nil {
		t.Fatalf("loading the configuration: %v", err)
	}
	return s
}

// NewOn is New with a network, on which backends may listen.
func NewOn(t testing.TB, modules []*core.Module, config string) *Server {
	t.Helper()
	s := newServer(t, modules)
	s.Net = conn.NewFakeNet(s.Sim)
	if err := s.load(config); err != nil {
		t.Fatalf("loading the configuration: %v", err)
	}
	return s
}

// LoadError returns the error of a configuration that is refused, "" if it is not. "in FILE:LINE" counts from the
// line after those that Wrap adds.
func LoadError(t testing.TB, modules []*core.Module, config string) string {
	t.Helper()
	if err := newServer(t, modules).load(config); err != nil {
		return err.Error()
	}
	return ""
}

// Warnings returns what loading a good configuration warned of.
func Warnings(t testing.TB, modules []*core.Module, config string) []string {
	t.Helper()
	return New(t, modules, config).Warnings
}

func newServer(t testing.TB, modules []*core.Module) *Server {
	t.Helper()
	sim := loop.NewSim()
	s := &Server{
		Sim: sim, Loop: sim.Loop(), Dir: t.TempDir() + "/", Logs: logs.NewRegistry(1),
		Remote: conn.MustAddr("127.0.0.1:40000"), t: t, modules: modules,
	}
	os.Mkdir(filepath.Join(s.Dir, "logs"), 0o755)
	log, err := s.Logs.ErrorLog(logs.Sink{Target: logs.Target{Kind: logs.ToMemory, Size: 1 << 20}, Level: logs.Debug})
	if err != nil {
		t.Fatal(err)
	}
	s.log = log
	t.Cleanup(func() {
		if s.Gen != nil {
			s.Gen.Close()
		}
		sim.Stop()
	})
	return s
}

// load reads and compiles a configuration. Its file is called nginx.conf.
func (s *Server) load(config string) error {
	text := Wrap(config)
	offset := strings.Count(text[:strings.Index(text, config)], "\n")
	o := conf.Options{
		File: "nginx.conf", Prefix: s.Dir, Schema: core.NewSchema(s.modules, s.Extra...),
		Warn: func(_, msg string) { s.Warnings = append(s.Warnings, s.place(msg, offset)) },
		ReadFile: func(name string) ([]byte, error) {
			if name == s.Dir+"nginx.conf" {
				return []byte(text), nil
			}
			return os.ReadFile(name)
		},
		Glob: filepath.Glob,
	}
	cfg, err := conf.Load(o)
	if err != nil {
		return errorText(s.place(err.Error(), offset))
	}
	carried := core.NewRegistry()
	number := 1
	if s.Gen != nil {
		carried, number = s.Gen.Carried.Next(), s.Gen.Number+1
	}
	options := core.Options{
		Number: number, Modules: s.modules, Loops: []*loop.Loop{s.Loop}, Logs: s.Logs, Carried: carried, ErrorLog: s.log,
		Warn: func(_, msg string) { s.Warnings = append(s.Warnings, msg) },
	}
	if s.Net != nil {
		options.Dialer = s.Net
	}
	g, err := core.Compile(cfg, options)
	if err != nil {
		return errorText(s.place(err.Error(), offset))
	}
	s.Gen = g
	return nil
}

type errorText string

func (e errorText) Error() string { return string(e) }

// Reload serves another configuration from now on, and returns the generation before, which the test closes.
func (s *Server) Reload(config string) *core.Generation {
	s.t.Helper()
	old := s.Gen
	if err := s.load(config); err != nil {
		s.t.Fatalf("loading the configuration: %v", err)
	}
	return old
}

// File writes a file below Dir, with the directories it is in, and returns its full name.
func (s *Server) File(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// ReadFile returns the content of a file below Dir.
func (s *Server) ReadFile(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

// place makes a message independent of the directory and of the lines that Wrap added.
func (s *Server) place(msg string, offset int) string {
	msg = strings.ReplaceAll(msg, s.Dir, "")
	at := strings.LastIndex(msg, "nginx.conf:")
	if at < 0 {
		return msg
	}
	at += len("nginx.conf:")
	n, end := 0, at
	for ; end < len(msg) && msg[end] >= '0' && msg[end] <= '9'; end++ {
		n = n*10 + int(msg[end]-'0')
	}
	return msg[:at] + itoa(n-offset) + msg[end:]
}

// Log returns the error log lines so far, without time and process: "[error] *1 open() ... client: 127.0.0.1, ...".
func (s *Server) Log() []string {
	var lines []string
	for _, held := range s.log.Rings() {
		for line := range strings.Lines(string(held)) {
			_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " [")
			level, rest, _ := strings.Cut(line, "] ")
			_, msg, _ := strings.Cut(rest, ": ")
			if strings.HasPrefix(msg, "*") {
				_, msg, _ = strings.Cut(msg, " ")
			}
			lines = append(lines, "["+level+"] "+strings.ReplaceAll(msg, s.Dir, ""))
		}
	}
	return lines
}
