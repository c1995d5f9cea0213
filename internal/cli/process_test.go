package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

// process is a hearth that runs as a process of its own.
type process struct {
	t      *testing.T
	dir    string
	listen string
	cmd    *exec.Cmd // nil for a daemon
}

// newProcess starts hearth in the foreground and waits until it serves.
func newProcess(t *testing.T, config string) *process {
	t.Helper()
	p := prepareProcess(t, config)
	p.cmd = hearth("run", "-c", p.dir+"/nginx.conf", "-p", p.dir)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	p.waitServing()
	return p
}

func prepareProcess(t *testing.T, config string) *process {
	t.Helper()
	dir := t.TempDir()
	// The directories above belong to root; the user of the test must get through.
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	p := &process{t: t, dir: dir, listen: coretest.FreeAddress(t)}
	p.configure(config)
	return p
}

func (p *process) configure(config string) {
	config = "pid pid;\nerror_log error.log info;\n" + config
	write(p.t, p.dir, "nginx.conf", strings.NewReplacer("LISTEN", p.listen).Replace(config))
}

// waitServing waits until the process answers.
func (p *process) waitServing() {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if c, err := net.Dial("tcp", p.listen); err == nil {
			c.Close()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.t.Fatalf("the process does not serve; log:\n%s", p.log())
}

func (p *process) log() string {
	content, _ := os.ReadFile(p.dir + "/error.log")
	return string(content)
}

// eventually waits until the condition holds.
func (p *process) eventually(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: not in time; log:\n%s", what, p.log())
		}
	}
}

func (p *process) get(path string) string {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Get("http://" + p.listen + path)
	if err != nil {
		return "ERROR " + err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return string(body)
}

func (p *process) want(path, body string) {
	p.t.Helper()
	if got := p.get(path); got != body {
		p.t.Errorf("GET %s: %q, want %q; log:\n%s", path, got, body, p.log())
	}
}

// signal is `hearth -s`.
func (p *process) signal(name string) {
	p.t.Helper()
	if r := run(p.t, hearth("-s", name, "-c", p.dir+"/nginx.conf", "-p", p.dir)); r.code != 0 {
		p.t.Fatalf("-s %s: %+v", name, r)
	}
}

// pid reads the pid file; 0 if there is none.
func (p *process) pid() int {
	content, _ := os.ReadFile(p.dir + "/pid")
	n, _ := strconv.Atoi(strings.TrimSpace(string(content)))
	return n
}

const simple = "user root;\nevents {}\nhttp { access_log off; server { listen LISTEN; location / { return 200 ok; } } }"

func TestSignalsFromTheCommandLine(t *testing.T) {
	p := newProcess(t, simple)
	p.want("/", "ok")
	p.configure(strings.Replace(simple, "200 ok", "200 new", 1))
	p.signal("reload")
	p.eventually("the new configuration", func() bool { return p.get("/") == "new" })
	os.Rename(p.dir+"/error.log", p.dir+"/error.log.1")
	p.signal("reopen")
	p.eventually("a new log", func() bool { _, err := os.Stat(p.dir + "/error.log"); return err == nil })
	p.signal("quit")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the exit code after quit: %v", err)
	}
	if p.pid() != 0 {
		t.Error("the pid file is left")
	}
}

func TestADaemonServesWhenItsParentHasEnded(t *testing.T) {
	p := prepareProcess(t, simple)
	r := run(t, hearth("-c", p.dir+"/nginx.conf", "-p", p.dir))
	if r != (result{}) {
		t.Fatalf("starting the daemon: %+v", r)
	}
	p.want("/", "ok")
	pid := p.pid()
	if session, err := sessionOf(pid); err != nil || session != pid {
		t.Errorf("process %d is in session %d, %v", pid, session, err)
	}
	p.signal("stop")
	p.eventually("the end of the daemon", func() bool { return syscall.Kill(pid, 0) != nil })
}

func TestADaemonThatCannotStartSaysWhyAndFails(t *testing.T) {
	p := prepareProcess(t, simple)
	ln, err := net.Listen("tcp", p.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := run(t, hearth("-c", p.dir+"/nginx.conf", "-p", p.dir))
	if r.code != 1 || !strings.HasSuffix(r.stderr, "hearth: [emerg] still could not bind()\n") {
		t.Errorf("starting the daemon: %+v", r)
	}
}

func sessionOf(pid int) (int, error) {
	id, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(id), nil
}

func TestPrivilegesAreDroppedAndTakenBackForReloadsOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	config := strings.Replace(simple, "user root;", "user nobody nogroup;\nworker_processes 2;\nenv KEPT=1;", 1)
	p := newProcess(t, config)
	wantIDs := func() {
		t.Helper()
		for _, status := range threads(t, p.cmd.Process.Pid) {
			if !strings.Contains(status, "Uid:\t65534\t65534\t0\t65534\n") || !strings.Contains(status, "Gid:\t65534\t65534\t65534\t65534\n") {
				t.Errorf("a thread works as\n%s", status)
			}
		}
	}
	p.want("/", "ok")
	wantIDs()
	// A log and a pid file in a directory that only root may write to, and a configuration that only root may read.
	p.configure(strings.Replace(config, "200 ok", "200 new", 1))
	os.Chmod(p.dir+"/nginx.conf", 0o600)
	p.signal("reload")
	p.eventually("the new configuration", func() bool { return p.get("/") == "new" })
	os.Rename(p.dir+"/error.log", p.dir+"/error.log.1")
	p.signal("reopen")
	p.eventually("a new log of the user's", func() bool {
		st, err := os.Stat(p.dir + "/error.log")
		return err == nil && st.Sys().(*syscall.Stat_t).Uid == 65534
	})
	wantIDs()
	if st, err := os.Stat(p.dir + "/client_body_temp"); err != nil || st.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("the directory for request bodies: %v, %v", st, err)
	}
	p.signal("stop")
	if err := p.cmd.Wait(); err != nil || p.pid() != 0 {
		t.Errorf("the end: %v, pid file with %d", err, p.pid())
	}
}

func TestWithoutAMasterProcessTheUserStays(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	p := newProcess(t, strings.Replace(simple, "user root;", "user nobody nogroup;\nmaster_process off;", 1))
	p.want("/", "ok")
	for _, status := range threads(t, p.cmd.Process.Pid) {
		if !strings.Contains(status, "Uid:\t0\t0\t0\t0\n") {
			t.Errorf("a thread works as\n%s", status)
		}
	}
}

// threads returns /proc/PID/task/*/status.
func threads(t *testing.T, pid int) (list []string) {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, f := range files {
		if content, err := os.ReadFile(f); err == nil {
			list = append(list, string(content))
		}
	}
	if len(list) == 0 {
		t.Fatal("no threads")
	}
	return list
}

func TestOutOfDescriptorsIdleConnectionsAreGivenUpAndServiceGoesOn(t *testing.T) {
	p := newProcess(t, strings.Replace(simple, "user root;", "user root;\nworker_rlimit_nofile 40;", 1))
	var idle []net.Conn
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for range 60 {
		c, err := net.Dial("tcp", p.listen)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	// The last one waits in the queue until idle ones have been closed.
	last := idle[len(idle)-1]
	last.SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(last).ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("the last connection got %q, %v", line, err)
	}
	if !strings.Contains(p.log(), "[crit]") || !strings.Contains(p.log(), "accept4() failed (24: Too many open files)") {
		t.Errorf("the log:\n%s", p.log())
	}
	p.signal("stop")
	p.cmd.Wait()
}
