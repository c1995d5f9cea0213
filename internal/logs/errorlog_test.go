package logs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 2, 12, 0, 7, 0, time.UTC)

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func openErrorLog(t testing.TB, rg *Registry, sinks ...Sink) *ErrorLog {
	t.Helper()
	l, err := rg.ErrorLog(sinks...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func fileAt(path string, level Level) Sink { return Sink{Target: Target{Path: path}, Level: level} }

func TestTheErrorLineIsNginx(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.log")
	l := openErrorLog(t, NewRegistry(1), fileAt(path, Info))
	l.Log(Origin{Now: noon, Loop: 1, Conn: 7}, Error, `open() "/x" failed (2: No such file or directory), client: 127.0.0.1, server: _, request: "GET / HTTP/1.1", host: "h"`)
	l.LogBytes(Origin{Now: noon}, Notice, []byte("signal process started"))
	want := fmt.Sprintf(`2026/11/02 12:00:07 [error] %d#1: *7 open() "/x" failed (2: No such file or directory), client: 127.0.0.1, server: _, request: "GET / HTTP/1.1", host: "h"
2026/11/02 12:00:07 [notice] %d#0: signal process started
`, os.Getpid(), os.Getpid())
	if got := read(t, path); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLongLinesAreCutAt2048Bytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.log")
	l := openErrorLog(t, NewRegistry(1), fileAt(path, Info))
	l.Log(Origin{Now: noon}, Error, strings.Repeat("a", 5000))
	if got := read(t, path); len(got) != 2048 || !strings.HasSuffix(got, "a\n") {
		t.Errorf("the line has %d bytes and ends in %q", len(got), got[len(got)-2:])
	}
}

func TestEachSinkHasItsLevel(t *testing.T) {
	dir := t.TempDir()
	all, few := filepath.Join(dir, "all"), filepath.Join(dir, "few")
	l := openErrorLog(t, NewRegistry(1), fileAt(all, Info), fileAt(few, Crit))
	for level := Emerg; level <= Debug; level++ {
		if want := level <= Info; l.Enabled(level) != want {
			t.Errorf("Enabled(%s) = %v", level, !want)
		}
		l.Log(Origin{Now: noon}, level, level.String())
	}
	if n := strings.Count(read(t, all), "\n"); n != 7 {
		t.Errorf("the info log has %d lines, want 7", n)
	}
	if n := strings.Count(read(t, few), "\n"); n != 3 {
		t.Errorf("the crit log has %d lines, want 3", n)
	}
}

func TestMemoryKeepsTheLastLines(t *testing.T) {
	l := openErrorLog(t, NewRegistry(1), Sink{Target: Target{Kind: ToMemory, Size: 100}, Level: Debug})
	for i := range 50 {
		l.Log(Origin{Now: noon}, Debug, "message "+strconv.Itoa(i))
	}
	held := string(l.Rings()[0])
	if len(held) != 100 || !strings.HasSuffix(held, "message 49\n") {
		t.Errorf("held %d bytes: %q", len(held), held)
	}
}

func TestLevelsByName(t *testing.T) {
	for level := Emerg; level <= Debug; level++ {
		if got, err := ParseLevel(level.String()); got != level || err != nil {
			t.Errorf("%s is %s, %v", level, got, err)
		}
	}
	if got, err := ParseLevel("debug_http"); got != Debug || err != nil {
		t.Errorf("debug_http is %s, %v", got, err)
	}
	for _, s := range []string{"foo", "stderr", ""} {
		if _, err := ParseLevel(s); err == nil || err.Error() != `invalid log level "`+s+`"` {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestTargetsOfErrorLog(t *testing.T) {
	size := func(s string) (int64, bool) { n, err := strconv.ParseInt(s, 10, 64); return n, err == nil }
	for arg, want := range map[string]TargetKind{
		"stderr": ToStderr, "memory:4096": ToMemory, "logs/x": ToFile, "syslog:server=127.0.0.1": ToSyslog,
	} {
		if got, err := ParseErrorTarget(arg, size); got.Kind != want || err != nil {
			t.Errorf("%s: kind %d, %v", arg, got.Kind, err)
		}
	}
	for arg, want := range map[string]string{
		"memory:":                                        `invalid buffer size ""`,
		"memory:x":                                       `invalid buffer size "x"`,
		"syslog:":                                        `unknown syslog parameter ""`,
		"syslog:server=127.0.0.1,facility=foo":           `unknown syslog facility "foo"`,
		"syslog:server=127.0.0.1,severity=foo":           `unknown syslog severity "foo"`,
		"syslog:facility=user":                           `no syslog server specified`,
		"syslog:server=127.0.0.1,tag=a-b":                `syslog "tag" only allows alphanumeric characters and underscore`,
		"syslog:server=127.0.0.1,x=a":                    `unknown syslog parameter "x=a"`,
		"syslog:server=127.0.0.1,server=127.0.0.2":       `duplicate syslog "server"`,
		"syslog:server=127.0.0.1:0":                      `invalid port in syslog server "127.0.0.1:0"`,
		"syslog:server=h,tag=" + strings.Repeat("a", 33): ``,
		"syslog:tag=" + strings.Repeat("a", 33):          `syslog tag length exceeds 32`,
		"syslog:server=nosuch.invalid":                   `host not found in syslog server "nosuch.invalid"`,
	} {
		if _, err := ParseErrorTarget(arg, size); err == nil || want != "" && err.Error() != want {
			t.Errorf("%s: error %v, want %s", arg, err, want)
		}
	}
}

// TestErrnoTexts compares with the C library, as nginx writes what strerror says.
func TestErrnoTexts(t *testing.T) {
	if got := ErrnoText(fmt.Errorf("wrapped: %w", syscall.ECONNREFUSED)); got != "111: Connection refused" {
		t.Errorf("got %q", got)
	}
	out, err := exec.Command("perl", "-e", `for (1..132) { $! = $_; print "$_: $!\n" }`).Output()
	if err != nil {
		t.Skip("perl is not installed")
	}
	for i, want := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if got := string(AppendErrno(nil, syscall.Errno(i+1))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func BenchmarkErrorLine(b *testing.B) {
	rg := NewRegistry(1)
	l := openErrorLog(b, rg, fileAt("/dev/null", Error))
	msg := []byte(`connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1`)
	b.ReportAllocs()
	for b.Loop() {
		l.LogBytes(Origin{Now: noon, Conn: 7}, Error, msg)
	}
}
