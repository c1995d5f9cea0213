package core

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"hearth/internal/conf"
	"hearth/internal/text"
)

// TempPath is a directory for temporary files, with up to three levels of directories inside whose names are taken
// from the end of the file's number (`client_body_temp_path /spool 1 2`).
type TempPath struct {
	Dir    string
	Levels []int
}

// digits is the length of a temporary file's name; the levels together can take no more of it.
const digits = 10

// ParseTempPath parses `path [level1 [level2 [level3]]]`.
func ParseTempPath(c *conf.Cursor, args []string) (TempPath, error) {
	p := TempPath{Dir: c.FullPath(args[0], false)}
	if n := len(p.Dir); n > 1 && p.Dir[n-1] == '/' {
		p.Dir = p.Dir[:n-1]
	}
	length := 0
	for _, arg := range args[1:] {
		n, ok := text.ParseDecimal(arg)
		if !ok || n == 0 || n > digits {
			return p, errInvalidValue
		}
		p.Levels = append(p.Levels, int(n))
		length += int(n)
	}
	if length > digits {
		return p, errInvalidValue
	}
	m := mainSlot.Of(c.In())
	m.tempPaths = append(m.tempPaths, p.Dir)
	return p, nil
}

// TempPaths are the directories for temporary files that the configuration names. They are made when they are first
// used, by whom the process works as then; the server makes them before if it is about to become someone else.
func (g *Generation) TempPaths() []string {
	if g.HTTP == nil {
		return nil
	}
	return mainSlot.Of(g.HTTP).tempPaths
}

// tempNumber counts temporary files of the process, all loops alike.
var tempNumber atomic.Uint64

// Create makes a new file, and the directories it is in. It may block: call it in Loop.Await. path is set on errors too.
func (p TempPath) Create() (f *os.File, path string, err error) {
	for range 100 {
		path = p.name(tempNumber.Add(1))
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsNotExist(err) {
			if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return nil, path, err
			}
			f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		}
		if !os.IsExist(err) {
			return f, path, err
		}
	}
	return nil, path, err
}

// name is the path of a file: its number in ten digits, below directories named by the digits from the end.
func (p TempPath) name(n uint64) string {
	file := fmt.Sprintf("%0*d", digits, n)
	dir, end := p.Dir, len(file)
	for _, level := range p.Levels {
		from := max(end-level, 0)
		dir = filepath.Join(dir, file[from:end])
		end = from
	}
	return filepath.Join(dir, file)
}
