package proxy

import (
	"os"
	"syscall"
)

// dup is a non-blocking descriptor of its own for a file's socket, which is closed.
func dup(f *os.File) int {
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		panic(err)
	}
	syscall.SetNonblock(fd, true)
	return fd
}
