package accesslog

import (
	"syscall"

	"hearth/internal/core"
	"hearth/internal/logs"
	"hearth/internal/text"
)

// line is memory for lines and paths that a request object keeps for its next request.
type line struct{ buf []byte }

// Reset keeps the memory.
func (l *line) Reset() {}

var lines = core.NewLastingState[line]()

// write is the Log phase: a line to each log of the location.
func write(r *core.Request) core.Verdict {
	scratch := lines.Of(r)
	s := slot.Of(r.Location.Block)
	for _, log := range s.logs {
		if log.filter != nil && !log.filter.True(r) {
			continue
		}
		scratch.buf = log.format.append(scratch.buf[:0], r)
		if log.path != nil {
			log.writeToPath(r, s.caches[r.Loop.ID()], scratch.buf)
			continue
		}
		w := log.access.Writer(r.Loop.ID())
		if w.Line(scratch.buf, r.Loop.Wall()) {
			r.Loop.AtRest(w)
		}
	}
	return core.Declined
}

// writeToPath writes to the file that the log's path with variables leads to now. As requests choose the path, it is
// written only where the root directory of the request exists (documentation of access_log).
func (log *accessLog) writeToPath(r *core.Request, files *logs.PathCache, line []byte) {
	root := r.Root()
	if err := isDirectory(root); err != nil {
		r.ErrorErr(logs.Error, err, "testing \"%s\" existence failed", root)
		return
	}
	files.Line(log.path.Eval(r), line, r.Loop.Wall())
}

func isDirectory(path []byte) error {
	var st syscall.Stat_t
	if err := syscall.Stat(text.String(path), &st); err != nil {
		return err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		return syscall.ENOTDIR
	}
	return nil
}
