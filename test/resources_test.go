package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// big is a body that no buffer holds, and that compresses badly.
var big = sync.OnceValue(func() []byte {
	b := make([]byte, 20<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(b); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return b
})

// store is a backend that gives back big, by path in one way or the other, or the digest of what it was sent.
func store(c *Call) {
	switch {
	case c.Method == "POST":
		c.Say(200, fmt.Sprintf("%x", sha256.Sum256(c.Body)))
	case strings.HasSuffix(c.Path, "/chunked"):
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for rest := big(); len(rest) > 0; {
			n := min(len(rest), 70001)
			fmt.Fprintf(c, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		io.WriteString(c, "0\r\n\r\n")
	case strings.HasSuffix(c.Path, "/close"):
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
		c.Write(big())
		c.Close()
	case strings.HasSuffix(c.Path, "/length"):
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(big()))
		c.Write(big())
	default:
		c.Say(200, "small")
	}
}

const storeConf = `
upstream u { server %BACK1%; keepalive 32; keepalive_requests 1000000; }
client_max_body_size 0; client_body_buffer_size 64k;
server {
	listen %PORT1%;
	root %DIR%/html;
	location /buffered/ { proxy_pass http://u; }
	location /unbuffered/ { proxy_buffering off; proxy_request_buffering off; proxy_pass http://u; }
	location /nofile/ { proxy_max_temp_file_size 0; proxy_pass http://u; }
	location /rated/ { limit_rate 100m; proxy_pass http://u; }
	location /files/ { alias %DIR%/html/; }
}
`

func TestBigBodiesArriveWhole(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	l := newLab(t)
	l.Backend(store)
	p := l.Hearth(site(storeConf))
	file := p.File("html/big", string(big()))
	want := fmt.Sprintf("%x", sha256.Sum256(big()))
	for _, path := range []string{"/buffered/length", "/buffered/chunked", "/buffered/close", "/unbuffered/length", "/unbuffered/chunked", "/unbuffered/close", "/nofile/length", "/rated/length", "/files/big"} {
		out, err := exec.Command("curl", "-sS", "--max-time", "60", p.URL(path)).Output()
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(out)) != want {
			t.Errorf("%s: %v, %d of %d bytes", path, err, len(out), len(big()))
		}
	}
	for _, path := range []string{"/buffered/", "/unbuffered/"} {
		for _, how := range []string{"Transfer-Encoding: chunked", "X: y", "Expect: 100-continue", "Expect:"} {
			out, err := exec.Command("curl", "-sS", "--max-time", "60", "-X", "POST", "-H", how, "-H", "Content-Type: x/y", "--data-binary", "@"+file, p.URL(path)).Output()
			if err != nil || string(out) != want {
				t.Errorf("POST %s %s: %v, %q", path, how, err, out)
			}
		}
	}
}

// slowly reads a response after the proxy has had time to fill every buffer.
func slowly(l *Lab, addr, path string) {
	l.Helper()
	c := l.Dial(addr)
	c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprint(c, get(path, "Connection: close"))
	a, sum := Answer{}, sha256.New()
	for !strings.HasSuffix(a.Head, "\r\n\r\n") {
		line, err := c.in.ReadString('\n')
		if err != nil {
			l.Fatal(err)
		}
		a.Head += line
	}
	buf := make([]byte, 256<<10)
	for n := 0; ; n++ {
		if n < 20 {
			time.Sleep(5 * time.Millisecond)
		}
		k, err := c.in.Read(buf)
		sum.Write(buf[:k])
		if err != nil {
			break
		}
	}
	if !bytes.Equal(sum.Sum(nil), sumOf(big())) {
		l.Errorf("%s: not what was sent", path)
	}
}

func sumOf(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

func TestASlowReaderGetsAll(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(store)
	p := l.Hearth(site(storeConf))
	p.File("html/big", string(big()))
	var all sync.WaitGroup
	for _, path := range []string{"/buffered/length", "/unbuffered/length", "/nofile/length", "/files/big"} {
		all.Go(func() { slowly(l, p.Addr(1), path) })
	}
	all.Wait()
}

func TestAClientThatGoesAwayIs499(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	asked := make(chan bool, 1)
	b := l.Backend(func(c *Call) { asked <- true; c.hang(); c.Close() })
	p := l.Hearth(site("server { listen %PORT1%; location / { proxy_pass http://%BACK1%; } }"))
	c := l.Dial(p.Addr(1))
	fmt.Fprint(c, get("/left"))
	<-asked
	c.Close()
	p.Log("access.log", `"GET /left HTTP/1.1" 499 0 `)
	p.Log("error.log", "client prematurely closed connection, so upstream connection is closed too while sending request to upstream, client: 127.0.0.1")
	eventually(t, "the backend's connection is closed", func() bool { return b.Open() == 0 })
}

func TestAClientThatGoesAwayInTheMiddleLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(store)
	p := l.Hearth(site(storeConf))
	p.File("html/big", string(big()))
	for _, path := range []string{"/buffered/length", "/buffered/chunked", "/unbuffered/length", "/nofile/length", "/files/big"} {
		c := l.Dial(p.Addr(1))
		fmt.Fprint(c, get(path))
		io.ReadFull(c.in, make([]byte, 100<<10))
		c.Close()
	}
	p.wantNoFiles()
	eventually(t, "the requests have been logged", func() bool { return strings.Count(p.Read("access.log"), "\n") == 5 })
}

// The temporary file of a response nobody takes must not outlive it.
func TestTheTemporaryFileOfAnAbandonedResponseIsClosed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(store)
	p := l.Hearth(site(storeConf))
	c := l.Dial(p.Addr(1))
	c.Conn.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprint(c, get("/buffered/length"))
	p.Log("error.log", "an upstream response is buffered to a temporary file")
	c.Close()
	p.wantNoFiles()
}

func TestAClientThatGoesAwayIsIgnoredIfToldSo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	asked, on := make(chan bool, 1), make(chan bool)
	l.Backend(func(c *Call) { asked <- true; <-on; c.Say(200, "x") })
	p := l.Hearth(site("server { listen %PORT1%; location / { proxy_ignore_client_abort on; proxy_pass http://%BACK1%; } }"))
	c := l.Dial(p.Addr(1))
	fmt.Fprint(c, get("/left"))
	<-asked
	c.Close()
	close(on)
	p.Log("access.log", `"GET /left HTTP/1.1" 200 `)
}

func TestCurlContinuesAfter100(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	l := newLab(t)
	l.Backend(store)
	p := l.Hearth(site(storeConf))
	out, err := exec.Command("curl", "-sS", "-v", "--max-time", "20", "--expect100-timeout", "15", "-H", "Expect: 100-continue", "--data-binary", "body", p.URL("/buffered/")).CombinedOutput()
	if want := fmt.Sprintf("%x", sumOf([]byte("body"))); err != nil || !strings.Contains(string(out), "HTTP/1.1 100 Continue") || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAnUnwritableTempPathFailsTheRequestAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(store)
	p := l.prepare(hearthBinary, site(strings.Replace(storeConf, "server {", "client_body_in_file_only off;\nserver {", 1)))
	p.launch()
	p.waitListening()
	p.opened = p.descriptors()
	for _, dir := range []string{"body", "proxy"} { // root may write anywhere, but not below a file
		os.RemoveAll(filepath.Join(p.Dir, dir))
		p.File(dir, "in the way")
	}
	if a := l.Ask(p.Addr(1), post("/buffered/", strings.Repeat("x", 200<<10), "Connection: close")); a.Status != 500 {
		t.Errorf("upload: %d", a.Status)
	}
	c := l.Dial(p.Addr(1)) // it must not read, or nothing has to go to a file
	fmt.Fprint(c, get("/buffered/length", "Connection: close"))
	p.Log("error.log", "failed (20: Not a directory) while reading upstream")
	if a, err := c.Receive("GET"); err == nil && !a.Cut {
		t.Errorf("download: %d %d bytes", a.Status, len(a.Body))
	}
	if a := l.Get(p.Addr(1), "/buffered/x"); a.Body != "small" {
		t.Errorf("afterwards: %d", a.Status)
	}
}

func TestOutOfDescriptorsAcceptingPausesAndRecovers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(nil)
	p := l.Hearth(siteWith("worker_rlimit_nofile 64;", "server { listen %PORT1%; location / { proxy_pass http://%BACK1%; } }"))
	var held []net.Conn
	for range 120 {
		c, err := net.Dial("tcp", p.Addr(1))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Unfinished: ") // in the middle of a request: not idle, not to be given up
		held = append(held, c)
	}
	p.Log("error.log", "accept4() failed (24: Too many open files)")
	for _, c := range held {
		c.Close()
	}
	eventually(t, "it serves again", func() bool {
		a := l.Get(p.Addr(1), "/")
		return a.Status == 200
	})
	if n := strings.Count(p.Read("error.log"), "accept4() failed"); n > 200 {
		t.Errorf("%d warnings: accepting did not pause", n)
	}
}

func TestOutOfDescriptorsIdleConnectionsAreGivenUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.Hearth(siteWith("worker_rlimit_nofile 64;", "server { listen %PORT1%; return 200 ok; }"))
	for range 120 {
		c := l.Dial(p.Addr(1))
		fmt.Fprint(c, get("/"))
		if a, err := c.Receive("GET"); err != nil || a.Status != 200 {
			t.Fatalf("%d %v", a.Status, err)
		}
	}
}

func TestAThousandSlowClientsHarmNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(nil)
	p := l.Hearth(site("server { listen %PORT1%; client_header_timeout 3s; location / { proxy_pass http://%BACK1%; } }"))
	const n = 1000
	var clients sync.WaitGroup
	var mu sync.Mutex
	var closed int
	began := time.Now()
	for range n {
		c := l.Dial(p.Addr(1))
		clients.Go(func() {
			defer c.Close()
			for _, b := range []byte("GET / HTTP/1.1\r\nHost: a\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaa") {
				if _, err := c.Write([]byte{b}); err != nil {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if rest, _ := io.ReadAll(c.in); len(rest) == 0 || strings.HasPrefix(string(rest), "HTTP/1.1 408") {
				mu.Lock()
				closed++
				mu.Unlock()
			}
		})
	}
	for range 20 {
		at := time.Now()
		if a := l.Get(p.Addr(1), "/"); a.Status != 200 {
			t.Errorf("%d", a.Status)
		}
		if d := time.Since(at); d > 5*time.Second {
			t.Errorf("a request took %v", d)
		}
		time.Sleep(50 * time.Millisecond)
	}
	clients.Wait()
	if closed != n {
		t.Errorf("%d of %d slow clients were cut off", closed, n)
	}
	t.Logf("after %v", time.Since(began).Round(time.Millisecond))
}

func TestAWebSocketEchoesThroughBothModes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(tunnel)
	p := l.Hearth(reloadConf("1", "%BACK1%"))
	c := l.openTunnel(p.Addr(1))
	data := big()[:3<<20]
	go c.Write(data)
	got := make([]byte, len(data))
	if _, err := io.ReadFull(c.in, got); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v", err)
	}
	c.Conn.(*net.TCPConn).CloseWrite()
	if !c.Closes(patience) {
		t.Error("the end did not come through")
	}
	p.Log("access.log", `"GET /ws HTTP/1.1" 101 `)
}

func TestWrkSeesNoErrors(t *testing.T) {
	t.Parallel()
	need(t, "wrk")
	l := newLab(t)
	l.Backend(func(c *Call) { c.Say(200, "hello") })
	p := l.Hearth(site(storeConf))
	out, err := exec.Command("wrk", "-t1", "-c32", "-d2s", p.URL("/buffered/x")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Socket errors") || strings.Contains(string(out), "Non-2xx") {
		t.Errorf("%v\n%s", err, out)
	}
	if n := l.backends[0].Connections(); n > 64 {
		t.Errorf("%d connections to the backend for 32 clients", n)
	}
}

// Idle connections cost little: the process grows by no more than a kilobyte for each, kernel memory aside.
func TestIdleConnectionsCostLittle(t *testing.T) {
	if race || os.Getenv("HEARTH_BINARY") != "" {
		t.Skip("the race detector takes memory of its own, and a given binary may have it")
	}
	t.Parallel()
	l := newLab(t)
	p := l.Hearth(site("server { listen %PORT1%; return 200 ok; }"))
	const n = 3000
	ask := func() *Client {
		c := l.Dial(p.Addr(1))
		fmt.Fprint(c, get("/"))
		c.Receive("GET")
		return c
	}
	for range 200 {
		ask()
	}
	before := p.resident()
	for range n {
		ask()
	}
	if each := float64(p.resident()-before) / n; each > 2048 {
		t.Errorf("%.0f bytes for each", each)
	}
}

// resident is the process's memory in bytes.
func (p *Proxy) resident() int {
	for line := range strings.Lines(p.fileOf("status")) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb << 10
		}
	}
	return 0
}

func (p *Proxy) fileOf(name string) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Pid(), name))
	return string(b)
}
