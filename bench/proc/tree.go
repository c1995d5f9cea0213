// Package proc reads from /proc, and from the kernel's process clocks, what a program and its children
// cost: CPU time, memory, sockets left behind. It knows nothing of the programs.
package proc

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// stat is the part of /proc/PID/stat that is used here (proc_pid_stat(5)).
type stat struct {
	parent        int
	ticks         int64 // user and system time of the process, in clock ticks
	childrenTicks int64 // the same of its children that have ended and been waited for
}

// parseStat reads one /proc/PID/stat line. The second field is the program's name in parentheses and may
// itself hold blanks and parentheses, so fields are counted from the last closing one.
func parseStat(line string) (stat, error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("no program name in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("only %d fields in %q", len(fields), line)
	}
	number := func(field int) int64 { // numbered as in the manual page, where the state is 3
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return n
	}
	return stat{
		parent:        int(number(4)),
		ticks:         number(14) + number(15),
		childrenTicks: number(16) + number(17),
	}, nil
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

// Tree lists root and all its descendants that are alive.
func Tree(root int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	parents := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil { // it may have ended since ReadDir
			parents[pid] = s.parent
		}
	}
	return descendants(root, parents), nil
}

// descendants returns root and every process whose chain of parents leads to it, root first.
func descendants(root int, parents map[int]int) []int {
	tree := []int{root}
	for i := 0; i < len(tree); i++ {
		var found []int
		for pid, parent := range parents {
			if parent == tree[i] && pid != root {
				found = append(found, pid)
			}
		}
		slices.Sort(found)
		tree = append(tree, found...)
	}
	return tree
}
