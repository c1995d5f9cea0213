package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Proxy is a process under test, hearth or nginx, with its directory and its ports.
type Proxy struct {
	lab    *Lab
	Binary string
	Dir    string
	Args   []string          // further command line arguments
	names  map[string]string // placeholders of the configuration
	ports  []int

	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has
	err    error         // how; read after ended
	opened descriptors   // right after the start
}

func (p *Proxy) isNginx() bool { return filepath.Base(p.Binary) == "nginx" }

// Configure writes the configuration file; see Lab.Hearth for the placeholders.
func (p *Proxy) Configure(conf string) {
	p.lab.Helper()
	if err := os.WriteFile(filepath.Join(p.Dir, "site.conf"), []byte(p.Expand(conf)), 0o644); err != nil {
		p.lab.Fatal(err)
	}
}

// Expand replaces the placeholders.
func (p *Proxy) Expand(s string) string {
	for name, value := range p.names {
		s = strings.ReplaceAll(s, name, value)
	}
	return s
}

// Neutral puts the placeholders back, so that texts of two proxies can be compared.
func (p *Proxy) Neutral(s string) string {
	for name, value := range p.names {
		if value != "" && name != "%USER%" {
			s = strings.ReplaceAll(s, value, name)
		}
	}
	if p.isNginx() {
		s = strings.ReplaceAll(s, "nginx/1.22.1", "hearth")
		s = strings.ReplaceAll(s, "nginx", "hearth")
	}
	return s
}

// File writes a file below the proxy's directory, of an age that is the same for all proxies.
func (p *Proxy) File(name, content string) string {
	p.lab.Helper()
	path := filepath.Join(p.Dir, name)
	os.MkdirAll(filepath.Dir(path), 0o755)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.lab.Fatal(err)
	}
	os.Chtimes(path, mtime, mtime)
	return path
}

// command is the program with the options every start has.
func (p *Proxy) command(args ...string) *exec.Cmd {
	base := []string{"-p", p.Dir, "-c", filepath.Join(p.Dir, "site.conf"), "-e", filepath.Join(p.Dir, "error.log")}
	cmd := exec.Command(p.Binary, append(base, args...)...)
	cmd.Env = append(os.Environ(), "GORACE=exitcode=66 log_path="+filepath.Join(p.Dir, "race"))
	cmd.Dir = p.Dir
	return cmd
}

func (p *Proxy) launch() {
	p.lab.Helper()
	p.cmd = p.command(p.Args...)
	out, err := os.OpenFile(filepath.Join(p.Dir, "stderr"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.lab.Fatal(err)
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		p.lab.Fatal(err)
	}
	p.ended = make(chan struct{})
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
}

func (p *Proxy) waitListening() {
	p.lab.Helper()
	for _, port := range p.ports {
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				c.Close()
				break
			}
			if !p.Running() || time.Now().After(end) {
				p.lab.Fatalf("%s does not listen: %v\n%s%s", filepath.Base(p.Binary), err, p.Read("stderr"), p.Read("error.log"))
			}
		}
	}
}

// Addr is the address of port n, counted from 1 as in the configuration.
func (p *Proxy) Addr(n int) string { return "127.0.0.1:" + p.names[fmt.Sprintf("%%PORT%d%%", n)] }

// URL is a path at the first port.
func (p *Proxy) URL(path string) string { return "http://" + p.Addr(1) + path }

// Read returns a file below the proxy's directory, "" if there is none.
func (p *Proxy) Read(name string) string {
	b, _ := os.ReadFile(filepath.Join(p.Dir, name))
	return string(b)
}

// Log waits until a file has text in it.
func (p *Proxy) Log(name, text string) {
	p.lab.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.Read(name), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.lab.Errorf("no %q in %s:\n%s", text, name, tail(p.Read(name)))
			return
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

func (p *Proxy) Pid() int { return p.cmd.Process.Pid }

func (p *Proxy) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the process.
func (p *Proxy) Signal(sig syscall.Signal) {
	p.lab.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.lab.Errorf("%v: %v", sig, err)
	}
}

// Wait waits for the end of the process and returns its exit code, -1 if a signal killed it.
func (p *Proxy) Wait() int {
	p.lab.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.lab.Errorf("%s does not end:\n%s", filepath.Base(p.Binary), tail(p.Read("error.log")))
		p.cmd.Process.Kill()
		<-p.ended
	}
	return p.cmd.ProcessState.ExitCode()
}

// Stop ends a process that still runs.
func (p *Proxy) Stop() {
	if p.cmd == nil || !p.Running() {
		return
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		p.lab.Errorf("%s ended with code %d", filepath.Base(p.Binary), code)
	}
}

// descriptors counts what a process has open, by kind.
type descriptors map[string]int

func (p *Proxy) descriptors() descriptors {
	d := descriptors{}
	dir := "/proc/" + strconv.Itoa(p.Pid()) + "/fd"
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		kind, _, _ := strings.Cut(target, ":[")
		if strings.HasSuffix(target, " (deleted)") {
			kind = "deleted file"
		}
		d[kind]++
	}
	return d
}

// beyond lists what there is more of than in before. Pipes are a pool of the loops' own: only a great number is a leak.
func (d descriptors) beyond(before descriptors) string {
	var more []string
	for kind, n := range d {
		slack := 0
		if kind == "pipe" {
			slack = 128
		}
		if n > before[kind]+slack {
			more = append(more, fmt.Sprintf("%d %s, had %d", n, kind, before[kind]))
		}
	}
	return strings.Join(more, "; ")
}

// wantNoLeak waits until hearth has no more open than after its start. Clients and backends are to have closed theirs.
func (p *Proxy) wantNoLeak() {
	if p.isNginx() || p.cmd == nil || p.opened == nil || !p.Running() {
		return
	}
	var more string
	for end := time.Now().Add(patience / 2); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if more = p.descriptors().beyond(p.opened); more == "" {
			return
		}
	}
	p.lab.Errorf("leaked descriptors: %s", more)
}

// wantNoFiles waits until hearth has no temporary file open.
func (p *Proxy) wantNoFiles() {
	p.lab.Helper()
	eventually(p.lab, "temporary files are closed", func() bool { return p.descriptors()["deleted file"] == 0 })
}

var crashed = regexp.MustCompile(`(?m)^.*(panic|fatal error:|goroutine \d+ \[|DATA RACE).*$`)

// wantNoCrash looks for panics and race reports.
func (p *Proxy) wantNoCrash() {
	logs := p.Read("stderr") + p.Read("error.log") + p.Read("logs/error.log")
	if at := crashed.FindStringIndex(logs); at != nil {
		p.lab.Errorf("crashed:\n%.6000s", logs[at[0]:])
	}
	reports, _ := filepath.Glob(filepath.Join(p.Dir, "race.*"))
	for _, r := range reports {
		b, _ := os.ReadFile(r)
		p.lab.Errorf("race:\n%.6000s", b)
	}
}
