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

	device, inode uint64 // what tells it from a file that is later put in its place
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
	if c := r.Location.Conf.OpenFileCache; c != nil {
		e, info, err := c.find(r, path, false)
		if e == nil || err != nil {
			return conn.File{}, info, err
		}
		return e.file, info, nil
	}
	f, info, err := r.look(path, false)
	if f.IsOpen() {
		r.Main.files = append(r.Main.files, heldFile{file: f})
	}
	return f, info, err
}

// StatFile is the attributes of what a path leads to, under the location's disable_symlinks.
func (r *Request) StatFile(path []byte) (FileInfo, error) {
	if c := r.Location.Conf.OpenFileCache; c != nil {
		_, info, err := c.find(r, path, true)
		return info, err
	}
	_, info, err := r.look(path, true)
	return info, err
}

// heldFile is a file that a request has open: its own, or the cache's.
type heldFile struct {
	file   conn.File
	cached *cachedFile
}

// closeFiles ends the files that were opened for the request. Nothing of them is sent any more.
func (r *Request) closeFiles() {
	for _, f := range r.files {
		if f.cached != nil {
			f.cached.release(r.Loop.Now())
		} else {
			f.file.Close()
		}
	}
	clear(r.files)
	r.files = r.files[:0]
}

// look finds out what a path leads to, and, unless to only look, opens it if it is a regular file.
func (r *Request) look(path []byte, only bool) (conn.File, FileInfo, error) {
	if only && r.Location.Conf.DisableSymlinks.Mode == SymlinksAllowed {
		name, ok := r.cString(path)
		if !ok {
			return conn.File{}, FileInfo{}, &FileError{"stat()", unix.EINVAL}
		}
		info, err := statName(name)
		return conn.File{}, info, err
	}
	f, err := r.openPath(path)
	if err != nil {
		return conn.File{}, FileInfo{}, err
	}
	info, err := statFD(f)
	if only || err != nil || !info.Regular {
		f.Close()
		f = conn.File{}
	}
	return f, info, err
}

// symlinkCheck is what the location's disable_symlinks says of a path.
func (r *Request) symlinkCheck(path []byte) symlinkCheck {
	links := &r.Location.Conf.DisableSymlinks
	if links.Mode == SymlinksAllowed {
		return symlinkCheck{}
	}
	return symlinkCheck{links.Mode, links.unchecked(r, path)}
}

func (r *Request) openPath(path []byte) (conn.File, error) {
	if links := r.symlinkCheck(path); links.mode != SymlinksAllowed && links.from < len(path) {
		fd, err := openChecked(text.String(path), links.from, links.mode)
		return conn.FileOfFD(fd), err
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
			return infoOf(uint32(st.Mode), int64(st.Size), st.Mtime.Sec, unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino), nil
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
	return infoOf(st.Mode, st.Size, st.Mtim.Sec, st.Dev, st.Ino), nil
}

func infoOf(mode uint32, size, modified int64, device, inode uint64) FileInfo {
	kind := mode & unix.S_IFMT
	return FileInfo{Size: size, ModTime: modified, Dir: kind == unix.S_IFDIR, Regular: kind == unix.S_IFREG, device: device, inode: inode}
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
