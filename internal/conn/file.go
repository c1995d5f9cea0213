package conn

import (
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is an open file to send from: a bare descriptor, which an os.File would cost an attempt to poll it and three
// allocations. The zero File is none.
//
// It is a value without a finalizer, so copies of it do not keep it open, and one that is used after Close would be some
// other file. Therefore it has one owner, who says how long it lives: a request closes those it has opened when all of its
// response has been sent or given up (core.Request.OpenFile); one that FileOf has lent lives as its os.File does.
//
// Calls on files can wait for a disk, so the scheduler is told of them, which may then give the loop's processor away;
// on a busy machine it does so whenever another process interrupts the call, and getting it back costs more than the
// call. So each is first made untold, in a form by which the kernel promises not to wait for a disk: io_uring relies on the
// same promises. File systems in other processes or machines do not keep them: see remote.
type File struct{ next int32 } // the descriptor and one

// FileOf lends the descriptor of f, which must stay reachable and open for as long as that is used.
func FileOf(f *os.File) File { return File{int32(f.Fd()) + 1} }

// FileOfFD makes a File of an open descriptor.
func FileOfFD(fd int) File { return File{int32(fd) + 1} }

// IsOpen tells it from the zero File.
func (f File) IsOpen() bool { return f.next > 0 }

// FD is the descriptor; -1 of the zero File.
func (f File) FD() int { return int(f.next) - 1 }

// OpenFile opens a file for reading. Its name ends in a zero byte. flags are added to O_RDONLY.
func OpenFile(name []byte, flags int) (File, syscall.Errno) {
	at, path := unix.AT_FDCWD, unsafe.Pointer(&name[0])
	if !remote.Load() {
		how := unix.OpenHow{Flags: uint64(flags), Resolve: resolveCached}
		fd, _, errno := syscall.RawSyscall6(unix.SYS_OPENAT2, uintptr(at), uintptr(path), uintptr(unsafe.Pointer(&how)), unix.SizeofOpenHow, 0, 0)
		if errno == 0 {
			return FileOfFD(int(fd)), 0
		}
		if errno == unix.ENOENT {
			return File{}, errno
		}
	}
	for {
		fd, _, errno := syscall.Syscall6(unix.SYS_OPENAT, uintptr(at), uintptr(path), uintptr(flags), 0, 0, 0)
		switch errno {
		case 0:
			return FileOfFD(int(fd)), 0
		case unix.EINTR:
		default:
			return File{}, errno
		}
	}
}

// resolveCached is RESOLVE_CACHED of openat2(2): fail rather than look a name up on the disk.
const resolveCached = 0x20

// Stat is the file's attributes, which those of a local file system have at hand once it is open.
func (f File) Stat(st *unix.Stat_t) (errno syscall.Errno) {
	if remote.Load() {
		_, _, errno = syscall.Syscall(unix.SYS_FSTAT, uintptr(f.FD()), uintptr(unsafe.Pointer(st)), 0)
	} else if _, _, errno = syscall.RawSyscall(unix.SYS_FSTAT, uintptr(f.FD()), uintptr(unsafe.Pointer(st)), 0); errno == 0 {
		f.learn(st.Dev)
	}
	return errno
}

// ReadAt reads as io.ReaderAt: less than len(p) only with an error.
func (f File) ReadAt(p []byte, off int64) (n int, err error) {
	n = f.readCached(p, off)
	for n < len(p) {
		m, _, errno := syscall.Syscall6(unix.SYS_PREAD64, uintptr(f.FD()), uintptr(unsafe.Pointer(&p[n])), uintptr(len(p)-n), uintptr(off)+uintptr(n), 0, 0)
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return n, errno
		case m == 0:
			return n, io.EOF
		}
		n += int(m)
	}
	return n, nil
}

// readCached reads what of p is in the page cache.
func (f File) readCached(p []byte, off int64) int {
	if remote.Load() || len(p) == 0 {
		return 0
	}
	vec := unix.Iovec{Base: &p[0], Len: uint64(len(p))}
	n, _, errno := syscall.RawSyscall6(unix.SYS_PREADV2, uintptr(f.FD()), uintptr(unsafe.Pointer(&vec)), 1, uintptr(off), 0, unix.RWF_NOWAIT)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// isCached guesses from its last byte whether a range is in the page cache. Where it is wrong, a local disk is waited for.
func (f File) isCached(off int64, n int) bool {
	var last [1]byte
	return f.readCached(last[:], off+int64(n)-1) == 1
}

// Close closes the descriptor. The owner calls it, once. Nothing has been written, so there is nothing to wait for.
func (f File) Close() {
	if f.IsOpen() {
		closeFD(f.FD())
	}
}

// remote is set once a file was found on a file system that another process or machine serves: opening what the kernel has
// the name of, or looking at it, can then wait for those, without end; and a call that the scheduler has not been told of
// would have the whole process wait, as soon as the garbage collector wants to stop it. From then on it is told of all.
var remote atomic.Bool

// localDevice is the device of the file seen last, and one, which is on a local file system.
var localDevice atomic.Uint64

func (f File) learn(device uint64) {
	if localDevice.Load() == device+1 {
		return
	}
	var fs unix.Statfs_t
	if unix.Fstatfs(f.FD(), &fs) == nil && localTypes[int64(fs.Type)] {
		localDevice.Store(device + 1)
	} else {
		remote.Store(true)
	}
}

var localTypes = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true, unix.SQUASHFS_MAGIC: true,
	unix.EROFS_SUPER_MAGIC_V1: true, unix.ISOFS_SUPER_MAGIC: true,
}
