// Package nginxtest asks Debian's nginx, the oracle of tests: what it answers under a configuration, what it logs, and
// what it says of a configuration that is wrong. Configurations are written as for coretest, so that a test gives one and
// the same text to both.
package nginxtest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

// Nginx is a running nginx. It listens on a unix socket, so the client's address is "unix:".
type Nginx struct {
	Dir string // its prefix
	t   testing.TB
	log int // bytes of the error log that Log has returned
}

// need skips the test where there is no nginx.
func need(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx, the oracle, is not installed")
	}
}

// write puts the configuration into a directory.
func write(t testing.TB, dir, config string) {
	t.Helper()
	text := strings.ReplaceAll(coretest.Wrap(config), "listen 80;", "listen unix:"+dir+"/socket;")
	text = strings.ReplaceAll(text, "$ENV_DIR", dir)
	text += "\nevents { }\ndaemon off; master_process off; pid pid; error_log error.log info;\n"
	for _, path := range []string{"logs", "temp"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func command(dir string, args ...string) *exec.Cmd {
	return exec.Command("nginx", append(args, "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))...)
}

// Start runs nginx with a configuration until the test ends. It is ready when Start returns. prepare is called with
// the prefix before.
func Start(t testing.TB, config string, prepare ...func(dir string)) *Nginx {
	t.Helper()
	need(t)
	dir := t.TempDir()
	for _, f := range prepare {
		f(dir)
	}
	write(t, dir, config)
	cmd := command(dir)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	n := &Nginx{Dir: dir, t: t}
	for range 1000 { // it writes its pid when all of its sockets listen, which the first one that answers does not tell
		if pid, _ := os.ReadFile(filepath.Join(dir, "pid")); len(pid) > 0 {
			n.Log()
			return n
		}
		select {
		case <-ended:
			t.Fatalf("nginx did not start: %s", said.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatal("nginx does not listen")
	return nil
}

// Response is what nginx answered, in the form of coretest's.
type Response struct {
	Status  int // 0 = the connection was closed without an answer
	Header  coretest.Header
	Trailer coretest.Header
	Body    string
}

// Get asks for a path, with more header lines.
func (n *Nginx) Get(path string, header ...string) *Response {
	n.t.Helper()
	return n.Do(coretest.Get(path, header...))
}

// Do sends a request on a connection of its own.
func (n *Nginx) Do(request string) *Response {
	n.t.Helper()
	c, err := net.Dial("unix", n.Dir+"/socket")
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		n.t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		n.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	b := bufio.NewReader(c)
	head, err := b.Peek(1)
	if err == io.EOF && len(head) == 0 {
		return &Response{}
	}
	res, err := http.ReadResponse(b, &http.Request{Method: method})
	if err != nil {
		n.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	out := &Response{Status: res.StatusCode, Body: string(body)}
	out.Header, out.Trailer = lines(res.Header), lines(res.Trailer)
	return out
}

func lines(h http.Header) (list coretest.Header) {
	for name, values := range h {
		for _, v := range values {
			list = append(list, name+": "+v)
		}
	}
	return list
}

// File returns the content of a file below Dir, once it holds that many lines.
func (n *Nginx) File(name string, lines int) string {
	n.t.Helper()
	var content []byte
	for range 1000 { // nginx writes after it has answered
		content, _ = os.ReadFile(filepath.Join(n.Dir, name))
		if bytes.Count(content, []byte("\n")) >= lines {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return string(content)
}

// Log returns the error log lines since the last call, in the form of coretest's Server.Log.
func (n *Nginx) Log() []string {
	n.t.Helper()
	content, err := os.ReadFile(filepath.Join(n.Dir, "error.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(content[n.log:])) {
		if m := logLine.FindStringSubmatch(line); m != nil {
			list = append(list, "["+m[1]+"] "+strings.ReplaceAll(m[2], n.Dir+"/", ""))
		}
	}
	n.log = len(content)
	return list
}

var logLine = regexp.MustCompile(`^\S+ \S+ \[(\w+)\] \S+ \*\d+ (.*)\n$`)

// Check returns what nginx says of a configuration that it refuses, or warns of: "MESSAGE in nginx.conf:LINE", lines
// counted as by coretest.LoadError. "" = nothing.
func Check(t testing.TB, config string) string {
	t.Helper()
	need(t)
	dir := t.TempDir()
	write(t, dir, config)
	cmd := command(dir, "-t")
	said, _ := cmd.CombinedOutput() // its status says no more than its words
	text := coretest.Wrap(config)
	offset := strings.Count(text[:strings.Index(text, config)], "\n")
	var list []string
	for line := range strings.Lines(string(said)) {
		msg, found := strings.CutPrefix(line, "nginx: [")
		if !found || strings.Contains(line, "the \"user\" directive") {
			continue
		}
		_, msg, _ = strings.Cut(strings.TrimSuffix(msg, "\n"), "] ")
		msg = strings.ReplaceAll(msg, dir+"/", "")
		if head, line, ok := cutLast(msg, "nginx.conf:"); ok {
			at, err := strconv.Atoi(line)
			if err != nil {
				t.Fatal(err)
			}
			msg = head + "nginx.conf:" + strconv.Itoa(at-offset)
		}
		list = append(list, msg)
	}
	return strings.Join(list, "\n")
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
