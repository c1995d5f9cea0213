package proc

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestParseStatCountsFieldsFromTheLastParenthesis(t *testing.T) {
	line := "4711 (odd) name)) S 12 4711 4711 0 -1 4194560 1 2 3 4 150 25 7 3 20 0 1 0 99 0 0"
	got, err := parseStat(line)
	if err != nil {
		t.Fatal(err)
	}
	if want := (stat{parent: 12, ticks: 175, childrenTicks: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "12 no name", "12 (short) S 1 2"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestDescendantsAreFollowedThroughAllGenerations(t *testing.T) {
	parents := map[int]int{1: 0, 10: 1, 11: 10, 12: 10, 13: 11, 20: 1, 21: 20}
	if got, want := descendants(10, parents), []int{10, 11, 12, 13}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCPUCountsWorkOfThisProcess(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Millisecond); time.Now().Before(deadline); {
	}
	after, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after <= before {
		t.Errorf("a busy process used no CPU time: %v, then %v", before, after)
	}
	if own, _, _ := processCPU(os.Getpid()); own%tick == 0 {
		t.Errorf("%v is a whole number of ticks: the process clock was not used", own)
	}
}

func TestCPUCountsEndedChildren(t *testing.T) {
	before, _ := readStat(os.Getpid())
	// Bounded work, well above the 10 ms that stat can tell.
	if err := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	after, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after.childrenTicks <= before.childrenTicks {
		t.Errorf("children's time stayed at %d ticks", after.childrenTicks)
	}
}

func TestCPUOfNoProcessIsAnError(t *testing.T) {
	if _, err := CPU(1 << 30); err == nil {
		t.Error("no error")
	}
}

func TestMemory(t *testing.T) {
	n, err := Memory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if n < 1<<20 {
		t.Errorf("this process has only %d bytes", n)
	}
	text := "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  2000 kB\nPss:   1234 kB\nPss_Dirty: 9 kB\n"
	if n, err := kilobytes(text, "Pss:"); n != 1234<<10 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := kilobytes(text, "Swap:"); err == nil {
		t.Error("a missing line is no error")
	}
}

// A table as /proc/net/tcp prints it: the proxy listens on 8000 (1F40), its backend on 9000 (2328).
const socketTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F40 0100007F:C001 06 00000000:00000000 03:00000E2F 00000000     0        0 0 3 0
   2: 0100007F:C002 0100007F:1F40 06 00000000:00000000 03:00000E2F 00000000     0        0 0 3 0
   3: 0100007F:2328 0100007F:C003 06 00000000:00000000 03:00000E2F 00000000     0        0 0 3 0
   4: 0100007F:C004 0100007F:2328 06 00000000:00000000 03:00000E2F 00000000     0        0 0 3 0
   5: 0100007F:C005 0100007F:2328 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1
   6: 0100007F:C006 0100007F:0050 06 00000000:00000000 03:00000E2F 00000000     0        0 0 3 0
`

func TestTimeWaitCountsTheProxysSocketsOnly(t *testing.T) {
	if got := countTimeWait(socketTable, 8000, []int{9000}); got != 3 {
		t.Errorf("got %d, want the listener's one and the backend's two", got)
	}
	if got := countTimeWait(socketTable, 8001, nil); got != 0 {
		t.Errorf("got %d of a proxy without sockets", got)
	}
}
