// Package logs writes the error log and the access logs: nginx's levels and
// line formats, files shared by path and reopened on a signal, syslog, batched
// and compressed access logs, escapes.
//
// It is not the place where a log line's contents are decided: callers hand in
// finished messages. It reads no clock: callers pass the loop's wall time.
package logs

import "fmt"

// Level is the severity of an error log message, most severe first.
type Level uint8

const (
	Stderr Level = iota // logs nothing: only as a sink's level
	Emerg
	Alert
	Crit
	Error
	Warn
	Notice
	Info
	Debug
)

var levelNames = [...]string{"stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// String returns the level's name as it stands in "[error]".
func (l Level) String() string { return levelNames[l] }

// ParseLevel parses the level of an error_log directive.
func ParseLevel(s string) (Level, error) {
	for i, name := range levelNames {
		if s == name && i > 0 {
			return Level(i), nil
		}
	}
	switch s { // nginx's partial debug levels
	case "debug_core", "debug_alloc", "debug_mutex", "debug_event", "debug_http", "debug_mail", "debug_stream":
		return Debug, nil
	}
	return 0, fmt.Errorf(`invalid log level "%s"`, s)
}
