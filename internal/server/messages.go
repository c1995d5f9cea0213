package server

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"hearth/internal/logs"
)

// Messages is where the process itself logs: the error log in force and, until the start is over, the standard error.
type Messages struct {
	mu     sync.Mutex // guards what follows; writers are the starting goroutine, then those of signals and loops
	log    *logs.ErrorLog
	first  *logs.ErrorLog // what -e names, ours, until the configuration's log takes over; nil then
	sinks  []logs.Sink
	stderr io.Writer // nil once started
}

// NewMessages returns messages for the time before there is an error log.
func NewMessages(stderr io.Writer) *Messages { return &Messages{stderr: stderr} }

// Use makes log, with these sinks, what is written to.
func (m *Messages) Use(log *logs.ErrorLog, sinks []logs.Sink) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first != nil { // it would stay open under its old name when logs are reopened
		m.first.Close()
		m.first = nil
	}
	m.log, m.sinks = log, sinks
}

// useFirst makes log what is written to until Use, which closes it.
func (m *Messages) useFirst(log *logs.ErrorLog, sink logs.Sink) {
	m.Use(log, []logs.Sink{sink})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first = log
}

// Started ends the time in which warnings and worse go to the standard error too.
func (m *Messages) Started() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stderr = nil
}

// Write logs a message. During the start a warning or worse appears on the standard error as nginx has it, "hearth: [emerg]
// ...", and there only once, even if the standard error is the log too.
func (m *Messages) Write(level logs.Level, msg string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stderr != nil && level <= logs.Warn {
		fmt.Fprintf(m.stderr, "hearth: [%s] %s\n", level, msg)
		if slices.ContainsFunc(m.sinks, func(s logs.Sink) bool { return s.Kind == logs.ToStderr }) {
			return
		}
	}
	if m.log != nil {
		m.log.Log(logs.Origin{Now: time.Now()}, level, msg)
	}
}

func (m *Messages) writef(level logs.Level, format string, args ...any) {
	m.Write(level, fmt.Sprintf(format, args...))
}

// Quiet returns messages that go nowhere: for reading a configuration that will be read again.
func (m *Messages) Quiet() *Messages { return &Messages{} }
