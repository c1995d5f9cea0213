package logs

import (
	"container/list"
	"time"

	"golang.org/x/sys/unix"
)

// PathCache writes access log lines to paths that hold variables, and keeps files
// open as open_log_file_cache says. One loop owns it; it needs no lock.
type PathCache struct {
	registry *Registry
	opts     PathCacheOptions
	reopened uint32
	byPath   map[string]*list.Element
	recent   *list.List // of *cachedPath, most recently used first
	buf      []byte     // a line with its line feed
	single   File       // for paths not kept open: remembers when an error was reported
}

// PathCacheOptions are open_log_file_cache's parameters.
type PathCacheOptions struct {
	Max      int           // files known; 0: off, each line opens and closes its file
	Inactive time.Duration // forgotten when not used for so long (default 10s)
	Valid    time.Duration // after this the path is checked to lead to the same file still (default 60s)
	MinUses  int           // uses within Inactive before a file is kept open (default 1)
}

type cachedPath struct {
	path    string
	uses    int
	used    time.Time
	checked time.Time
	dev     uint64
	inode   uint64
	file    File // fd -1 while not kept open
}

// NewPathCache returns an empty cache for one loop.
func (rg *Registry) NewPathCache(o PathCacheOptions) *PathCache {
	if o.Inactive == 0 {
		o.Inactive = 10 * time.Second
	}
	if o.Valid == 0 {
		o.Valid = 60 * time.Second
	}
	o.MinUses = max(o.MinUses, 1)
	return &PathCache{registry: rg, opts: o, byPath: map[string]*list.Element{}, recent: list.New(),
		single: File{registry: rg, fd: -1}}
}

// Line writes one line to the file at path; a line feed is added.
func (c *PathCache) Line(path, line []byte, now time.Time) {
	c.buf = append(append(c.buf[:0], line...), '\n')
	if c.opts.Max == 0 {
		c.once(&c.single, string(path), now)
		return
	}
	if n := c.registry.reopen.Load(); n != c.reopened {
		c.reopened = n
		c.Close()
	}
	c.expire(now)
	e := c.entry(path)
	if now.Sub(e.used) > c.opts.Inactive {
		e.uses = 0
	}
	e.uses++
	e.used = now
	if e.file.fd >= 0 && now.Sub(e.checked) >= c.opts.Valid && !e.current(now) {
		e.file.shut()
	}
	if e.file.fd < 0 && !c.open(e, now) {
		return
	}
	e.file.Write(c.buf, now)
	if e.uses < c.opts.MinUses {
		e.file.shut()
	}
}

// once opens, writes and closes.
func (c *PathCache) once(f *File, path string, now time.Time) {
	f.path = path
	if err := f.open(); err != nil {
		c.registry.failed(&f.lastFail, now, err.Error)
		return
	}
	f.Write(c.buf, now)
	f.shut()
}

// entry returns the path's entry, most recently used now; the least recently used makes room.
func (c *PathCache) entry(path []byte) *cachedPath {
	if el := c.byPath[string(path)]; el != nil {
		c.recent.MoveToFront(el)
		return el.Value.(*cachedPath)
	}
	if c.recent.Len() >= c.opts.Max {
		c.drop(c.recent.Back())
	}
	e := &cachedPath{path: string(path)}
	e.file = File{path: e.path, registry: c.registry, fd: -1}
	c.byPath[e.path] = c.recent.PushFront(e)
	return e
}

func (c *PathCache) open(e *cachedPath, now time.Time) bool {
	err := e.file.open()
	var st unix.Stat_t
	if err == nil {
		err = unix.Fstat(e.file.fd, &st)
	}
	if err != nil {
		e.file.shut()
		c.registry.failed(&e.file.lastFail, now, err.Error)
		return false
	}
	e.dev, e.inode, e.checked = st.Dev, st.Ino, now
	return true
}

// current reports whether the path still leads to the open file.
func (e *cachedPath) current(now time.Time) bool {
	var st unix.Stat_t
	if unix.Stat(e.path, &st) != nil || st.Dev != e.dev || st.Ino != e.inode {
		return false
	}
	e.checked = now
	return true
}

// expire forgets what was not used for long, from the old end: at most two a
// line, so that no line pays for all.
func (c *PathCache) expire(now time.Time) {
	for range 2 {
		el := c.recent.Back()
		if el == nil || now.Sub(el.Value.(*cachedPath).used) <= c.opts.Inactive {
			return
		}
		c.drop(el)
	}
}

func (c *PathCache) drop(el *list.Element) {
	e := c.recent.Remove(el).(*cachedPath)
	delete(c.byPath, e.path)
	e.file.shut()
}

// Open returns how many files are kept open.
func (c *PathCache) Open() (n int) {
	for el := c.recent.Front(); el != nil; el = el.Next() {
		if el.Value.(*cachedPath).file.fd >= 0 {
			n++
		}
	}
	return n
}

// Close closes every file.
func (c *PathCache) Close() {
	for c.recent.Len() > 0 {
		c.drop(c.recent.Back())
	}
}
