package logs

import (
	"os"
	"strconv"
	"sync"
	"time"
)

// maxLine is nginx's NGX_MAX_ERROR_STR: longer error lines are cut.
const maxLine = 2048

// Origin says where an error log message comes from.
type Origin struct {
	Now  time.Time // the loop's wall time
	Loop int       // the loop's number, which stands where nginx has the thread's
	Conn uint64    // the connection's number; 0 leaves "*N " out
}

// ErrorLog is what the error_log directives of one configuration level come to.
// Safe for all loops.
type ErrorLog struct {
	sinks []errorSink
	level Level // of the most talkative sink
}

type errorSink struct {
	level Level
	to    lineSink
}

// lineSink takes finished error log lines, with the line feed.
type lineSink interface {
	writeLine(line []byte, level Level, now time.Time)
	lost() int64
	close()
}

// Sink is one error_log directive.
type Sink struct {
	Target
	Level Level
}

// ErrorLog opens the sinks of one configuration level.
func (rg *Registry) ErrorLog(sinks ...Sink) (*ErrorLog, error) {
	l := &ErrorLog{}
	for _, s := range sinks {
		to, err := rg.openLine(s.Target)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.sinks = append(l.sinks, errorSink{level: s.Level, to: to})
		l.level = max(l.level, s.Level)
	}
	return l, nil
}

func (rg *Registry) openLine(t Target) (lineSink, error) {
	switch t.Kind {
	case ToStderr:
		return fileSink{StandardError()}, nil
	case ToMemory:
		return newRing(t.Size), nil
	case ToSyslog:
		return newSyslog(t.Syslog), nil
	}
	f, err := rg.Open(t.Path)
	if err != nil {
		return nil, err
	}
	return fileSink{f}, nil
}

// Close gives the files up. Nothing may log to l any more.
func (l *ErrorLog) Close() {
	for _, s := range l.sinks {
		s.to.close()
	}
	l.sinks, l.level = nil, Stderr
}

// Enabled reports whether anything is logged at level. Ask before building a message.
func (l *ErrorLog) Enabled(level Level) bool { return level <= l.level && len(l.sinks) > 0 }

// Dropped returns how many lines were dropped by sinks that were not read fast enough.
func (l *ErrorLog) Dropped() (n int64) {
	for _, s := range l.sinks {
		n += s.to.lost()
	}
	return n
}

// Level returns the least severe level that is logged.
func (l *ErrorLog) Level() Level { return l.level }

// lines holds buffers for lines under way: a line outlives the stack frame
// because sinks are interfaces.
var lines = sync.Pool{New: func() any { b := make([]byte, 0, maxLine); return &b }}

// Log writes one message, which is complete with its context (", client: ...").
// A line feed is added; the line is cut at 2048 bytes, as nginx's is.
func (l *ErrorLog) Log(o Origin, level Level, msg string) { logLine(l, o, level, msg) }

// LogBytes is Log for a message that was built in a buffer, which is not kept.
func (l *ErrorLog) LogBytes(o Origin, level Level, msg []byte) { logLine(l, o, level, msg) }

func logLine[T string | []byte](l *ErrorLog, o Origin, level Level, msg T) {
	if !l.Enabled(level) {
		return
	}
	buf := lines.Get().(*[]byte)
	line := appendHead((*buf)[:0], o, level)
	line = append(line, msg[:min(len(msg), maxLine-1-len(line))]...)
	line = append(line, '\n')
	for _, s := range l.sinks {
		if level <= s.level {
			s.to.writeLine(line, level, o.Now)
		}
	}
	lines.Put(buf)
}

var pid = os.Getpid()

// appendHead appends `2026/11/20 18:50:17 [error] 12#0: *7 `.
func appendHead(dst []byte, o Origin, level Level) []byte {
	dst = o.Now.AppendFormat(dst, "2006/01/02 15:04:05")
	dst = append(dst, " ["...)
	dst = append(dst, level.String()...)
	dst = append(dst, "] "...)
	dst = strconv.AppendInt(dst, int64(pid), 10)
	dst = append(dst, '#')
	dst = strconv.AppendInt(dst, int64(o.Loop), 10)
	dst = append(dst, ": "...)
	if o.Conn != 0 {
		dst = append(dst, '*')
		dst = strconv.AppendUint(dst, o.Conn, 10)
		dst = append(dst, ' ')
	}
	return dst
}

// fileSink writes lines to a file.
type fileSink struct{ *File }

func (s fileSink) writeLine(line []byte, _ Level, now time.Time) { s.Write(line, now) }
func (s fileSink) lost() int64                                   { return s.Dropped() }
func (s fileSink) close()                                        { s.Close() }

// Rings returns what the memory: sinks of l hold, oldest line first.
func (l *ErrorLog) Rings() (held [][]byte) {
	for _, s := range l.sinks {
		if r, ok := s.to.(*ring); ok {
			held = append(held, r.bytes())
		}
	}
	return held
}

// ring is a memory: sink: the last lines, in a buffer of fixed size.
type ring struct {
	mu      sync.Mutex
	buf     []byte
	at      int // where the next byte goes
	wrapped bool
}

func newRing(size int) *ring { return &ring{buf: make([]byte, size)} }

func (r *ring) writeLine(line []byte, _ Level, _ time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(line) > len(r.buf) {
		line = line[:len(r.buf)]
	}
	n := copy(r.buf[r.at:], line)
	r.at += n
	if n < len(line) || r.at == len(r.buf) {
		r.at = copy(r.buf, line[n:])
		r.wrapped = true
	}
}

func (r *ring) lost() int64 { return 0 }
func (r *ring) close()      {}

func (r *ring) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var held []byte
	if r.wrapped {
		held = append(held, r.buf[r.at:]...)
	}
	return append(held, r.buf[:r.at]...)
}
