package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The test binary is hearth itself when this is set, so that processes can be tested.
const asHearth = "HEARTH_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asHearth) != "" {
		os.Exit(Main(os.Args))
	}
	os.Exit(m.Run())
}

// hearth returns a command that runs hearth.
func hearth(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asHearth+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// result is what a command wrote, and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

func run(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// write makes a file in dir and returns its path.
func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const good = "pid DIR/pid;\nerror_log DIR/error.log;\nevents {}\nhttp { access_log off; server { listen 127.0.0.1:PORT; } }\n"

// Debian's nginx writes the same, but for its name, with the same exit code.
func TestNginxWritesTheSame(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	dir := t.TempDir()
	place := func(s string) string { return strings.NewReplacer("DIR", dir, "PORT", "39871").Replace(s) }
	write(t, dir, "good.conf", place(good))
	write(t, dir, "included.conf", "keepalive_timeout 3;\n")
	write(t, dir, "include.conf", place(strings.Replace(good, "access_log", "include included.conf; access_log", 1)))
	write(t, dir, "bad.conf", "events {}\nfoo bar;\n")
	write(t, dir, "noevents.conf", place("pid DIR/pid;\nhttp {}\n"))
	write(t, dir, "nolog.conf", place("error_log /nonexistent/x;\nevents {}\n"))
	write(t, dir, "nopid.conf", place("pid DIR/no/pid;\nevents {}\n"))
	write(t, dir, "othergone.conf", place("pid DIR/otherpid;\nevents {}\n"))
	write(t, dir, "otherpid", "4194303\n")
	write(t, dir, "empty.conf", place("pid DIR/emptypid;\nevents {}\n"))
	write(t, dir, "emptypid", "")
	tests := []struct{ name, args string }{
		{"a good configuration", "-t -c DIR/good.conf"},
		{"quietly", "-tq -c DIR/good.conf"},
		{"joined with its value", "-qtcDIR/good.conf"},
		{"a dump", "-T -c DIR/good.conf"},
		{"a dump with an include", "-T -c DIR/include.conf"},
		{"a quiet dump", "-qT -c DIR/good.conf"},
		{"relative to the prefix", "-p DIR -t -c good.conf"},
		{"an unknown directive", "-t -c DIR/bad.conf"},
		{"no events", "-t -c DIR/noevents.conf"},
		{"no such file", "-t -c DIR/none.conf"},
		{"a log that cannot be opened", "-t -c DIR/nolog.conf"},
		{"a pid file that cannot be created", "-t -c DIR/nopid.conf"},
		{"the error log of -e cannot be opened", "-t -e /nonexistent/e -c DIR/good.conf"},
		{"globals", "-t -c DIR/good.conf -g daemon_off;"},
		{"globals without end", "-t -c DIR/good.conf -g foo"},
		{"signal without a pid file", "-s stop -c DIR/nopid.conf"},
		{"signal with an empty pid file", "-s quit -c DIR/empty.conf"},
		{"signal to a process that is gone", "-s reload -c DIR/othergone.conf"},
		{"signal with a bad configuration", "-s reload -c DIR/bad.conf"},
		{"an unknown signal", "-s foo"},
		{"no signal", "-s"},
		{"no file", "-c"},
		{"no prefix", "-p"},
		{"no log", "-e"},
		{"no globals", "-g"},
		{"an unknown option", "-x"},
		{"an unknown option after a known one", "-tx"},
		{"a word", "foo"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args := strings.Fields(place(test.args))
			if test.args != "-e" && !strings.Contains(test.args, "-e ") {
				// Debian's log is the standard error, where hearth leaves out the time.
				args = append([]string{"-e" + dir + "/e.log"}, args...)
			}
			theirs, ours := run(t, exec.Command(nginx, args...)), run(t, hearth(args...))
			theirs.stderr = strings.ReplaceAll(theirs.stderr, "nginx: ", "hearth: ")
			if ours != theirs {
				t.Errorf("hearth %s:\n%+v\nnginx:\n%+v", strings.Join(args, " "), ours, theirs)
			}
		})
	}
}

func TestVersionsAreShownAsToolsReadThem(t *testing.T) {
	v := run(t, hearth("-v"))
	if v.code != 0 || v.stderr != "hearth version: hearth/"+Version()+"\n" || v.stdout != "" {
		t.Errorf("-v: %+v", v)
	}
	V := run(t, hearth("-V"))
	lines := strings.Split(V.stderr, "\n")
	if V.code != 0 || len(lines) < 4 || lines[1] != "nginx version: nginx/1.31.4" {
		t.Fatalf("-V: %+v", V)
	}
	arguments, ok := strings.CutPrefix(lines[len(lines)-2], "configure arguments: ")
	if !ok || !strings.Contains(arguments, " --with-http_stub_status_module ") || strings.Contains(arguments, "without-http_proxy_module") {
		t.Errorf("the last line of -V is %q", lines[len(lines)-2])
	}
	for _, option := range []string{"-h", "-?"} {
		if h := run(t, hearth(option)); h.code != 0 || !strings.HasPrefix(h.stderr, v.stderr+"Usage: hearth [-?hvVtTq]") {
			t.Errorf("%s: %+v", option, h)
		}
	}
}

func TestConfigureArgumentsNameEachModuleOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, word := range configureArguments() {
		name, _, _ := strings.Cut(word, "=")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "--with-"), "--without-")
		if seen[name] {
			t.Errorf("%s appears twice", name)
		}
		seen[name] = true
	}
}

func TestTheReferenceIsWritten(t *testing.T) {
	r := run(t, hearth("directives", "--markdown"))
	if r.code != 0 || !strings.Contains(r.stdout, "| `worker_processes` | supported |") || !strings.Contains(r.stdout, "| `$remote_addr` | supported |") {
		t.Errorf("exit code %d, %s, %d bytes", r.code, r.stderr, len(r.stdout))
	}
}
