package logs

import (
	"fmt"
	"strings"
)

// TargetKind is where a log goes.
type TargetKind uint8

const (
	ToFile TargetKind = iota
	ToStderr
	ToSyslog
	ToMemory
)

// Target is the first argument of error_log or access_log.
type Target struct {
	Kind   TargetKind
	Path   string // ToFile: as written; the caller makes it absolute before opening
	Syslog Syslog
	Size   int // ToMemory: bytes
}

// ParseErrorTarget parses the first argument of error_log. size parses nginx sizes.
func ParseErrorTarget(arg string, size func(string) (int64, bool)) (Target, error) {
	switch {
	case arg == "stderr":
		return Target{Kind: ToStderr}, nil
	case strings.HasPrefix(arg, "memory:"):
		n, ok := size(arg[len("memory:"):])
		if !ok || n <= 0 {
			return Target{}, fmt.Errorf(`invalid buffer size "%s"`, arg[len("memory:"):])
		}
		return Target{Kind: ToMemory, Size: int(n)}, nil
	}
	return ParseAccessTarget(arg)
}

// ParseAccessTarget parses the first argument of access_log other than "off".
func ParseAccessTarget(arg string) (Target, error) {
	if rest, ok := strings.CutPrefix(arg, "syslog:"); ok {
		s, err := parseSyslog(rest)
		return Target{Kind: ToSyslog, Syslog: s}, err
	}
	return Target{Kind: ToFile, Path: arg}, nil
}
