package core

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"hearth/internal/text"
)

// FileInfo is what serving a file takes of its attributes.
type FileInfo struct {
	Size    int64
	ModTime int64 // Unix seconds
	Dir     bool
	Regular bool
}

// FileError is why a file cannot be had, and the operation that failed as nginx names it ("open()").
type FileError struct {
	Op    string
	Errno syscall.Errno
}

func (e *FileError) Error() string { return e.Op + " failed: " + e.Errno.Error() }

// Missing says that there is no file of that name: 404.
func (e *FileError) Missing() bool {
	return e.Errno == unix.ENOENT || e.Errno == unix.ENOTDIR || e.Errno == unix.ENAMETOOLONG || e.Errno == unix.EINVAL
}

// Linked says that disable_symlinks refuses the path: 403.
func (e *FileError) Linked() bool { return e.Errno == unix.ELOOP || e.Errno == unix.EMLINK }

// OpenFile opens a file for reading, under the location's disable_symlinks. The caller closes it before the request
// ends. For a directory, or anything else that is not a regular file, it is nil: such are never read.
//
// It runs on the loop. What is in the kernel's caches is opened, looked at and closed in 1.2 µs; Await would cost as much
// again and wake another thread. A slow disk holds up this loop, as it holds up a worker of nginx, but not the others,
// since the scheduler is told of the calls.
// O_NONBLOCK keeps FIFOs and devices from blocking.
func (r *Request) OpenFile(path []byte) (*os.File, FileInfo, error) {
	fd, err := r.openPath(path)
	if err != nil {
		return nil, FileInfo{}, err
	}
	info, err := statFD(fd)
	if err != nil || !info.Regular {
		unix.Close(fd)
		return nil, info, err
	}
	return os.NewFile(uintptr(fd), text.String(path)), info, nil
}

// StatFile is the attributes of what a path leads to, under the location's disable_symlinks.
func (r *Request) StatFile(path []byte) (FileInfo, error) {
	if r.Location.Conf.DisableSymlinks.Mode != SymlinksAllowed {
		fd, err := r.openPath(path)
		if err != nil {
			return FileInfo{}, err
		}
		defer unix.Close(fd)
		return statFD(fd)
	}
	var st unix.Stat_t
	if err := retry(func() error { return unix.Stat(text.String(path), &st) }); err != nil {
		return FileInfo{}, fileError("stat()", err)
	}
	return infoOf(&st), nil
}

func (r *Request) openPath(path []byte) (int, error) {
	if links := &r.Location.Conf.DisableSymlinks; links.Mode != SymlinksAllowed {
		if from := links.unchecked(r, path); from < len(path) {
			return openChecked(text.String(path), from, links.Mode)
		}
	}
	fd, err := openAt(unix.AT_FDCWD, text.String(path), unix.O_RDONLY)
	if err != nil {
		return -1, fileError("open()", err)
	}
	return fd, nil
}

func openAt(dir int, name string, flags int) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(dir, name, flags|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		return err
	})
	return fd, err
}

func statFD(fd int) (FileInfo, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return FileInfo{}, fileError("fstat()", err)
	}
	return infoOf(&st), nil
}

func infoOf(st *unix.Stat_t) FileInfo {
	kind := st.Mode & unix.S_IFMT
	return FileInfo{Size: st.Size, ModTime: st.Mtim.Sec, Dir: kind == unix.S_IFDIR, Regular: kind == unix.S_IFREG}
}

// retry repeats a call that a signal interrupted, which network file systems let happen.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func fileError(op string, err error) error {
	errno := unix.EIO
	errors.As(err, &errno)
	return &FileError{op, errno}
}
