package autoindex

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"hearth/internal/text"
)

// entry is a file of the directory. One that is neither dir nor file is listed as "other".
type entry struct {
	name        string
	dir, file   bool
	mtime, size int64
}

// readError is what kept the directory from being read.
type readError struct {
	op, path string
	errno    syscall.Errno
}

func (e *readError) Error() string { return e.op + " \"" + e.path + "\" failed: " + e.errno.Error() }

func failed(op, path string, err error) error {
	errno := unix.EIO
	errors.As(err, &errno)
	return &readError{op, path, errno}
}

// readDir reads a directory: directories first, then by name. Names that begin with a dot are left out, and so are files
// that must not be looked at.
func readDir(path string) ([]entry, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, failed("opendir()", path, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, failed("readdir()", path, err)
	}
	var entries []entry
	for _, name := range names {
		if name[0] == '.' {
			continue
		}
		e, err := look(path, name)
		switch {
		case err == nil:
			entries = append(entries, e)
		case err.errno == unix.EACCES || err.errno == unix.ENOENT: // or removed meanwhile
		default:
			return nil, err
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.dir != b.dir {
			if a.dir {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return entries, nil
}

// look follows links; one that leads nowhere is listed itself.
func look(dir, name string) (entry, *readError) {
	path := dir + "/" + name
	var st unix.Stat_t
	op, err := "stat()", unix.Stat(path, &st)
	if err == unix.ENOENT || err == unix.ELOOP {
		op, err = "lstat()", unix.Lstat(path, &st)
	}
	if err != nil {
		return entry{}, failed(op, path, err).(*readError)
	}
	kind := st.Mode & unix.S_IFMT
	return entry{name, kind == unix.S_IFDIR, kind == unix.S_IFREG, st.Mtim.Sec, st.Size}, nil
}

// argument is the value of the first argument of that name in a query string.
func argument(args []byte, name string) []byte {
	for len(args) > 0 {
		var arg []byte
		arg, args, _ = bytes.Cut(args, []byte("&"))
		if key, value, ok := bytes.Cut(arg, []byte("=")); ok && text.EqualFold(key, name) {
			return value
		}
	}
	return nil
}
