package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// run runs the program with a configuration to its end, and returns what it printed, with its name for nginx's, and its exit code.
func (l *Lab) run(binary, conf string, args ...string) (string, int) {
	l.Helper()
	p := l.prepare(binary, conf)
	return p.run(args...)
}

func (p *Proxy) run(args ...string) (string, int) {
	cmd := p.command(args...)
	out, _ := cmd.CombinedOutput()
	return p.Neutral(string(out)), cmd.ProcessState.ExitCode()
}

// Both binaries say the same of the same configuration, to the byte, and end with the same code.
func TestConfigurationsAreJudgedAsByNginx(t *testing.T) {
	t.Parallel()
	if nginxBinary == "" {
		t.Skip("nginx is not installed")
	}
	for name, conf := range map[string]string{
		"good":               site("server { listen 127.0.0.1:%PORT1%; }"),
		"unknown directive":  site("\nserver { nonsense on; }"),
		"missing semicolon":  site("server { listen 80 }"),
		"end of file":        "events { } http { server {",
		"stray brace":        "events { } }",
		"wrong context":      "events { } server { }",
		"no events":          "http { }",
		"duplicate":          site("server { root /a; root /b; }"),
		"wrong number":       site("server { root; }"),
		"bad value":          site("server { keepalive_timeout x; }"),
		"bad flag":           site("sendfile maybe;"),
		"unknown variable":   site("server { return 200 $nothing_of_that_name; }"),
		"unknown host":       site("upstream u { server no.such.host.invalid; }"),
		"bad port":           site("server { listen 127.0.0.1:99999; }"),
		"bad regex":          site("server { location ~ ( { } }"),
		"missing include":    site("include %DIR%/none.conf;"),
		"duplicate listen":   site("server { listen 127.0.0.1:81 default_server; } server { listen 127.0.0.1:81 default_server; }"),
		"same name twice":    site("server { listen 127.0.0.1:%PORT1%; server_name a; } server { listen 127.0.0.1:%PORT1%; server_name a; }"),
		"empty upstream":     site("upstream u { }"),
		"duplicate upstream": site("upstream u { server 127.0.0.1; } upstream u { server 127.0.0.1; }"),
		"duplicate location": site("server { location /a { } location /a { } }"),
		"unwritable log":     site("access_log %DIR%/none/a.log;"),
		"bad connections":    "events { worker_connections x; }",
		"many connections":   "worker_rlimit_nofile 1000; events { worker_connections 1000000; } http { access_log off; }",
		"types added":        site("server { charset_types a; charset_types a b; location / { charset_types c; } }"),
		"ignored":            site("send_lowat 1;"),
		"a path to listen":   site("server { listen /tmp/x; }"),
		"unterminated quote": site("server { return 200 \"x; }"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			got, code := l.run(hearthBinary, conf, "-t")
			want, wantCode := l.run(nginxBinary, conf, "-t")
			if got != want || code != wantCode {
				t.Errorf("hearth, code %d:\n%s\nnginx, code %d:\n%s", code, got, wantCode, want)
			}
			if code != 0 {
				if out, code := l.run(hearthBinary, conf); code != 1 || strings.Count(out, "[emerg]") != 1 {
					t.Errorf("started with it: code %d\n%s", code, out)
				}
			}
		})
	}
}

func TestDashT(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	conf := site("include %DIR%/extra.conf;")
	p := l.prepare(hearthBinary, conf)
	p.File("extra.conf", "server_tokens off; # café\n")
	out, code := p.run("-T")
	for _, want := range []string{"syntax is ok\n", "test is successful\n", "# configuration file %DIR%/site.conf:\n", "# configuration file %DIR%/extra.conf:\nserver_tokens off; # café\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("-T has no %q", want)
		}
	}
	if code != 0 {
		t.Errorf("code %d", code)
	}
	if out, code := p.run("-t", "-q"); out != "" || code != 0 {
		t.Errorf("-t -q: %q, code %d", out, code)
	}
	p.Configure("nonsense;")
	if out, code := p.run("-t", "-q"); !strings.Contains(out, "[emerg] unknown directive") || code != 1 {
		t.Errorf("-t -q of a bad one: %q, code %d", out, code)
	}
}

func TestVersionsArePrinted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.prepare(hearthBinary, "")
	for arg, pattern := range map[string]string{
		"-v": `^hearth version: hearth/\S+\n$`,
		"-V": `^hearth version: hearth/\S+\n(?s:.*)nginx version: nginx/1\.31\.4\n(?s:.*)configure arguments: .*--with.*\n$`,
		"-h": `(?s)^hearth version: hearth/\S+\nUsage: hearth .*-c filename.*`,
		"-?": `(?s)^hearth version: hearth/\S+\nUsage: hearth `,
	} {
		if out, code := p.run(arg); !regexp.MustCompile(pattern).MatchString(out) || code != 0 {
			t.Errorf("%s: code %d\n%s", arg, code, out)
		}
	}
	for _, args := range [][]string{{"-x"}, {"-s"}, {"-s", "dance"}, {"stray"}} {
		if out, code := p.run(args...); code != 1 || !strings.Contains(out, "hearth: ") {
			t.Errorf("%v: code %d\n%s", args, code, out)
		}
	}
}

func TestDashSSignalsTheProcess(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	conf := site("server { listen %PORT1%; return 200 one; }")
	p := l.Hearth(conf)
	p.Log("pid", fmt.Sprintf("%d\n", p.Pid()))
	p.Configure(strings.ReplaceAll(conf, "one", "two"))
	if out, code := p.run("-s", "reload"); code != 0 {
		t.Errorf("-s reload: code %d\n%s", code, out)
	}
	eventually(t, "the new configuration", func() bool { return l.Get(p.Addr(1), "/").Body == "two" })
	if out, code := p.run("-s", "reopen"); code != 0 {
		t.Errorf("-s reopen: code %d\n%s", code, out)
	}
	p.Log("error.log", "reopening logs")
	if out, code := p.run("-s", "quit"); code != 0 {
		t.Errorf("-s quit: code %d\n%s", code, out)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("ended with code %d", code)
	}
	out, code := p.run("-s", "stop")
	if want := `hearth: [error] open() "%DIR%/pid" failed (2: No such file or directory)` + "\n"; out != want || code != 1 {
		t.Errorf("-s stop with no process: code %d, %q", code, out)
	}
}

func TestAPortTakenIsNginxsMessageAndExitOne(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.Backend(nil)
	out, code := l.run(hearthBinary, site("server { listen "+other.Addr+"; }"))
	if want := "hearth: [emerg] bind() to %BACK1% failed (98: Address already in use)\n"; code != 1 || !strings.Contains(out, want) || !strings.HasSuffix(out, "hearth: [emerg] still could not bind()\n") {
		t.Errorf("code %d\n%s", code, out)
	}
}

func TestADaemonDetachesWhenItListens(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.prepare(hearthBinary, strings.Replace(site("server { listen %PORT1%; return 200 ok; }"), "daemon off;", "", 1))
	out, code := p.run()
	if code != 0 || out != "" {
		t.Fatalf("code %d\n%s", code, out)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(p.Read("pid")))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	if a := l.Get(p.Addr(1), "/"); a.Body != "ok" {
		t.Errorf("got %q", a.Body)
	}
	if stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); len(stat) > 0 {
		if f := strings.Fields(string(stat)); f[5] != strconv.Itoa(pid) && f[5] == strconv.Itoa(os.Getpid()) {
			t.Errorf("it is in our session")
		}
	}
	if out, code := p.run("-s", "quit"); code != 0 {
		t.Errorf("-s quit: code %d\n%s", code, out)
	}
	eventually(t, "the daemon ends", func() bool { return !alive(pid) })
	if _, err := os.Stat(filepath.Join(p.Dir, "pid")); err == nil {
		t.Error("the pid file is still there")
	}
	p.wantNoCrash()
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
