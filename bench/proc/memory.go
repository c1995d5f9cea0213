package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is the resident memory, in bytes, of root and its descendants together. It sums the
// proportional set sizes, so that a page which a master shares with its workers counts once; for a
// single process that is its RSS.
func Memory(root int) (int64, error) {
	pids, err := Tree(root)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		if err == nil {
			var n int64
			if n, err = kilobytes(string(text), "Pss:"); err == nil {
				sum += n
			}
		}
		if err != nil && pid == root {
			return 0, err
		}
	}
	return sum, nil
}

// kilobytes finds "name   N kB" among lines of that form and returns N in bytes.
func kilobytes(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == name && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s line", name)
}
