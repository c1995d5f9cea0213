package proc

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// stateTimeWait is TCP_TIME_WAIT as /proc/net/tcp prints it.
const stateTimeWait = "06"

// TimeWait counts the sockets in TIME_WAIT that the proxy's traffic left behind: those of its own
// listener (the proxy closed a client's connection first), and those between it and its backends,
// whichever of the two closed first. Those of clients that closed first are the load's, not the proxy's.
func TimeWait(listener int, backends []int) (int, error) {
	n := 0
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			return 0, err
		}
		n += countTimeWait(string(text), listener, backends)
	}
	return n, nil
}

func countTimeWait(table string, listener int, backends []int) int {
	n := 0
	for line := range strings.Lines(table) {
		fields := strings.Fields(line) // slot, local address, remote address, state, ...
		if len(fields) < 4 || fields[3] != stateTimeWait {
			continue
		}
		local, remote := hexPort(fields[1]), hexPort(fields[2])
		if local == listener || slices.Contains(backends, local) || slices.Contains(backends, remote) {
			n++
		}
	}
	return n
}

// hexPort is the port of an address such as 0100007F:1F90, or -1.
func hexPort(addr string) int {
	_, port, _ := strings.Cut(addr, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}
