// Bench runs hearth, nginx and HAProxy side by side, with equal configuration and under the same loads,
// and reports what each costs. It is a measuring instrument: it knows nothing of hearth but its command line.
//
//	go run ./bench                          all workloads, about 25 minutes
//	go run ./bench -quick                   all workloads, under 3 minutes, for a first impression
//	go run ./bench -only '64 connections'   some of them
//	go run ./bench -subjects nginx,nginx-again -only 'small GET'   the error of the measurement itself
//
// Everything listens on loopback, runs in a temporary directory and has ended when the program ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"hearth/bench/backend"
	"hearth/bench/relay"
	"hearth/bench/report"
	"hearth/bench/subject"
)

// The main goroutine stays on the main thread: children are told to end when the thread that started
// them does (see child.Start).
func init() { runtime.LockOSThread() }

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "backend":
		err = backend.Serve(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "floor":
		err = relay.Main(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "storm":
		err = storm(os.Args[2:])
	default:
		err = bench(os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	subjects  string
	hearth    string
	only      string
	rounds    int
	duration  time.Duration
	out       string
	quick     bool
	list      bool
	given     map[string]bool // flags that were set
	workloads []workload
}

func parse(args []string) (*options, error) {
	o := &options{given: map[string]bool{}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.subjects, "subjects", "hearth,nginx,haproxy", "the proxies to compare; also nginx-again")
	flags.StringVar(&o.hearth, "hearth", "bin/hearth", "the hearth to run")
	flags.StringVar(&o.only, "only", "", "run the workloads that match this regular expression")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each workload")
	flags.DurationVar(&o.duration, "duration", 3*time.Second, "load in one trial, in whole seconds")
	flags.StringVar(&o.out, "out", "", "file for the result, or - for none (default: a dated one in bench/results for a full run)")
	flags.BoolVar(&o.quick, "quick", false, "one round of one second, and fewer reloads")
	flags.BoolVar(&o.list, "list", false, "list the workloads")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	flags.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	if o.quick && !o.given["rounds"] {
		o.rounds = 1
	}
	if o.quick && !o.given["duration"] {
		o.duration = time.Second
	}
	if o.rounds < 1 || o.duration < time.Second || o.duration%time.Second != 0 {
		return nil, errors.New("there has to be at least one round of at least one second, in whole seconds")
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, err
	}
	for _, w := range plan {
		if only.MatchString(w.name) {
			o.workloads = append(o.workloads, w)
		}
	}
	if len(o.workloads) == 0 {
		return nil, fmt.Errorf("no workload matches %q; -list lists them", o.only)
	}
	return o, nil
}

// choose finds the subjects that were asked for. A hearth that is not built yet is left out if nobody
// asked for it by name.
func (o *options) choose() ([]subject.Subject, error) {
	programs := []string{"nginx", "wrk", "h2load"}
	if strings.Contains(o.subjects, "haproxy") {
		programs = append(programs, "haproxy")
	}
	if err := install(programs); err != nil {
		return nil, err
	}
	known := subject.Known(o.hearth)
	var chosen []subject.Subject
	for name := range strings.SplitSeq(o.subjects, ",") {
		at := slices.IndexFunc(known, func(s subject.Subject) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("unknown subject %q", name)
		}
		err := known[at].Missing()
		if err != nil && (name != "hearth" || o.given["subjects"]) {
			return nil, err
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "without hearth:", err)
			continue
		}
		chosen = append(chosen, known[at])
	}
	return chosen, nil
}

// bench is the whole run.
func bench(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.list {
		for _, w := range o.workloads {
			fmt.Println(w.name)
		}
		return nil
	}
	subjects, err := o.choose()
	if err != nil {
		return err
	}
	if err := raiseFileLimit(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	lab, err := newLaboratory(int(o.duration/time.Second), o.quick)
	if err != nil {
		return err
	}
	defer lab.close()
	d := document{date: time.Now(), facts: facts(subjects), rounds: o.rounds, seconds: lab.seconds, results: report.NewResults(names(subjects))}
	if slices.Contains(names(subjects), "hearth") {
		d.subject = "hearth"
	}
	fmt.Fprintf(os.Stderr, "load average %s; what else runs on this machine falsifies the figures\n", loadAverage())
	runAll(ctx, o, lab, subjects, d.results)
	d.complete = ctx.Err() == nil && len(o.workloads) == len(plan)
	if err := d.write(os.Stdout); err != nil {
		return err
	}
	return errors.Join(o.store(d), ctx.Err())
}

// runAll runs every workload round by round, and in each round every subject in turn.
func runAll(ctx context.Context, o *options, lab *laboratory, subjects []subject.Subject, results *report.Results) {
	for i, w := range o.workloads {
		fmt.Fprintf(os.Stderr, "[%d/%d] %s\n", i+1, len(o.workloads), w.name)
		for round := range o.rounds {
			for _, s := range rotate(subjects, round) {
				if !s.Can(w.proxy) {
					continue
				}
				t, err := lab.run(ctx, w, s)
				if ctx.Err() != nil {
					return
				}
				progress(round, s.Name, t, err)
				if err != nil {
					// What a program complains about must not tell where it was run.
					results.Note(w.name, s.Name, "failed: "+strings.ReplaceAll(err.Error(), lab.dir, "DIR"))
					continue
				}
				results.Add(w.name, s.Name, round, t.sample)
				for _, note := range t.notes {
					results.Note(w.name, s.Name, note)
				}
			}
		}
	}
}

// progress prints one trial's outcome while the run goes on.
func progress(round int, name string, t *trial, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "  round %d  %-12s failed: %v\n", round+1, name, err)
		return
	}
	fmt.Fprintf(os.Stderr, "  round %d  %-12s %8.2f µs/request %8.0f requests/s %4.0f errors  %s\n",
		round+1, name, t.sample[report.CPU], t.sample[report.Rate], t.sample[report.Errors], strings.Join(t.notes, ", "))
}

// rotate is the order of a round: each begins with the next subject.
func rotate(subjects []subject.Subject, round int) []subject.Subject {
	at := round % len(subjects)
	return append(slices.Clone(subjects[at:]), subjects[:at]...)
}

func names(subjects []subject.Subject) []string {
	var list []string
	for _, s := range subjects {
		list = append(list, s.Name)
	}
	return list
}

// store writes the document where -out says, or a full run's below bench/results.
func (o *options) store(d document) error {
	name := o.out
	if name == "-" || name == "" && (!d.complete || o.quick || o.only != "") {
		return nil
	}
	if name == "" {
		name = filepath.Join("bench", "results", d.date.Format("2006-01-02-1504")+".md")
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "stored in", name)
	return errors.Join(d.write(f), f.Close())
}
