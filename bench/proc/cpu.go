package proc

import (
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on every architecture Go
// supports.
const tick = time.Second / 100

// CPUSource names the way CPU time is measured, for the report.
const CPUSource = "per-process CPU clocks of the kernel (user and system time of all threads, alive or ended, in nanoseconds), " +
	"summed over the proxy's processes; ended workers from /proc/PID/stat"

// CPU is the user and system time which the process root, its descendants, and those of their children
// that have already ended, have used so far.
//
// A live process is read through its CPU clock, the one clock_getcpuclockid(3) returns: utime and stime
// of /proc/PID/stat are the same sum rounded to 10 ms, and the sum over /proc/PID/task/*/schedstat
// forgets threads that have ended. Only for ended children is there nothing better than stat.
func CPU(root int) (time.Duration, error) {
	pids, err := Tree(root)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range pids {
		own, ended, err := processCPU(pid)
		if err != nil && pid == root {
			return 0, err
		}
		sum += own + ended
	}
	return sum, nil
}

func processCPU(pid int) (own, ended time.Duration, err error) {
	s, err := readStat(pid)
	if err != nil {
		return 0, 0, err
	}
	ended = time.Duration(s.childrenTicks) * tick
	var ts unix.Timespec
	if err := unix.ClockGettime(cpuClock(pid), &ts); err != nil {
		return time.Duration(s.ticks) * tick, ended, nil
	}
	return time.Duration(ts.Nano()), ended, nil
}

// cpuClock is the clock number of a process's CPU time: the complement of the process number in the
// upper bits, and below it the clock's kind, 2 being the scheduler's own nanosecond count (Linux,
// include/linux/posix-timers_types.h: MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED).
func cpuClock(pid int) int32 { return int32(^pid)<<3 | 2 }
