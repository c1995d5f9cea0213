package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	storm   = flag.Duration("storm", 5*time.Second, "how long the storm lasts")
	clients = flag.Int("clients", 24, "how many clients there are at a time")
	loops   = flag.Int("loops", 3, "worker_processes")
)

// What must hold, whatever clients and backends do and however often the configuration changes:
//
//   - a response of 200 that is whole is the one for its request, and so are its first bytes if it is not;
//   - a request reaches a backend whole or visibly cut, and a POST at most once;
//   - nothing panics, races, stalls, or hangs;
//   - and when it is over, there are no requests, connections or descriptors left, and it serves and quits as at first.
func TestStorm(t *testing.T) {
	b := startBackends(t, 3)
	p := start(t, b)
	base := p.descriptors()
	w := &crowd{t: t, addr: p.addr, statuses: map[int]int{}}
	end := time.Now().Add(*storm)
	var busy sync.WaitGroup
	for range *clients {
		busy.Go(func() { w.run(end) })
	}
	busy.Go(func() { p.disturb(end) })
	busy.Wait()
	t.Logf("%d whole, %d cut, %d echoes, %d misled, statuses %v; %d requests reached backends; %d MB resident",
		w.whole.Load(), w.cut.Load(), w.tunnel.Load(), w.misled.Load(), w.statuses, b.seen.Load(), p.resident()>>20)
	if w.whole.Load() == 0 {
		t.Error("nothing was served")
	}

	b.calm.Store(true)
	p.configure(0)
	p.signal(syscall.SIGHUP)
	p.eventually("no request is under way", func() bool { return p.status() == "1 0 1 0" }, func() string { return p.status() })
	b.hangUp() // connections of the storm still have its whims
	p.eventually("the connections of the storm are gone", func() bool { return b.connections() == 0 }, func() string { return strconv.Itoa(b.connections()) })
	for range 100 {
		c, a := w.connect(), w.ask()
		a.fields = ""
		c.Write(a.bytes())
		before := w.whole.Load()
		if c.answered(a); w.whole.Load() != before+1 {
			t.Errorf("after the storm, %s %s is not answered", a.method, a.id)
		}
		c.Close()
	}
	b.close()
	p.eventually("no connection to a backend", func() bool { return b.connections() == 0 }, func() string { return strconv.Itoa(b.connections()) })
	p.eventually("the descriptors of the start", func() bool { return p.more(base) == "" }, func() string { return p.more(base) })
	if mb := p.resident() >> 20; mb > 600 {
		t.Errorf("%d MB resident", mb)
	}
	p.quit()
}

// proxy is the process under test.
type proxy struct {
	t        *testing.T
	dir      string
	addr     string
	backends []string
	cmd      *exec.Cmd
	ended    chan struct{}
	over     bool
}

func start(t *testing.T, b *backends) *proxy {
	p := &proxy{t: t, dir: t.TempDir(), backends: b.addrs, ended: make(chan struct{})}
	os.Chmod(p.dir, 0o755)
	binary := os.Getenv("HEARTH_BINARY")
	if binary == "" {
		binary = filepath.Join(p.dir, "hearth")
		args := []string{"build", "-o", binary}
		if race {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, "hearth/cmd/hearth")...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = ln.Addr().String()
	ln.Close()
	p.configure(0)
	p.cmd = exec.Command(binary, "-p", p.dir, "-c", filepath.Join(p.dir, "chaos.conf"), "-e", filepath.Join(p.dir, "error.log"))
	p.cmd.Env = append(os.Environ(), "GORACE=log_path="+filepath.Join(p.dir, "race"))
	out, err := os.Create(filepath.Join(p.dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	go func() { p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.end)
	p.eventually("it listens", func() bool { return p.status() != "" || p.gone() }, func() string { return p.read("error.log") })
	if p.gone() {
		t.Fatal(p.read("stderr"))
	}
	return p
}

// configure writes the nth configuration: the first is plain, later ones are made at random.
func (p *proxy) configure(n int) {
	var servers string
	keepalive, buffering, uploads, extra := 32, "on", "on", ""
	for i, addr := range p.backends {
		if n == 0 || i == n%len(p.backends) || one(2) {
			servers += "server " + addr + " max_fails=" + strconv.Itoa(n%8/7*3) + " fail_timeout=1s; "
		}
	}
	onOff := func() string { return []string{"on", "off"}[rand.IntN(2)] }
	if n > 0 {
		keepalive, buffering, uploads = []int{1, 4, 32, 100}[rand.IntN(4)], onOff(), onOff()
		extra = []string{"", "", "proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k;", "proxy_max_temp_file_size 0;",
			"proxy_ignore_client_abort on;", "proxy_http_version 1.0;", "client_body_buffer_size 1k;", "proxy_limit_rate 2m;"}[rand.IntN(8)]
	}
	who := "root"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	conf := fmt.Sprintf(`daemon off; master_process off; user %s; worker_processes %d; pid %[3]s/pid; error_log %[3]s/error.log info;
events { worker_connections 4096; }
http {
	access_log %[3]s/access.log;
	client_body_temp_path %[3]s/body; proxy_temp_path %[3]s/proxy;
	map $http_upgrade $upgrading { default upgrade; "" ""; }
	upstream u { %[4]s %[5]s keepalive %[6]d; }
	proxy_http_version 1.1;
	proxy_set_header Connection $upgrading;
	proxy_set_header Upgrade $http_upgrade;
	proxy_buffering %[7]s; proxy_request_buffering %[8]s;
	proxy_read_timeout 300ms; proxy_connect_timeout 5s;
	keepalive_timeout 5s;
	server {
		listen %[9]s;
		location /r/ { %[10]s proxy_pass http://u; }
		location = /status { stub_status; access_log off; }
	}
}
`, who, *loops, p.dir, []string{"", "least_conn;", "random two;", "ip_hash;"}[n%4], servers, keepalive, buffering, uploads, p.addr,
		strings.Replace(extra, "proxy_http_version 1.0;", "", 1))
	if strings.Contains(extra, "1.0") {
		conf = strings.Replace(conf, "proxy_http_version 1.1", "proxy_http_version 1.0", 1)
	}
	// In one step, since a reload may be under way.
	file := filepath.Join(p.dir, "chaos.conf")
	if err := os.WriteFile(file+".new", []byte(conf), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		p.t.Fatal(err)
	}
}

// disturb reloads, and has the logs reopened, several times a second.
func (p *proxy) disturb(end time.Time) {
	for n := 1; time.Now().Before(end); n++ {
		pause(400 * time.Millisecond)
		if one(3) {
			os.Rename(filepath.Join(p.dir, "access.log"), filepath.Join(p.dir, "access.log.1"))
			p.signal(syscall.SIGUSR1)
			continue
		}
		p.configure(n)
		p.signal(syscall.SIGHUP)
	}
}

func (p *proxy) signal(sig syscall.Signal) {
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Errorf("%v: %v", sig, err)
	}
}

func (p *proxy) read(name string) string {
	b, _ := os.ReadFile(filepath.Join(p.dir, name))
	return string(b)
}

var statusPage = regexp.MustCompile(`^Active connections: (\d+) [\s\S]*Reading: (\d+) Writing: (\d+) Waiting: (\d+)`)

// status is the four numbers of the status page, of which 1 active and 1 writing are its own.
func (p *proxy) status() string {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r, err := client.Get("http://" + p.addr + "/status")
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	page := make([]byte, 1000)
	n, _ := r.Body.Read(page)
	return strings.Join(append(statusPage.FindStringSubmatch(string(page[:n])), "")[1:5], " ")
}

func (p *proxy) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *proxy) eventually(what string, ok func() bool, instead func() string) {
	p.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("waited in vain: %s; there is %s", what, instead())
		}
	}
}

func (p *proxy) descriptors() map[string]int {
	open := map[string]int{}
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			kind, _, _ := strings.Cut(target, ":[")
			open[strings.TrimSuffix(kind, ".1")]++ // a log that has been moved aside is the same log
		}
	}
	return open
}

// more is what there is more of than in base. Pipes are kept for the next responses, a bounded number of them.
func (p *proxy) more(base map[string]int) (more string) {
	for kind, n := range p.descriptors() {
		if kind == "pipe" {
			n -= 128
		}
		if n > base[kind] {
			more += fmt.Sprintf("%d %s instead of %d; ", n, kind, base[kind])
		}
	}
	return more
}

// resident is the memory it holds.
func (p *proxy) resident() int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(f[1])
	return n * os.Getpagesize()
}

// quit wants it to end when it is asked to.
func (p *proxy) quit() {
	p.over = true
	p.signal(syscall.SIGQUIT)
	select {
	case <-p.ended:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			p.t.Errorf("exit code %d", code)
		}
	case <-time.After(2 * time.Second):
		p.t.Error("it does not quit within two seconds")
		p.over = false
	}
}

var crashed = regexp.MustCompile(`(?m)^.*(panic|fatal error:|goroutine \d+ \[|DATA RACE|\[alert\]|\[emerg\]|\[crit\]|in one turn).*$`)

// end ends a process that a failed test has left, with all its stacks if it hangs, and looks for crashes.
func (p *proxy) end() {
	select {
	case <-p.ended:
		if !p.over {
			p.t.Errorf("it ended: %v", p.cmd.ProcessState)
		}
	default:
		p.cmd.Process.Signal(syscall.SIGABRT)
		select {
		case <-p.ended:
			p.t.Logf("stacks:\n%.20000s", p.read("stderr"))
		case <-time.After(5 * time.Second):
			p.t.Error("it does not even abort")
			p.cmd.Process.Kill()
			<-p.ended
		}
	}
	races, _ := filepath.Glob(filepath.Join(p.dir, "race.*"))
	logs := p.read("stderr") + p.read("error.log")
	for _, file := range races {
		logs += p.read(filepath.Base(file))
	}
	for i, at := range crashed.FindAllStringIndex(logs, 5) {
		p.t.Errorf("%d: %s", i, logs[at[0]:min(len(logs), at[1]+1500)])
	}
	if p.t.Failed() && os.Getenv("CHAOS_KEEP") != "" {
		os.CopyFS(os.Getenv("CHAOS_KEEP"), os.DirFS(p.dir))
	}
}
