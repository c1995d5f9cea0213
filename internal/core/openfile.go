package core

import (
	"bytes"
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"hearth/internal/conn"
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

// OpenFile opens a file for reading, under the location's disable_symlinks. The file is the request's, which closes it at
// its end. For a directory, or anything else that is not a regular file, it is none: such are never read.
//
// It runs on the loop. What is in the kernel's caches is opened, looked at and closed in 1.2 µs; Await would cost as much
// again and wake another thread. A slow disk holds up this loop, as it holds up a worker of nginx, but not the others.
// O_NONBLOCK keeps FIFOs and devices from blocking.
func (r *Request) OpenFile(path []byte) (conn.File, FileInfo, error) {
	f, err := r.openPath(path)
	if err != nil {
		return conn.File{}, FileInfo{}, err
	}
	info, err := statFD(f)
	if err != nil || !info.Regular {
		f.Close()
		return conn.File{}, info, err
	}
	r.Main.files = append(r.Main.files, f)
	return f, info, nil
}

// closeFiles ends the files that were opened for the request. Nothing of them is sent any more.
func (r *Request) closeFiles() {
	for _, f := range r.files {
		f.Close()
	}
	r.files = r.files[:0]
}

// StatFile is the attributes of what a path leads to, under the location's disable_symlinks.
func (r *Request) StatFile(path []byte) (FileInfo, error) {
	if r.Location.Conf.DisableSymlinks.Mode != SymlinksAllowed {
		f, err := r.openPath(path)
		if err != nil {
			return FileInfo{}, err
		}
		defer f.Close()
		return statFD(f)
	}
	name, ok := r.cString(path)
	if !ok {
		return FileInfo{}, &FileError{"stat()", unix.EINVAL}
	}
	return statName(name)
}

func (r *Request) openPath(path []byte) (conn.File, error) {
	if links := &r.Location.Conf.DisableSymlinks; links.Mode != SymlinksAllowed {
		if from := links.unchecked(r, path); from < len(path) {
			fd, err := openChecked(text.String(path), from, links.Mode)
			return conn.FileOfFD(fd), err
		}
	}
	name, ok := r.cString(path)
	if !ok {
		return conn.File{}, &FileError{"open()", unix.EINVAL}
	}
	f, errno := conn.OpenFile(name, openFlags)
	if errno != 0 {
		return conn.File{}, &FileError{"open()", errno}
	}
	return f, nil
}

// cString is path as the kernel takes it: with a zero byte behind, and none inside.
func (r *Request) cString(path []byte) (name []byte, ok bool) {
	if bytes.IndexByte(path, 0) >= 0 {
		return nil, false
	}
	name = r.Alloc(len(path) + 1)
	name[copy(name, path)] = 0
	return name, true
}

const openFlags = unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY

// statName looks at what such a name leads to.
func statName(name []byte) (FileInfo, error) {
	var st unix.Statx_t
	at := unix.AT_FDCWD
	for {
		_, _, errno := syscall.Syscall6(unix.SYS_STATX, uintptr(at), uintptr(unsafe.Pointer(&name[0])), 0, unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(&st)), 0)
		switch errno {
		case 0:
			kind := st.Mode & unix.S_IFMT
			return FileInfo{Size: int64(st.Size), ModTime: st.Mtime.Sec, Dir: kind == unix.S_IFDIR, Regular: kind == unix.S_IFREG}, nil
		case unix.EINTR:
		default:
			return FileInfo{}, &FileError{"stat()", errno}
		}
	}
}

func openAt(dir int, name string, flags int) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(dir, name, flags|openFlags, 0)
		return err
	})
	return fd, err
}

func statFD(f conn.File) (FileInfo, error) {
	var st unix.Stat_t
	if errno := f.Stat(&st); errno != 0 {
		return FileInfo{}, &FileError{"fstat()", errno}
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
