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

// ParseLevel parses the name of a level.
func ParseLevel(s string) (Level, error) {
	for i, name := range levelNames {
		if s == name && i > 0 {
			return Level(i), nil
		}
	}
	if partialDebug[s] {
		return Debug, nil
	}
	return 0, fmt.Errorf(`invalid log level "%s"`, s)
}

// ParseLevels parses the levels of an error_log directive: one, or several parts of debug.
func ParseLevels(words []string) (Level, error) {
	level, err := ParseLevel(words[0])
	for _, s := range words[1:] {
		if err != nil {
			break
		}
		_, err = ParseLevel(s)
		switch {
		case err != nil:
		case !partialDebug[s]:
			err = fmt.Errorf(`duplicate log level "%s"`, s)
		case !partialDebug[words[0]]:
			err = fmt.Errorf(`invalid log level "%s"`, s)
		}
	}
	return level, err
}

// partialDebug are nginx's parts of the debug level; here any of them is all of it.
var partialDebug = map[string]bool{
	"debug_core": true, "debug_alloc": true, "debug_mutex": true, "debug_event": true, "debug_http": true, "debug_mail": true, "debug_stream": true,
}
