package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hearth/internal/conn"
	"hearth/internal/core/coretest"
)

// world is a server on real sockets, with a backend that counts connections.
type world struct {
	t      *testing.T
	dir    string
	listen string // address of the proxy
	back   *backend
	server *Server
	stderr strings.Builder
	client *http.Client
}

// newWorld starts a server with a configuration in which LISTEN and BACKEND stand for addresses. When the test ends, the server
// has ended and nothing must be left of it.
func newWorld(t *testing.T, config string) *world {
	t.Helper()
	w := prepareWorld(t, config)
	s, err := Start(w.options(), NewMessages(&w.stderr))
	if err != nil {
		t.Fatalf("start: %s", w.stderr.String())
	}
	w.server = s
	return w
}

// prepareWorld writes the configuration and starts the backend.
func prepareWorld(t *testing.T, config string) *world {
	t.Helper()
	coretest.FreeAddress(t) // the runtime's poller opens two descriptors at the first use of the network
	before, descriptors, open := goleak.IgnoreCurrent(), countDescriptors(t), conn.Open()
	w := &world{t: t, dir: t.TempDir(), listen: coretest.FreeAddress(t), back: newBackend(t)}
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}
	os.Mkdir(filepath.Join(w.dir, "logs"), 0o755)
	w.configure(config)
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		w.back.server.Close()
		if err := goleak.Find(before, goleak.IgnoreAnyFunction("hearth/internal/secure.signer")); err != nil {
			t.Errorf("goroutines are left: %v", err)
		}
		if n := countDescriptors(t); n != descriptors {
			t.Errorf("%d descriptors are open, %d before the test", n, descriptors)
		}
		if n := conn.Open(); n != open {
			t.Errorf("%d connections are open, %d before the test", n, open)
		}
	})
	return w
}

func (w *world) options() Options {
	return Options{File: filepath.Join(w.dir, "nginx.conf"), Prefix: w.dir, Version: "hearth/test", Guest: true}
}

// configure writes the configuration file.
func (w *world) configure(config string) {
	w.t.Helper()
	config = strings.NewReplacer("LISTEN", w.listen, "BACKEND", w.back.address).Replace(config)
	if !strings.Contains(config, "pid ") {
		config = "pid hearth.pid;\n" + config
	}
	if !strings.Contains(config, "error_log ") {
		config = "error_log logs/error.log info;\n" + config
	}
	if err := os.WriteFile(filepath.Join(w.dir, "nginx.conf"), []byte(config), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// get requests a path and returns the body; a failure is "ERROR ...".
func (w *world) get(path string) string {
	res, err := w.client.Get("http://" + w.listen + path)
	if err != nil {
		return "ERROR " + err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "ERROR " + err.Error()
	}
	if res.StatusCode != 200 {
		return fmt.Sprintf("ERROR status %d", res.StatusCode)
	}
	return string(body)
}

func (w *world) want(path, body string) {
	w.t.Helper()
	if got := w.get(path); got != body {
		w.t.Fatalf("GET %s: %q, want %q; log:\n%s", path, got, body, w.log())
	}
}

// log is what the error log holds.
func (w *world) log() string {
	content, _ := os.ReadFile(filepath.Join(w.dir, "logs/error.log"))
	return string(content)
}

// wantLog waits for the line, which is written behind the answer that it is about.
func (w *world) wantLog(text string) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(w.log(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the log does not have %q:\n%s", text, w.log())
		}
	}
}

// backend is a server that counts its connections.
type backend struct {
	address  string
	server   *http.Server
	opened   atomic.Int64
	requests atomic.Int64
	hold     chan struct{} // requests for /held wait for it
	held     chan struct{} // told of each
}

func newBackend(t *testing.T) *backend {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{address: ln.Addr().String(), hold: make(chan struct{}), held: make(chan struct{}, 100)}
	b.server = &http.Server{Handler: b, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			b.opened.Add(1)
		}
	}}
	go b.server.Serve(ln)
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	if r.URL.Path == "/held" {
		b.held <- struct{}{}
		<-b.hold
	}
	io.WriteString(w, "backend "+r.URL.Path)
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
