package core

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

// disable_symlinks: a path is opened one component after the other, each in the directory opened before it, so that
// nobody can put a link in between the check and the use.

// unchecked is the length of the part of path that `from=` excepts, without its slash.
func (d *DisableSymlinks) unchecked(r *Request, path []byte) int {
	if d.From == nil {
		return 0
	}
	from := d.From.Eval(r)
	n := len(from)
	switch {
	case n == 0 || !bytes.HasPrefix(path, from):
		return 0
	case n == len(path) || path[n] == '/':
		return n
	case path[n-1] == '/':
		return n - 1
	}
	return 0
}

// openChecked opens path without following a link after its first `from` bytes that the mode refuses.
func openChecked(path string, from int, mode SymlinkMode) (int, error) {
	start := "."
	switch {
	case from > 0:
		start = path[:from]
	case strings.HasPrefix(path, "/"):
		start = "/"
	}
	dir, err := openAt(unix.AT_FDCWD, start, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, fileError("open()", err)
	}
	rest := strings.Trim(path[from:], "/")
	for {
		name, more, inside := strings.Cut(rest, "/")
		if name == "" { // of "//", or the path is the directory itself
			name = "."
		}
		flags := unix.O_RDONLY
		if inside {
			flags = unix.O_PATH | unix.O_DIRECTORY
		}
		fd, err := openNoLink(dir, name, flags, mode)
		unix.Close(dir)
		if err != nil || !inside {
			return fd, err
		}
		dir, rest = fd, more
	}
}

// openNoLink opens name in dir, which must not be a link, or (SymlinksIfNotOwner) not another's than what it leads to.
func openNoLink(dir int, name string, flags int, mode SymlinkMode) (int, error) {
	if mode == SymlinksRefused {
		fd, err := openAt(dir, name, flags|unix.O_NOFOLLOW)
		if err != nil {
			return -1, fileError("openat()", err)
		}
		return fd, nil
	}
	fd, err := openAt(dir, name, flags)
	if err != nil {
		return -1, fileError("openat()", err)
	}
	var link, target unix.Stat_t
	if err = unix.Fstatat(dir, name, &link, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		err = fileError("fstatat()", err)
	} else if err = unix.Fstat(fd, &target); err != nil {
		err = fileError("fstat()", err)
	} else if link.Uid != target.Uid {
		err = fileError("openat()", unix.ELOOP)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
