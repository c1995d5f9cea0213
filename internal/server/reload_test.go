package server

import (
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"hearth/internal/conn"
	"hearth/internal/core/coretest"
)

const proxied = `
worker_processes 2;
events {}
http {
    access_log off;
    upstream back { server BACKEND; keepalive 64; }
    server { listen LISTEN; location / { proxy_pass http://back; } }
}`

func TestReloadsUnderLoadLoseNoRequestAndNoPooledConnection(t *testing.T) {
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	const clients = 8
	var load sync.WaitGroup
	stop := make(chan struct{})
	failures := make(chan string, clients)
	for range clients {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := w.get("/x"); got != "backend /x" {
					failures <- got
					return
				}
			}
		})
	}
	for n := range 30 {
		if err := w.server.Reload(); err != nil {
			t.Errorf("reload %d: %v\n%s", n, err, w.log())
		}
		for served := w.back.requests.Load(); w.back.requests.Load() < served+50 && len(failures) == 0; {
			w.server.onLoops(nothing)
		}
	}
	close(stop)
	load.Wait()
	close(failures)
	for f := range failures {
		t.Errorf("a request failed: %s", f)
	}
	if n := w.back.opened.Load(); n > clients {
		t.Errorf("the backend saw %d connections from %d clients", n, clients)
	}
	w.server.retiring.Wait()
	if n := w.server.generations(); n != 1 {
		t.Errorf("%d generations are held after the reloads", n)
	}
}

func TestAReloadOfABadConfigurationIsLoggedAndTheOldOneServes(t *testing.T) {
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	w.configure(strings.Replace(proxied, "proxy_pass", "proxy_pas", 1))
	if w.server.Reload() == nil {
		t.Error("the reload was accepted")
	}
	w.wantLog(`[emerg]`)
	w.wantLog(`unknown directive "proxy_pas" in ` + w.dir + "/nginx.conf:")
	w.want("/x", "backend /x")
}

func TestAReloadWhoseAddressIsInUseIsRefused(t *testing.T) {
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	w.configure(strings.Replace(proxied, "listen LISTEN;", "listen LISTEN; listen BACKEND;", 1))
	if w.server.Reload() == nil {
		t.Error("the reload was accepted")
	}
	w.wantLog("bind() to " + w.back.address + " failed (98: Address already in use)")
	w.wantLog("still could not bind()")
	w.want("/x", "backend /x")
}

func TestAReloadBindsNewAddressesAndClosesThoseThatAreGone(t *testing.T) {
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	w.want("/x", "backend /x")
	old := w.listen
	w.listen = coretest.FreeAddress(t)
	w.configure(proxied)
	if err := w.server.Reload(); err != nil {
		t.Fatal(w.log())
	}
	w.want("/y", "backend /y")
	w.client.CloseIdleConnections()
	w.listen = old
	w.server.onLoops(nothing)
	if got := w.get("/z"); !strings.Contains(got, "connection refused") {
		t.Errorf("the old address answers %q", got)
	}
}

func TestARequestInFlightIsFinishedByTheGenerationItBeganIn(t *testing.T) {
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	answer := make(chan string)
	go func() { answer <- w.get("/held") }()
	<-w.back.held
	old := w.server.current.Load()
	w.configure(strings.Replace(proxied, "proxy_pass http://back;", "return 200 new;", 1))
	if err := w.server.Reload(); err != nil {
		t.Fatal(w.log())
	}
	w.want("/x", "new")
	if old.Drained() {
		t.Error("the old generation has drained with a request in flight")
	}
	close(w.back.hold)
	if got := <-answer; got != "backend /held" {
		t.Errorf("the request in flight got %q", got)
	}
	w.server.retiring.Wait()
}

func TestAReloadWithAnotherPidFileMovesIt(t *testing.T) {
	w := newWorld(t, "pid one.pid;"+proxied)
	defer func() { w.server.Stop() }()
	w.configure("pid two.pid;" + proxied)
	if err := w.server.Reload(); err != nil {
		t.Fatal(w.log())
	}
	if _, err := os.Stat(w.dir + "/one.pid"); !os.IsNotExist(err) {
		t.Errorf("the old pid file: %v", err)
	}
	if _, err := os.Stat(w.dir + "/two.pid"); err != nil {
		t.Errorf("the new pid file: %v", err)
	}
}

func TestAReloadChangesTheOptionsOfASocketInUse(t *testing.T) {
	w := newWorld(t, proxied)
	defer func() { w.server.Stop() }()
	port := w.server.ports[conn.MustAddr(w.listen)]
	w.configure(strings.Replace(proxied, "listen LISTEN", "listen LISTEN backlog=20 rcvbuf=300k so_keepalive=on", 1))
	if err := w.server.Reload(); err != nil {
		t.Fatal(w.log())
	}
	if w.server.ports[conn.MustAddr(w.listen)] != port {
		t.Error("the socket is another")
	}
	get := func(option int) int {
		n, err := unix.GetsockoptInt(port.listeners[0].FD(), unix.SOL_SOCKET, option)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if size, alive := get(unix.SO_RCVBUF), get(unix.SO_KEEPALIVE); size < 300<<10 || alive != 1 {
		t.Errorf("after the reload SO_RCVBUF is %d and SO_KEEPALIVE %d", size, alive)
	}
}
