package core

import (
	"container/list"
	"time"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// FileCache is an open_file_cache: open descriptors, attributes and, if so configured, failures, by path. The blocks that
// inherit the directive share it.
//
// Each loop has a part of its own, as each worker of nginx has its own cache: looking a file up takes no lock, and costs
// less than the open it saves only for that reason. So there are up to `max` descriptors for each loop. What is out of
// use for `inactive` is dropped when the cache is used again, not by a timer.
type FileCache struct {
	Max      int
	Inactive time.Duration
	parts    []filePart // by loop, which alone uses it; made when the generation is compiled
}

// filePart is one loop's part of a FileCache.
type filePart struct {
	entries map[string]*cachedFile
	recent  list.List // of *cachedFile, the one used last first
}

// cachedFile is what is known of a path. A request that has been given its descriptor holds it until it ends; one that has been
// dropped from the cache meanwhile is closed then.
type cachedFile struct {
	part     *filePart
	element  *list.Element // in part.recent; nil = dropped
	name     string
	file     conn.File // none of a directory, of what could not be opened or was only looked at, or is used too little
	info     FileInfo
	err      *FileError
	links    symlinkCheck // that it was opened under
	looked   loop.Instant // when it was looked at
	used     loop.Instant // when it was used last
	uses     int
	minUses  int // below which it is not kept open
	requests int // that hold file
}

// symlinkCheck is what disable_symlinks says of one path.
type symlinkCheck struct {
	mode SymlinkMode
	from int
}

// addFileCache gives a cache its parts, one a loop.
func (g *Generation) addFileCache(c *FileCache) {
	if c == nil || c.parts != nil {
		return
	}
	c.parts = make([]filePart, max(len(g.Loops), 1))
	for i := range c.parts {
		c.parts[i].entries = map[string]*cachedFile{}
	}
	g.fileCaches = append(g.fileCaches, c)
}

// close closes all files. The generation has drained: no loop uses the cache, and what they did happened before that.
func (c *FileCache) close() {
	for i := range c.parts {
		for _, e := range c.parts[i].entries {
			e.drop()
		}
	}
}

// find returns what is known of a path, or comes to be known. To only look, the file is not opened, and the request
// does not hold it. A nil entry without an error is neither a file nor a directory, which is never cached.
func (c *FileCache) find(r *Request, path []byte, onlyLook bool) (*cachedFile, FileInfo, error) {
	id := r.Loop.ID()
	if id >= len(c.parts) {
		id = 0 // as in Generation.counter
	}
	p, now, conf := &c.parts[id], r.Loop.Now(), r.Location.Conf
	p.expire(now, c.Inactive)
	links := r.symlinkCheck(path)
	e := p.entries[string(path)]
	if e != nil {
		e.uses++
		if e.links != links || now.Sub(e.looked) >= conf.OpenFileCacheValid {
			e = e.validate(r, path, links, now)
		}
	}
	if e == nil || !e.known() {
		f, info, err := r.look(path, onlyLook)
		failure, _ := err.(*FileError)
		switch {
		case err != nil && (failure == nil || !conf.OpenFileCacheErrors), err == nil && !info.Dir && !info.Regular:
			if e != nil {
				e.drop()
			}
			return nil, info, err
		case e == nil:
			e = p.add(string(path), c, now)
		}
		e.file, e.info, e.err, e.links, e.looked = f, info, failure, links, now
	}
	e.touch(now)
	e.minUses = conf.OpenFileCacheMinUses
	if e.err != nil {
		op := "open()"
		if links.mode != SymlinksAllowed {
			op = "openat()"
		}
		return e, FileInfo{}, &FileError{op, e.err.Errno}
	}
	if !onlyLook && e.file.IsOpen() {
		e.requests++
		r.Main.files = append(r.Main.files, heldFile{cached: e})
	}
	return e, e.info, nil
}

// known tells whether an entry answers for the path. That of a file which is not kept open does not: it counts its uses.
func (e *cachedFile) known() bool { return e.err != nil || e.info.Dir || e.file.IsOpen() }

// validate looks at the path again: an open file that is still there stays open, with new attributes. Otherwise the entry
// becomes one to be filled anew, or, if requests still hold its file, is dropped.
func (e *cachedFile) validate(r *Request, path []byte, links symlinkCheck, now loop.Instant) *cachedFile {
	if e.file.IsOpen() && e.links == links {
		if _, info, err := r.look(path, true); err == nil && info.device == e.info.device && info.inode == e.info.inode {
			e.info, e.looked = info, now
			return e
		}
	}
	if e.requests > 0 {
		e.drop()
		return nil
	}
	e.shut()
	e.info, e.err = FileInfo{}, nil
	return e
}

// expire drops up to two entries that have been out of use too long: so old ones go faster than new ones come.
func (p *filePart) expire(now loop.Instant, inactive time.Duration) {
	for range 2 {
		e := p.oldest()
		if e == nil || now.Sub(e.used) <= inactive {
			return
		}
		e.drop()
	}
}

func (p *filePart) oldest() *cachedFile {
	if last := p.recent.Back(); last != nil {
		return last.Value.(*cachedFile)
	}
	return nil
}

// add makes an entry, in place of the one used longest ago if the cache is full.
func (p *filePart) add(name string, c *FileCache, now loop.Instant) *cachedFile {
	if len(p.entries) >= c.Max {
		p.oldest().drop()
		p.expire(now, c.Inactive)
	}
	e := &cachedFile{part: p, name: name, uses: 1}
	e.element = p.recent.PushFront(e)
	p.entries[name] = e
	return e
}

func (e *cachedFile) touch(now loop.Instant) {
	e.used = now
	e.part.recent.MoveToFront(e.element)
}

// drop takes an entry out of the cache. Its file is closed once no request holds it.
func (e *cachedFile) drop() {
	delete(e.part.entries, e.name)
	e.part.recent.Remove(e.element)
	e.element = nil
	if e.requests == 0 {
		e.shut()
	}
}

func (e *cachedFile) shut() {
	e.file.Close()
	e.file = conn.File{}
}

// release ends a request's hold.
func (e *cachedFile) release(now loop.Instant) {
	e.requests--
	if e.element != nil {
		e.touch(now)
	}
	if e.requests == 0 && (e.element == nil || e.uses < e.minUses) {
		e.shut()
	}
}
