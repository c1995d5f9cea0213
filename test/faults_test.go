package test

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faultsConf logs what became of each request and of its tries.
const faultsConf = `
map "$uri $upstream_response_time" $took { volatile; ~^/alldown(?<time>.*)$ $time; default ""; }
log_format tries '$request $status $body_bytes_sent [$upstream_addr] [$upstream_status] $upstream_response_length $upstream_bytes_received$took';
access_log %DIR%/tries.log tries;
server_tokens off;
proxy_http_version 1.1;
proxy_set_header Connection close;
proxy_read_timeout 500ms;
upstream one { server %BACK1% max_fails=0; }
upstream bad_first { server %BACK2% max_fails=0; server %BACK1% backup; }
upstream none { server %BACK2%; server %BACK3%; }
upstream alldown { server %BACK1% down; }
upstream marked { server %BACK1%; server %BACK1% backup; }
server {
	listen %PORT1%;
	location / { proxy_pass http://one; }
	location /nobuf/ { proxy_buffering off; proxy_pass http://one/; }
	location /small/ { proxy_buffer_size 1k; proxy_pass http://one/; }
	location /paged { error_page 502 /nofile; proxy_pass http://%BACK2%; }
	location /nofile { root %DIR%/html; }
	location /refused { proxy_pass http://%BACK2%; }
	location /second { proxy_pass http://bad_first; }
	location /none { proxy_pass http://none; }
	location /marked/ { proxy_pass http://marked/; }
	location /alldown { proxy_pass http://alldown; }
	location /nonext/ { proxy_next_upstream off; proxy_pass http://bad_first; }
	location /status/ { proxy_next_upstream http_503 http_404; proxy_pass http://retry/; }
	location /tries/ { proxy_next_upstream http_503; proxy_next_upstream_tries 1; proxy_pass http://retry/; }
}
upstream retry { server %BACK1% max_fails=0; server %BACK1% max_fails=0; }
`

// faults are what the backend does, by path.
var faults = map[string]func(*Call){
	"/closes": func(c *Call) { c.Close() },
	"/resets": func(c *Call) { c.Reset() },
	"/half":   func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le"); c.Close() },
	"/halfreset": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
		time.Sleep(20 * time.Millisecond)
		c.Reset()
	},
	"/hangs":     func(c *Call) { c.hang() },
	"/hangshead": func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX:"); c.hang() },
	"/hangsbody": func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"); c.hang() },
	"/garbage":   func(c *Call) { io.WriteString(c, "\x00\x01garbage\r\n\r\n"); c.Close() },
	"/badfield":  func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX\x00: 1\r\n\r\n"); c.Close() },
	"/badvalue":  func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n") },
	"/badstatus": func(c *Call) { io.WriteString(c, "HTTP/1.1 2xx OK\r\n\r\n"); c.Close() },
	"/bighead":   func(c *Call) { c.Say(200, "", "X: "+strings.Repeat("x", 5000)) },
	"/cutbody":   func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"); c.Close() },
	"/cutreset": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
		time.Sleep(20 * time.Millisecond)
		c.Reset()
	},
	"/cutchunks": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")
		c.Close()
	},
	"/cutchunks2": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
		c.Close()
	},
	"/badchunk": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
		c.hang()
	},
	"/badchunk2": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n")
		c.hang()
	},
	"/toomuch":   func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef") },
	"/badlength": func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"); c.Close() },
	"/twolengths": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc")
		c.Close()
	},
	"/samelengths": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
		c.Close()
	},
	"/both": func(c *Call) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		c.Close()
	},
	"/gzipcoding": func(c *Call) { io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc"); c.Close() },
	"/notmodbody": func(c *Call) { io.WriteString(c, "HTTP/1.1 304 Not Modified\r\n\r\n") },
	"/busy":       func(c *Call) { c.Say(503, "busy") },
	"/missing":    func(c *Call) { c.Say(404, "missing") },
	"/early":      func(c *Call) { c.Say(200, "early"); c.Close() },
	"/switches":   func(c *Call) { io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n"); c.hang() },
}

// faulty keeps no connection, as it is asked: pools are other tests' matter.
func faulty(c *Call) {
	if f := faults[c.Path]; f != nil {
		f(c)
	} else {
		c.Say(200, "fine")
	}
	c.Close()
}

// logged are the lines of an error log since from that are warnings or worse, without time, process and connection.
func (p *Proxy) logged(from int) string {
	s := ""
	for line := range strings.Lines(p.Read("error.log")[from:]) {
		if m := logLine.FindStringSubmatch(line); m != nil {
			s += "log: " + strings.ReplaceAll(p.Neutral(m[1]+m[2]), "\n", "") + "\n"
		}
	}
	return s
}

var logLine = regexp.MustCompile(`^\S+ \S+ (\[(?:warn|error|crit|alert|emerg)\] )\d+#\d+: (?:\*\d+ )?(.*\n)`)

// suffer sends a request and shows the answer, what was logged of it, and how often the backends were asked.
func (p *Proxy) suffer(raw string) string {
	from, fromTries := len(p.Read("error.log")), len(p.Read("tries.log"))
	method, _, _ := strings.Cut(raw, " ")
	c := p.lab.Dial(p.Addr(1))
	io.WriteString(c, raw)
	s := "(nothing)"
	if a, err := c.Receive(method); err == nil {
		s = p.show(method, a)
	}
	c.Close()
	eventually(p.lab, "a line in the access log", func() bool { return strings.HasSuffix(p.Read("tries.log")[fromTries:], "\n") })
	tries := p.Neutral(p.Read("tries.log")[fromTries:])
	if p.isNginx() { // its name is shorter by a letter, and so are its pages
		tries = strings.NewReplacer(" 146 [", " 147 [", " 150 [", " 151 [", " 160 [", " 161 [").Replace(tries)
	}
	return s + p.logged(from) + "tries: " + tries + p.showBackends()
}

func TestFaultsOfBackendsAreMetAsByNginx(t *testing.T) {
	t.Parallel()
	p := newFaultyPair(t)
	ask := func(method, path string) string {
		return request(method, path, "Connection: close")
	}
	type fault struct{ method, path, differs string }
	table := []fault{{method: "GET", path: "/refused"}, {method: "GET", path: "/second"}, {method: "POST", path: "/second"}, {method: "GET", path: "/none"}, {method: "GET", path: "/none"}, {method: "GET", path: "/alldown"},
		{method: "GET", path: "/nonext/x"}, {method: "GET", path: "/status/busy"}, {method: "GET", path: "/status/missing"}, {method: "POST", path: "/status/busy"}, {method: "GET", path: "/tries/busy"}, {method: "HEAD", path: "/resets"},
		{method: "GET", path: "/marked/closes"}, {method: "GET", path: "/paged"}}
	for _, path := range sortedKeys(faults) {
		table = append(table, fault{method: "GET", path: path, differs: faultsOtherwise[path]})
	}
	for _, path := range []string{"/closes", "/resets", "/hangs"} {
		table = append(table, fault{method: "POST", path: path})
	}
	for _, path := range []string{"/nobuf/cutbody", "/nobuf/cutreset", "/nobuf/hangsbody", "/nobuf/badchunk", "/nobuf/toomuch", "/small/bighead"} {
		table = append(table, fault{method: "GET", path: path, differs: faultsOtherwise[path]})
	}
	for _, f := range table {
		t.Run(f.method+" "+f.path, func(t *testing.T) {
			var got, want string
			var both sync.WaitGroup
			both.Go(func() { got = p.hearth.suffer(ask(f.method, f.path)) })
			both.Go(func() { want = p.nginx.suffer(ask(f.method, f.path)) })
			both.Wait()
			if f.path == "/nobuf/cutbody" { // nginx was sending to the client, or reading if the end came with the data
				got, want = doing.ReplaceAllString(got, " while …"), doing.ReplaceAllString(want, " while …")
			}
			same := got == want
			if same == (f.differs != "") {
				t.Errorf("meant to differ: %q\n--- hearth:\n%s\n--- nginx:\n%s", f.differs, got, want)
			}
		})
	}
}

var doing = regexp.MustCompile(` while (sending to client|reading upstream)`)

// faultsOtherwise are the intended differences.
var faultsOtherwise = map[string]string{
	"/badlength": "a malformed length is a bad response", "/twolengths": "the same", "/samelengths": "the same",
	"/both": "a response with both a length and chunks is a bad one", "/gzipcoding": "as is one of unknown coding",
	"/badstatus": "a garbage status line is a bad response, not HTTP/0.9", "/garbage": "the same",
	"/switches":  "a switch that nobody asked for is a bad response",
	"/cutreset":  "what came before the reset reaches the client",
	"/hangsbody": "what came before the time-out reaches the client",
	"/bighead":   "hearth may have read more of it", "/small/bighead": "the same",
	"/nobuf/badchunk": "nginx says that it was reading the header",
	"/nobuf/toomuch":  "nginx says that it was reading the header",
}

// newFaultyPair has one backend that runs the faults, and two that refuse connections.
func newFaultyPair(t *testing.T) *Pair {
	if nginxBinary == "" {
		t.Skip("nginx is not installed")
	}
	start := func(binary string) *Proxy {
		l := newLab(t)
		l.Backend(faulty)
		l.Nowhere()
		l.Nowhere()
		return l.start(binary, site(faultsConf))
	}
	return &Pair{TB: t, hearth: start(hearthBinary), nginx: start(nginxBinary)}
}

// poolConf has what nginx recommends for keep-alive, and two servers that would be marked down by one failure.
const poolConf = `
upstream u { server %BACK1% max_fails=1 fail_timeout=60s; server %BACK2% max_fails=1 fail_timeout=60s; keepalive 32; }
server { listen %PORT1%; location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://u; } }
`

// A backend that closes each connection when a second request comes on it.
func TestABackendThatClosesOnReuseCausesNoError(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	once := func(c *Call) {
		if c.Nth > 1 {
			c.Reset()
			return
		}
		c.Say(200, "ok")
	}
	l.Backend(once)
	l.Backend(once)
	p := l.Hearth(site(poolConf))
	var clients sync.WaitGroup
	for range 8 {
		c := l.Dial(p.Addr(1))
		clients.Go(func() {
			for range 50 {
				fmt.Fprint(c, get("/"))
				if a, err := c.Receive("GET"); err != nil || a.Status != 200 {
					t.Errorf("%d %v", a.Status, err)
					return
				}
			}
			c.Close()
		})
	}
	clients.Wait()
	if log := p.Read("error.log"); strings.Contains(log, "no live upstreams") || strings.Contains(log, "temporarily disabled") {
		t.Errorf("a peer was marked down:\n%s", tail(log))
	}
}

// A request with an effect must never be sent twice, whatever the pool has to offer.
func TestAPostIsNeverDeliveredTwice(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var seen sync.Map
	var twice atomic.Int32
	script := func(c *Call) {
		if _, again := seen.LoadOrStore(c.Path, true); again {
			twice.Add(1)
		}
		if c.Method == "POST" && c.Nth > 1 {
			c.Reset() // after it has been read, and had its effect
			return
		}
		c.Say(200, "ok")
	}
	l.Backend(script)
	l.Backend(script)
	p := l.Hearth(site(strings.ReplaceAll(poolConf, "max_fails=1", "max_fails=0")))
	var clients sync.WaitGroup
	for i := range 4 {
		c := l.Dial(p.Addr(1))
		clients.Go(func() {
			for n := range 40 {
				fmt.Fprint(c, get(fmt.Sprintf("/get%d.%d", i, n)), post(fmt.Sprintf("/%d.%d", i, n), "effect"))
				c.Receive("GET")
				if a, err := c.Receive("POST"); err != nil || a.Status != 200 && a.Status != 502 {
					t.Errorf("%d %v", a.Status, err)
					return
				}
			}
			c.Close()
		})
	}
	clients.Wait()
	if n := twice.Load(); n > 0 {
		t.Errorf("%d requests were delivered twice", n)
	}
}

func TestMaxConnsIsKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var now, most atomic.Int32
	l.Backend(func(c *Call) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			continue
		}
		time.Sleep(30 * time.Millisecond)
		now.Add(-1)
		c.Say(200, "1")
	})
	l.Backend(func(c *Call) { c.Say(200, "2") })
	p := l.Hearth(site(`upstream u { server %BACK1% max_conns=3; server %BACK2% backup; } server { listen %PORT1%; location / { proxy_pass http://u; } }`))
	var clients sync.WaitGroup
	for range 12 {
		clients.Go(func() {
			if a := l.Get(p.Addr(1), "/"); a.Status != 200 {
				t.Errorf("%d", a.Status)
			}
		})
	}
	clients.Wait()
	if m := most.Load(); m > 3 {
		t.Errorf("%d requests at once at a server of max_conns=3", m)
	}
	if p.lab.backends[0].Open() > 3 {
		t.Errorf("%d connections to a server of max_conns=3", p.lab.backends[0].Open())
	}
}

func TestAServerThatFailedIsLeftAloneAndTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	gone := l.Nowhere()
	l.Backend(func(c *Call) { c.Say(200, "2") })
	p := l.Hearth(site(`upstream u { server %BACK1% fail_timeout=1s; server %BACK2%; } server { listen %PORT1%; location / { proxy_pass http://u; } }`))
	for range 6 {
		if a := l.Get(p.Addr(1), "/"); a.Body != "2" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	if n := strings.Count(p.Read("error.log"), "Connection refused"); n != 1 {
		t.Errorf("%d connections were refused, want 1", n)
	}
	back := l.serve(gone.Addr, func(c *Call) { c.Say(200, "1") })
	defer back.Close()
	eventually(t, "the server serves again", func() bool { return l.Get(p.Addr(1), "/").Body == "1" })
}

func TestAHangingConnectTimesOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts, and the queue is full
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	shrink(t, ln)
	for range 8 {
		c, err := net.DialTimeout("tcp", ln.Addr().String(), 50*time.Millisecond)
		if err == nil {
			defer c.Close()
		}
	}
	l.backends = append(l.backends, &Backend{Addr: ln.Addr().String()})
	p := l.Hearth(site(`server { listen %PORT1%; location / { proxy_connect_timeout 300ms; proxy_pass http://%BACK1%; } }`))
	if a := l.Get(p.Addr(1), "/"); a.Status != 504 {
		t.Errorf("%d, want 504", a.Status)
	}
	p.Log("error.log", "upstream timed out (110: Connection timed out) while connecting to upstream, client: 127.0.0.1")
}
