package logs

import (
	"sync"
	"sync/atomic"
	"time"
)

// Registry holds the open log files of the process, one per path, over all
// configuration generations: a reload opens the new generation's logs before it
// closes the old one's, and a path in both stays open.
type Registry struct {
	// OnError, if set, is told of log files that cannot be written, at most
	// once a second for each. It may be called from any goroutine, and must
	// not write to the log that failed.
	OnError func(msg string)

	loops  int
	reopen atomic.Uint32 // counts Reopen: path caches drop what is older

	mu     sync.Mutex // guards what follows; never held during a write
	files  map[string]*File
	access []*Access     // those with flush=, for the flusher
	stop   chan struct{} // ends the flusher; nil while none runs
}

// NewRegistry returns a registry for that many loops.
func NewRegistry(loops int) *Registry {
	return &Registry{loops: loops, files: map[string]*File{}}
}

// Open opens the log file at path, or takes it over if it is open. Each Open
// needs one File.Close. The error is nginx's `open() "path" failed (2: No such file or directory)`.
func (rg *Registry) Open(path string) (*File, error) {
	rg.mu.Lock()
	defer rg.mu.Unlock()
	if f := rg.files[path]; f != nil {
		f.users++
		return f, nil
	}
	f := &File{path: path, registry: rg, users: 1}
	if err := f.open(); err != nil {
		return nil, err
	}
	rg.files[path] = f
	return f, nil
}

// Reopen opens every log file anew, as on USR1 after logs were rotated. A file that
// cannot be opened goes on being written to where it is; the first error is
// returned. uid and gid, unless -1, become owners of the new files, so that unprivileged
// processes can open them too.
func (rg *Registry) Reopen(uid, gid int) error {
	rg.reopen.Add(1)
	rg.flushAll()
	rg.mu.Lock()
	defer rg.mu.Unlock()
	var first error
	for _, f := range rg.files {
		if err := f.reopen(uid, gid); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// flushAll writes what the buffered access logs hold.
func (rg *Registry) flushAll() {
	rg.mu.Lock()
	access := append([]*Access(nil), rg.access...)
	rg.mu.Unlock()
	for _, a := range access {
		a.Flush()
	}
}

// failed reports a write error, at most once a second per file. now is zero
// where the caller has no clock: then the time of the last line counts.
func (rg *Registry) failed(last *atomic.Int64, now time.Time, msg func() string) {
	sec := now.Unix()
	if old := last.Load(); old == sec || !last.CompareAndSwap(old, sec) {
		return
	}
	if rg.OnError != nil {
		rg.OnError(msg())
	}
}
