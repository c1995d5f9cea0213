package logs

import (
	"bytes"
	"compress/gzip"
	"sync"
	"time"
)

const (
	// turnLimit is how much of a turn's lines is gathered before it is written
	// without waiting for the end of the turn.
	turnLimit = 64 << 10
	// gzipBuffer is nginx's default of buffer= when gzip= is given.
	gzipBuffer = 64 << 10
)

// AccessOptions are the parameters of an access_log directive.
type AccessOptions struct {
	Target
	Buffer int           // buffer=; 0: written at the end of each turn
	Flush  time.Duration // flush=; 0: only when the buffer is full
	Gzip   int           // gzip= level 1 to 9; 0: none
}

// Access is an open access log: one buffer for each loop.
type Access struct {
	opts     AccessOptions
	registry *Registry
	file     *File       // nil for syslog
	syslog   *syslogSink // nil for files
	writers  []Writer
}

// Access opens an access log. Each needs one Close.
func (rg *Registry) Access(o AccessOptions) (*Access, error) {
	if o.Gzip > 0 && o.Buffer == 0 {
		o.Buffer = gzipBuffer
	}
	a := &Access{opts: o, registry: rg, writers: make([]Writer, rg.loops)}
	for i := range a.writers {
		a.writers[i].access = a
	}
	switch o.Kind {
	case ToSyslog:
		a.syslog = newSyslog(o.Syslog)
		return a, nil
	case ToStderr:
		a.file = StandardError()
	default:
		f, err := rg.Open(o.Path)
		if err != nil {
			return nil, err
		}
		a.file = f
	}
	if o.Buffer > 0 {
		rg.watch(a)
	}
	return a, nil
}

// Writer returns the part of the log that belongs to a loop.
func (a *Access) Writer(loop int) *Writer { return &a.writers[loop] }

// Flush writes what the buffers hold. Any goroutine.
func (a *Access) Flush() {
	for i := range a.writers {
		a.writers[i].Flush()
	}
}

// Dropped returns how many lines were dropped by a pipe or a syslog server that was not
// fast enough.
func (a *Access) Dropped() int64 {
	if a.syslog != nil {
		return a.syslog.lost()
	}
	return a.file.Dropped()
}

// Close flushes and gives the file up. No loop may write to a any more.
func (a *Access) Close() {
	a.registry.unwatch(a)
	a.Flush()
	if a.syslog != nil {
		a.syslog.close()
	} else {
		a.file.Close()
	}
}

// Writer is one loop's part of an access log.
type Writer struct {
	access *Access

	mu     sync.Mutex // the loop against the flusher, Reopen and Close; hardly ever contended
	buf    []byte
	wall   time.Time // of the last line
	since  time.Time // when the flusher first saw buf not empty
	queued bool      // EndTurn is due

	zip *gzip.Writer
	out bytes.Buffer // what zip wrote

	_ [64]byte // keep loops' writers off each other's cache lines
}

// Line adds one line; a line feed is added. When it returns true, the caller hands
// the writer to the loop's AtRest, so that all lines of a turn, or of several, are one write.
func (w *Writer) Line(line []byte, now time.Time) (endOfTurn bool) {
	a := w.access
	if a.syslog != nil {
		a.syslog.send(line, a.syslog.Severity, now)
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wall = now
	limit := a.opts.Buffer
	if limit == 0 {
		limit = turnLimit
	}
	if len(w.buf) > 0 && len(w.buf)+len(line)+1 > limit {
		w.flush()
	}
	w.buf = append(append(w.buf, line...), '\n')
	if len(w.buf) >= limit {
		w.flush()
		return false
	}
	if a.opts.Buffer > 0 || w.queued {
		return false
	}
	w.queued = true
	return true
}

// EndTurn writes the lines of the turn. It is the loop's end-of-turn hook.
func (w *Writer) EndTurn() {
	w.mu.Lock()
	w.queued = false
	w.flush()
	w.mu.Unlock()
}

// Flush writes what the buffer holds. Any goroutine.
func (w *Writer) Flush() {
	w.mu.Lock()
	w.flush()
	w.mu.Unlock()
}

// flush writes the buffer, called with mu held. What cannot be written is lost: requests go on.
func (w *Writer) flush() {
	if len(w.buf) == 0 {
		return
	}
	p := w.buf
	if w.access.opts.Gzip > 0 {
		p = w.compress(p)
	}
	w.access.file.Write(p, w.wall)
	w.buf = w.buf[:0]
	w.since = time.Time{}
	if limit := max(turnLimit, w.access.opts.Buffer); cap(w.buf) > 2*limit {
		w.buf = nil // one huge line must not hold its memory for ever
	}
}

// compress makes p one gzip member: members follow each other in the file, and
// every flushed buffer can be read.
func (w *Writer) compress(p []byte) []byte {
	w.out.Reset()
	if w.zip == nil {
		w.zip, _ = gzip.NewWriterLevel(&w.out, w.access.opts.Gzip)
	} else {
		w.zip.Reset(&w.out)
	}
	w.zip.Write(p)
	w.zip.Close()
	return w.out.Bytes()
}
