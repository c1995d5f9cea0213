package server

import (
	"os"
	"runtime"
	"syscall"

	"hearth/internal/conn"
	"hearth/internal/logs"
)

// dropPrivileges makes every thread work as a, or as nobody, if we are root.
//
// nginx has a master process that stays root, for reloads (ports below 1024, keys that only root may read), for
// reopening logs and for the pid file. hearth is one process; what takes the place of that master is the saved user
// id, which stays 0: all threads work as the user, and asRoot makes one thread root for as long as such work takes.
func (s *Server) dropPrivileges(a *Account, g *generation) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if a == nil {
		var err error
		if a, err = defaultAccount(); err != nil {
			return s.failed("%s", err)
		}
	}
	if a.UID == 0 {
		return nil
	}
	makeTempPaths(g, a, s.say)
	// These three apply to all threads of the process.
	if err := syscall.Setgroups(append([]int{a.GID}, a.Groups...)); err != nil {
		return s.failed("initgroups(%s, %d) failed %s", a.Name, a.GID, conn.ErrnoText(err))
	}
	if err := syscall.Setresgid(a.GID, a.GID, a.GID); err != nil {
		return s.failed("setgid(%d) failed %s", a.GID, conn.ErrnoText(err))
	}
	if err := syscall.Setresuid(a.UID, a.UID, 0); err != nil {
		return s.failed("setuid(%d) failed %s", a.UID, conn.ErrnoText(err))
	}
	s.account = a
	return nil
}

// asRoot runs fn as root, if we were root before dropPrivileges.
//
// It concerns the calling thread alone, which no other goroutine runs on meanwhile: hence system calls without the
// library around them, which would apply them to all threads. Threads that the runtime starts in this time are not
// children of this one: it does not clone from a locked thread. If the way back fails the goroutine keeps the thread
// locked, and serves nobody's requests.
func (s *Server) asRoot(fn func() error) error {
	if s.account == nil {
		return fn()
	}
	const keep = ^uintptr(0)
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, keep, 0, keep); errno != 0 {
		s.say.writef(logs.Alert, "setresuid() failed %s", conn.ErrnoText(errno))
	}
	err := fn()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, keep, uintptr(s.account.UID), keep); errno != 0 {
		s.say.writef(logs.Alert, "setresuid(%d) failed %s", s.account.UID, conn.ErrnoText(errno))
		return err
	}
	runtime.UnlockOSThread()
	return err
}

// enterDirectory is working_directory.
func (s *Server) enterDirectory(dir string) {
	if dir == "" {
		return
	}
	if err := os.Chdir(dir); err != nil {
		s.say.writef(logs.Alert, "chdir(\"%s\") failed %s", dir, conn.ErrnoText(err))
	}
}

// makeTempPaths makes the directories for temporary files, for a user who may not do so.
func makeTempPaths(g *generation, a *Account, say *Messages) {
	for _, dir := range g.TempPaths() {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = os.Chown(dir, a.UID, -1)
		}
		if err != nil {
			say.writef(logs.Alert, "mkdir() \"%s\" failed %s", dir, conn.ErrnoText(err))
		}
	}
}
