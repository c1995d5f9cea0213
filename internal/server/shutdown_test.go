package server

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// dial opens a client connection and serves one request on it, so that it is idle then.
func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.listen)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

const answered = "worker_processes 2;\nevents {}\nhttp { access_log off; server { listen LISTEN; location / { return 200 ok; } location /held { proxy_pass http://BACKEND; } } }"

func TestQuitClosesIdleConnectionsAndLetsARequestFinish(t *testing.T) {
	w := newWorld(t, answered)
	idle := w.dial()
	io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	read := bufio.NewReader(idle)
	if line, err := read.ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
		t.Fatalf("the answer begins with %q, %v", line, err)
	}
	answer := make(chan string)
	go func() { answer <- w.get("/held") }()
	<-w.back.held
	ended := make(chan struct{})
	go func() { w.server.Quit(nil); close(ended) }()
	if _, err := io.ReadAll(read); err != nil {
		t.Errorf("the idle connection: %v", err)
	}
	select {
	case <-ended:
		t.Error("the server ended with a request under way")
	default:
	}
	close(w.back.hold)
	if got := <-answer; got != "backend /held" {
		t.Errorf("the request under way got %q", got)
	}
	<-ended
	w.wantLog("gracefully shutting down")
	w.wantLog("exit\n")
	if _, err := os.Stat(w.dir + "/hearth.pid"); !os.IsNotExist(err) {
		t.Errorf("the pid file: %v", err)
	}
}

func TestWorkerShutdownTimeoutEndsAGracefulStop(t *testing.T) {
	w := newWorld(t, "worker_shutdown_timeout 20ms;"+answered)
	answer := make(chan string)
	go func() { answer <- w.get("/held") }()
	<-w.back.held
	w.server.Quit(nil)
	if got := <-answer; !strings.HasPrefix(got, "ERROR") {
		t.Errorf("the request under way got %q", got)
	}
	close(w.back.hold)
}

func TestASecondSignalMakesAGracefulStopAFastOne(t *testing.T) {
	w := newWorld(t, answered)
	answer := make(chan string)
	go func() { answer <- w.get("/held") }()
	<-w.back.held
	sigs := make(chan os.Signal, 2)
	sigs <- syscall.SIGQUIT
	sigs <- syscall.SIGTERM
	w.server.Run(sigs)
	if got := <-answer; !strings.HasPrefix(got, "ERROR") {
		t.Errorf("the request under way got %q", got)
	}
	close(w.back.hold)
	w.wantLog("signal 3 (SIGQUIT) received, shutting down")
	w.wantLog("signal 15 (SIGTERM) received, exiting")
}

func TestSignalsReloadAndReopen(t *testing.T) {
	w := newWorld(t, answered)
	w.want("/", "ok")
	w.configure(strings.Replace(answered, "200 ok", "200 new", 1))
	os.Rename(w.dir+"/logs/error.log", w.dir+"/logs/error.log.1")
	sigs := make(chan os.Signal, 8)
	for _, sig := range []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGHUP} {
		sigs <- sig
	}
	ended := make(chan struct{})
	go func() { w.server.Run(sigs); close(ended) }()
	for w.get("/") != "new" {
		continue
	}
	sigs <- syscall.SIGTERM
	<-ended
	w.wantLog("signal 12 (SIGUSR2) received, changing binary is not supported yet")
	w.wantLog("signal 28 (SIGWINCH) received, stopping only the worker processes is not supported yet")
	w.wantLog("signal 1 (SIGHUP) received, reconfiguring")
}

func TestAUnixSocketIsBoundAndItsFileRemovedAtTheEnd(t *testing.T) {
	w := newWorld(t, strings.Replace(answered, "listen LISTEN", "listen LISTEN; listen unix:"+t.TempDir()+"/s", 1))
	var path string
	for addr := range w.server.ports {
		if addr.IsUnix() {
			path = addr.Path
		}
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	if answer, _ := io.ReadAll(c); !strings.HasSuffix(string(answer), "ok") {
		t.Errorf("over the unix socket: %q", answer)
	}
	c.Close()
	w.server.Quit(nil)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket's file: %v", err)
	}
}

func TestTheConnectionsOfALoopAreBounded(t *testing.T) {
	w := newWorld(t, strings.Replace(answered, "worker_processes 2;\nevents {}", "events { worker_connections 1; }", 1))
	defer func() { w.server.Stop() }()
	answer := make(chan string)
	go func() { answer <- w.get("/held") }()
	<-w.back.held
	c := w.dial()
	if got, err := io.ReadAll(c); len(got) > 0 {
		t.Errorf("a connection too many got %q, %v", got, err)
	}
	w.wantLog("[alert]")
	w.wantLog("1 worker_connections are not enough")
	close(w.back.hold)
	if got := <-answer; got != "backend /held" {
		t.Errorf("the request under way got %q", got)
	}
}
