package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// reloadConf says its name in a response header, and where its requests go.
func reloadConf(name, server string) string {
	return site(fmt.Sprintf(`
upstream u { server %s; keepalive 64; keepalive_requests 1000000; }
server {
	listen %%PORT1%%;
	add_header X-Generation %s always;
	location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://u; }
	location /ws { proxy_http_version 1.1; proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade; proxy_pass http://u; }
}`, server, name))
}

// reload sends HUP and waits until the new generation answers.
func (p *Proxy) reload(name string) {
	p.lab.Helper()
	p.Signal(syscall.SIGHUP)
	eventually(p.lab, "generation "+name, func() bool { return p.lab.Get(p.Addr(1), "/").Field("X-Generation") == name })
}

// load runs clients with kept-alive connections until stop is closed, and counts what they were served and what failed.
type load struct {
	served, failed atomic.Int64
	first          atomic.Value // the first failure
	clients        sync.WaitGroup
	stop           chan struct{}
}

func startLoad(addr string, clients int) *load {
	l := &load{stop: make(chan struct{})}
	for range clients {
		l.clients.Go(func() { l.run(addr) })
	}
	return l
}

func (l *load) run(addr string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		err := fetch(client, "http://"+addr+"/load")
		if err == nil {
			l.served.Add(1)
			continue
		}
		l.failed.Add(1)
		l.first.CompareAndSwap(nil, err.Error())
	}
}

func fetch(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err = io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func (l *load) end() {
	close(l.stop)
	l.clients.Wait()
}

func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	b := l.Backend(func(c *Call) { c.Say(200, "x") })
	p := l.Hearth(reloadConf("0", "%BACK1%"))
	const clients, reloads = 8, 20
	load := startLoad(p.Addr(1), clients)
	eventually(t, "some load", func() bool { return load.served.Load() > 200 })
	for i := range reloads {
		p.Configure(reloadConf(fmt.Sprint(i+1), "%BACK1%"))
		p.Signal(syscall.SIGHUP)
		time.Sleep(100 * time.Millisecond) // ten a second, whatever becomes of them
	}
	eventually(t, "the last generation", func() bool { return l.Get(p.Addr(1), "/").Field("X-Generation") == fmt.Sprint(reloads) })
	if dialled, open := b.Connections(), b.Open(); dialled != open {
		t.Errorf("%d of %d connections to the backend were lost", dialled-open, dialled)
	}
	load.end()
	if n := load.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, first: %v", n, load.served.Load()+n, load.first.Load())
	}
	// A client may have its answer, and ask again, just before the connection is back in the pool; and there are those that wait for the generation.
	if n := b.Connections(); n > 2*clients {
		t.Errorf("%d connections to the backend for %d clients", n, clients)
	}
	p.Signal(syscall.SIGQUIT)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestABadConfigurationOnReloadIsLoggedAndLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(nil)
	p := l.Hearth(reloadConf("good", "%BACK1%"))
	p.Configure("events {} http { server { listen %PORT1%; nonsense on; } }")
	p.Signal(syscall.SIGHUP)
	p.Log("error.log", `[emerg]`)
	p.Log("error.log", p.Expand(`unknown directive "nonsense" in %DIR%/site.conf:1`))
	if a := l.Get(p.Addr(1), "/"); a.Status != 200 || a.Field("X-Generation") != "good" {
		t.Errorf("%d %s", a.Status, a.Head)
	}
	p.Configure(reloadConf("better", "%BACK1%"))
	p.reload("better")
}

func TestAReloadMovesRequestsToTheNewUpstream(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(func(c *Call) { c.Say(200, "first") })
	l.Backend(func(c *Call) { c.Say(200, "second") })
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	c := l.Dial(p.Addr(1)) // stays open across the reload
	fmt.Fprint(c, get("/"))
	if a, _ := c.Receive("GET"); a.Body != "first" {
		t.Errorf("got %q", a.Body)
	}
	p.Configure(reloadConf("2", "%BACK2%"))
	p.reload("2")
	fmt.Fprint(c, get("/"))
	if a, err := c.Receive("GET"); err != nil || a.Body != "second" {
		t.Errorf("on the connection from before the reload: %q %v", a.Body, err)
	}
	eventually(t, "connections to the server that left are closed", func() bool { return l.backends[0].Open() == 0 })
}

func TestAReloadOpensAndClosesPorts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	conf := func(listen string) string { return site("server { " + listen + " return 200 ok; }") }
	p := l.prepare(hearthBinary, conf("listen %PORT1%; listen %PORT2%;"))
	p.ports = p.ports[:1]
	p.Configure(conf("listen %PORT1%;"))
	p.launch()
	p.waitListening()
	p.Configure(conf("listen %PORT1%; listen %PORT2%;"))
	p.Signal(syscall.SIGHUP)
	eventually(t, "the second port", func() bool { return reachable(p.Addr(2)) })
	p.Configure(conf("listen %PORT2%;"))
	p.Signal(syscall.SIGHUP)
	eventually(t, "the first port is closed", func() bool { return !reachable(p.Addr(1)) })
	if a := l.Get(p.Addr(2), "/"); a.Body != "ok" {
		t.Errorf("got %q", a.Body)
	}
}

func TestAPortTakenOnReloadLeavesTheOldConfiguration(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.Backend(nil)
	p := l.Hearth(site("server { listen %PORT1%; return 200 ok; }"))
	p.Configure(site("server { listen %PORT1%; listen " + other.Addr + "; return 200 new; }"))
	p.Signal(syscall.SIGHUP)
	p.Log("error.log", "[emerg]")
	p.Log("error.log", "bind() to "+other.Addr+" failed (98: Address already in use)")
	p.Log("error.log", "still could not bind()")
	if a := l.Get(p.Addr(1), "/"); a.Body != "ok" {
		t.Errorf("got %q", a.Body)
	}
}

// tunnel is a scripted WebSocket server: it switches, then says everything back.
func tunnel(c *Call) {
	if c.Field("Upgrade") == "" {
		c.Say(200, "plain")
		return
	}
	fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello ")
	io.Copy(c.Conn, c.In)
	c.Close()
}

// openTunnel switches a connection and checks that bytes go both ways.
func (l *Lab) openTunnel(addr string) *Client {
	l.Helper()
	c := l.Dial(addr)
	fmt.Fprint(c, get("/ws", "Connection: Upgrade", "Upgrade: websocket"))
	a, err := c.Receive("GET")
	if err != nil || a.Status != 101 || a.Field("Upgrade") != "websocket" {
		l.Fatalf("%v\n%s", err, a.Head)
	}
	c.exchange(l, "first", "hello first")
	return c
}

func (c *Client) exchange(l *Lab, say, want string) {
	l.Helper()
	io.WriteString(c, say)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != want {
		l.Errorf("through the tunnel came %q (%v), want %q", got, err, want)
	}
}

func TestATunnelOutlivesReloads(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(tunnel)
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	c := l.openTunnel(p.Addr(1))
	p.Configure(reloadConf("2", "%BACK1%"))
	p.reload("2")
	c.exchange(l, "second", "second")
	p.Configure(site("server { listen %PORT1%; add_header X-Generation 3; return 200; }"))
	p.reload("3")
	big := strings.Repeat("0123456789abcdef", 20000)
	go io.WriteString(c, big)
	c.exchange(l, "", big)
	c.Close()
	eventually(t, "the backend's side ends", func() bool { return l.backends[0].Open() == 0 })
}

// worker_shutdown_timeout bounds what a reload leaves behind: tunnels, and streams, but not those of newer generations on the same
// connection.
func TestWorkerShutdownTimeoutEndsWhatAReloadLeaves(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	going := make(chan bool, 1)
	l.Backend(func(c *Call) {
		if c.Path == "/hang" {
			going <- true
			c.hang()
			return
		}
		tunnel(c)
	})
	conf := func(name string) string {
		return "worker_shutdown_timeout 300ms;\n" + strings.Replace(reloadConf(name, "%BACK1%"), "listen %PORT1%;", "listen %PORT1%; http2 on;", 1)
	}
	p := l.Hearth(conf("1"))
	plainH2 := &http.Transport{Protocols: new(http.Protocols)}
	plainH2.Protocols.SetUnencryptedHTTP2(true)
	defer plainH2.CloseIdleConnections()
	h2 := &http.Client{Transport: plainH2, Timeout: patience}
	stream := func(path string) error {
		a, err := h2.Get("http://" + p.Addr(1) + path)
		if err == nil {
			a.Body.Close()
		}
		return err
	}
	if err := stream("/"); err != nil {
		t.Fatal(err)
	}
	hung := make(chan error, 1)
	go func() { hung <- stream("/hang") }()
	old := l.openTunnel(p.Addr(1))
	<-going
	p.Configure(conf("2"))
	p.reload("2")
	young := l.openTunnel(p.Addr(1))
	if err := <-hung; err == nil || strings.Contains(err.Error(), "Timeout") {
		t.Errorf("the stream that hung ended with %v", err)
	}
	if _, err := old.in.ReadByte(); err == nil {
		t.Error("the old generation's tunnel goes on")
	}
	young.exchange(l, "second", "second")
	if err := stream("/"); err != nil {
		t.Error(err)
	}
}

func TestQuitLetsRequestsEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	going, on := make(chan bool, 1), make(chan bool)
	l.Backend(func(c *Call) {
		if c.Path == "/slow" {
			going <- true
			<-on
		}
		c.Say(200, "done")
	})
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	idle := l.Dial(p.Addr(1))
	fmt.Fprint(idle, get("/"))
	idle.Receive("GET")
	slow := l.Dial(p.Addr(1))
	fmt.Fprint(slow, get("/slow"))
	<-going
	p.Signal(syscall.SIGQUIT)
	eventually(t, "no new connections", func() bool { return !reachable(p.Addr(1)) })
	if !idle.Closes(patience) {
		t.Error("an idle connection was not closed")
	}
	if !p.Running() {
		t.Error("ended with a request in flight")
	}
	close(on)
	if a, err := slow.Receive("GET"); err != nil || a.Body != "done" || a.Field("Connection") != "close" {
		t.Errorf("%q %v\n%s", a.Body, err, a.Head)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "pid")); err == nil {
		t.Error("the pid file is still there")
	}
}

func TestTermEndsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	going := make(chan bool, 1)
	l.Backend(func(c *Call) { going <- true; c.hang(); c.Close() })
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	c := l.Dial(p.Addr(1))
	fmt.Fprint(c, get("/"))
	<-going
	began := time.Now()
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if d := time.Since(began); d > patience/2 {
		t.Errorf("took %v", d)
	}
}

func TestWorkerShutdownTimeoutEndsTheRest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(tunnel)
	p := l.Hearth("worker_shutdown_timeout 300ms;\n" + reloadConf("1", "%BACK1%"))
	l.openTunnel(p.Addr(1))
	p.Signal(syscall.SIGQUIT)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestLogsAreReopened(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(nil)
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	l.Get(p.Addr(1), "/before")
	p.Log("access.log", "/before")
	for _, name := range []string{"access.log", "error.log"} {
		os.Rename(filepath.Join(p.Dir, name), filepath.Join(p.Dir, name+".1"))
	}
	p.Signal(syscall.SIGUSR1)
	p.Log("error.log.1", "reopening logs")
	eventually(t, "new files", func() bool {
		_, err := os.Stat(filepath.Join(p.Dir, "access.log"))
		return err == nil
	})
	l.Get(p.Addr(1), "/after")
	p.Log("access.log", "/after")
	if strings.Contains(p.Read("access.log.1"), "/after") {
		t.Error("the old file is still written to")
	}
}

// A tunnel may keep a process that has been told to quit for days.
func TestLogsAreReopenedDuringAGracefulEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(tunnel)
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	c := l.openTunnel(p.Addr(1))
	p.Signal(syscall.SIGQUIT)
	p.Log("error.log", "gracefully shutting down")
	os.Rename(filepath.Join(p.Dir, "access.log"), filepath.Join(p.Dir, "access.log.1"))
	p.Signal(syscall.SIGUSR1)
	eventually(t, "a new file", func() bool {
		_, err := os.Stat(filepath.Join(p.Dir, "access.log"))
		return err == nil
	})
	c.Close()
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(p.Read("access.log"), " 101 ") {
		t.Error("the tunnel's line is not in the new file")
	}
}

func reachable(addr string) bool {
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + addr + "/")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}
