package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hearth/bench/proc"
	"hearth/bench/report"
	"hearth/bench/subject"
)

// raiseFileLimit makes room for ten thousand connections in this process and, since the Go runtime
// hands an explicitly set limit on, in the programs it starts.
func raiseFileLimit() error {
	const enough = 65536
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	wanted := unix.Rlimit{Cur: enough, Max: max(enough, limit.Max)}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted) == nil {
		return nil
	}
	limit.Cur = limit.Max // all that a user without privileges can get
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

// facts describes the machine and the programs, without a name or a path that would say whose it is.
func facts(subjects []subject.Subject) []string {
	list := []string{
		fmt.Sprintf("%d cores, %s, %s memory", runtime.NumCPU(), field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal")),
		"kernel " + kernel(),
		"load average at the start " + loadAverage(),
		runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
	}
	for _, s := range subjects {
		list = append(list, s.Name+": "+s.Version())
	}
	// wrk exits with 1 when asked for its version.
	out, _ := exec.Command("wrk", "-v").CombinedOutput()
	line, _, _ := strings.Cut(string(out), " Copyright")
	return append(list, "load: "+strings.TrimSpace(line))
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// field is the value of the first "name : value" line of a file in /proc.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// document is everything about one run that is worth keeping.
type document struct {
	date     time.Time
	facts    []string
	rounds   int
	seconds  int
	subject  string // whose bars are shown; none if it took no part
	results  *report.Results
	complete bool
}

func (d document) write(w io.Writer) error {
	p := func(format string, args ...any) { fmt.Fprintf(w, format, args...) }
	p("# Benchmark of %s\n\n", d.date.Format(time.DateOnly))
	if !d.complete {
		p("This run was ended early or did not cover every workload.\n\n")
	}
	for _, fact := range d.facts {
		p("- %s\n", fact)
	}
	p("\n%d rounds of %d s. In each round every proxy runs in turn, in an order that rotates, freshly started, in front of "+
		"the same kind of backend, everything on one machine over loopback, files and logs in memory. Figures are medians over the rounds; errors, "+
		"connections and peaks are those of the worst round. Ratios are medians of the ratios taken round by round; 1 is %s. "+
		"CPU time: %s. Memory: proportional set size, so that pages shared by several processes count once. TIME_WAIT: sockets of "+
		"the proxy's listener and between it and the backend. hearth runs nginx's configuration file unchanged.\n\n",
		d.rounds, d.seconds, report.Reference, proc.CPUSource)
	if d.subject != "" {
		p("## Bars\n\n")
		if err := d.results.WriteBars(w, d.subject, bars); err != nil {
			return err
		}
		p("\n")
	}
	p("## Figures\n\n")
	return d.results.WriteTable(w)
}
