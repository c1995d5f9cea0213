package test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Lab holds what one test has started, and ends it.
type Lab struct {
	*testing.T
	backends []*Backend
	proxies  []*Proxy
}

// patience bounds every wait for something that should happen soon, on a machine that may be busy.
const patience = 20 * time.Second

func newLab(t *testing.T) *Lab {
	t.TempDir() // its removal is to come after close
	l := &Lab{T: t}
	t.Cleanup(l.close)
	return l
}

// close ends the backends' connections first: what a proxy has open after that, beyond what it began with, is a leak.
func (l *Lab) close() {
	for _, b := range l.backends {
		b.Close()
	}
	for _, p := range l.proxies {
		p.wantNoLeak()
		p.Stop()
		p.wantNoCrash()
	}
}

// Hearth starts the program under test with a configuration, in which
//
//	%PORT1%..%PORT9%  are free ports, for addresses to listen on
//	%BACK1%..%BACK9%  are the addresses of the lab's backends, in the order they were made
//	%USER%            is who runs the test: nobody, the default, would not get at its files
//	%DIR%             is the proxy's directory, %NGINX% what only nginx needs to run there
func (l *Lab) Hearth(conf string) *Proxy { return l.start(hearthBinary, conf) }

// Nginx starts Debian's nginx in the same way, and skips the test if there is none.
func (l *Lab) Nginx(conf string) *Proxy {
	if nginxBinary == "" {
		l.Skip("nginx is not installed")
	}
	return l.start(nginxBinary, conf)
}

func (l *Lab) start(binary, conf string) *Proxy {
	l.Helper()
	p := l.prepare(binary, conf)
	p.launch()
	p.waitListening()
	p.opened = p.descriptors()
	return p
}

// prepare makes the proxy's directory and configuration file, and does not start it.
func (l *Lab) prepare(binary, conf string) *Proxy {
	l.Helper()
	p := &Proxy{lab: l, Binary: binary, Dir: l.TempDir(), names: map[string]string{}}
	os.Chmod(p.Dir, 0o755)
	for _, sub := range []string{"logs", "html"} {
		os.Mkdir(filepath.Join(p.Dir, sub), 0o755)
	}
	p.names["%DIR%"] = p.Dir
	p.names["%NGINX%"] = ""
	p.names["%USER%"] = whoami()
	if p.isNginx() {
		p.names["%NGINX%"] = fmt.Sprintf("fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;", p.Dir)
	}
	for i, b := range l.backends {
		p.names[fmt.Sprintf("%%BACK%d%%", i+1)] = b.Addr
	}
	for i := 1; i <= 9; i++ {
		if name := fmt.Sprintf("%%PORT%d%%", i); strings.Contains(conf, name) {
			port := freePort()
			p.names[name] = strconv.Itoa(port)
			p.ports = append(p.ports, port)
		}
	}
	p.Configure(conf)
	l.proxies = append(l.proxies, p)
	return p
}

// handedOut are the ports given to this run's tests, so that two that run in parallel never get the same.
var handedOut sync.Map

// freePort finds a port nobody listens on, below those the kernel gives to outgoing connections.
func freePort() int {
	for {
		port := 12000 + rand.IntN(20000)
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		ln.Close()
		if _, taken := handedOut.LoadOrStore(port, true); !taken {
			return port
		}
	}
}

// site is a configuration with these directives in its http block.
func site(http string) string { return siteWith("", http) }

// siteWith has directives of the main level too.
func siteWith(main, http string) string {
	return `daemon off; master_process off; user %USER%; worker_processes 2; pid %DIR%/pid; error_log %DIR%/error.log info;
` + main + `
events { worker_connections 4096; }
http {
	access_log %DIR%/access.log;
	client_body_temp_path %DIR%/body; proxy_temp_path %DIR%/proxy; %NGINX%
` + http + `
}
`
}

// eventually waits until ok, and fails the test with what if that does not come.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// whoami is the user this test runs as, for the user directive: a root's workers would be nobody and not get at the test's files.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// shrink makes the queue of a listener as short as it gets.
func shrink(t *testing.T, ln net.Listener) {
	t.Helper()
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { syscall.Listen(int(fd), 0) })
}
