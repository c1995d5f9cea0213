package server

import (
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"hearth/internal/conn"
	"hearth/internal/logs"
)

// processors is how many processors the process may use: the runtime's own choice, which heeds the
// affinity mask and the limits of the control group. It is read before the number of loops takes its place.
var processors = func() func() int {
	n := runtime.GOMAXPROCS(0)
	return func() int { return n }
}()

// openFileLimit is the soft limit of open files.
func openFileLimit() uint64 { return openFiles().Cur }

func openFiles() (r syscall.Rlimit) {
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return syscall.Rlimit{Cur: 1 << 62, Max: 1 << 62}
	}
	return r
}

func showOpenFiles() string {
	r := openFiles()
	return fmt.Sprintf("%d:%d", r.Cur, r.Max)
}

// setOpenFiles is worker_rlimit_nofile: both limits, as nginx sets them.
func setOpenFiles(n int, say *Messages) {
	if n == 0 {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: uint64(n)}); err != nil {
		say.writef(logs.Alert, "setrlimit(RLIMIT_NOFILE, %d) failed %s", n, conn.ErrnoText(err))
	}
}

// kernel names the system, as "Linux 6.1.0".
func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
