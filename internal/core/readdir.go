package core

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"hearth/internal/logs"
)

// ReadDir reads the directory that the request is for, in no order. Hidden files are left out. If it cannot, it says so in the
// error log, and the verdict is the answer; else that is OK. It runs on a goroutine of its own, since it takes a system
// call for each of the files.
func (r *Request) ReadDir() (entries []DirEntry, verdict Verdict) {
	path := string(r.Filename())
	if n := len(path) - 1; n > 0 {
		path = path[:n]
	}
	var err error
	r.Loop.Await(func() { entries, err = readDir(path) })
	var e *dirError
	switch {
	case err == nil:
		return entries, OK
	case !errors.As(err, &e):
		return nil, 500
	}
	level := logs.Crit
	verdict = 500
	if e.op == "opendir()" {
		switch e.errno {
		case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL:
			level, verdict = logs.Error, 404
		case syscall.EACCES:
			level, verdict = logs.Error, 403
		}
	}
	r.ErrorErr(level, e.errno, "%s \"%s\" failed", e.op, e.path)
	return nil, verdict
}

// DirEntry is a file of a directory.
type DirEntry struct {
	Name string
	FileInfo
}

// dirError is what kept the directory from being read.
type dirError struct {
	op, path string
	errno    syscall.Errno
}

func (e *dirError) Error() string { return e.op + " \"" + e.path + "\" failed: " + e.errno.Error() }

func dirFailed(op, path string, err error) error {
	errno := unix.EIO
	errors.As(err, &errno)
	return &dirError{op, path, errno}
}

// readDir reads a directory, in no order. Names that begin with a dot are left out, and so are files
// that must not be looked at.
func readDir(path string) ([]DirEntry, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, dirFailed("opendir()", path, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, dirFailed("readdir()", path, err)
	}
	var entries []DirEntry
	for _, name := range names {
		if name[0] == '.' {
			continue
		}
		e, err := lookAt(path, name)
		switch {
		case err == nil:
			entries = append(entries, e)
		case err.errno == unix.EACCES || err.errno == unix.ENOENT: // or removed meanwhile
		default:
			return nil, err
		}
	}
	return entries, nil
}

// lookAt follows links; one that leads nowhere is listed itself.
func lookAt(dir, name string) (DirEntry, *dirError) {
	path := dir + "/" + name
	var st unix.Stat_t
	op, err := "stat()", unix.Stat(path, &st)
	if err == unix.ENOENT || err == unix.ELOOP {
		op, err = "lstat()", unix.Lstat(path, &st)
	}
	if err != nil {
		return DirEntry{}, dirFailed(op, path, err).(*dirError)
	}
	return DirEntry{name, infoOf(st.Mode, st.Size, st.Mtim.Sec, st.Dev, st.Ino)}, nil
}
