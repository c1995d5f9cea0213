package server

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hearth/internal/core/coretest"
	"hearth/internal/loop"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/pool"
	"hearth/internal/upstream"
)

// opensslServer is openssl s_server, whose operator the test is: what it writes is sent, and single letters are commands.
type opensslServer struct {
	t       *testing.T
	address string
	in      io.Writer
	lines   chan string
}

func (w *tlsWorld) opensslServer(args ...string) *opensslServer {
	w.t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		w.t.Skip("openssl is not installed")
	}
	s := &opensslServer{t: w.t, address: coretest.FreeAddress(w.t), lines: make(chan string, 1000)}
	cmd := exec.Command(path, append([]string{"s_server", "-msg", "-accept", s.address, "-cert", w.dir + "/one.pem", "-key", w.dir + "/one.key"}, args...)...)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			select {
			case s.lines <- strings.TrimSpace(line):
			default:
			}
		}
	}()
	w.t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		<-ended
		cmd.Wait()
	})
	s.in = in
	s.wait("ACCEPT")
	return s
}

// wait waits for a line of its output.
func (s *opensslServer) wait(line string) {
	s.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case got := <-s.lines:
			if strings.HasPrefix(got, line) {
				return
			}
		case <-limit:
			s.t.Fatalf("openssl says no %q", line)
		}
	}
}

func (s *opensslServer) types(text string) { io.WriteString(s.in, text) }

// exchange has a request answered.
func (s *opensslServer) exchange(w *tlsWorld, path string) string {
	s.t.Helper()
	answer := make(chan string)
	go func() { answer <- w.get(path) }()
	s.wait("GET " + path)
	s.types("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	return <-answer
}

// A backend may change its keys at any time, and ask for ours to change (RFC 8446, section 4.6.3): also while the connection
// is idle, where that is no data and no reason to end it.
func TestAnIdleConnectionOutlivesKeyUpdates(t *testing.T) {
	w := prepareTLS(t)
	s := w.opensslServer()
	w.start(behindConfig("", "location / { proxy_pass https://"+s.address+"; add_header X-Reused $upstream_connection_reused; }"))
	for i := range 4 {
		if got := s.exchange(w, fmt.Sprintf("/%d", i)); got != "ok" {
			t.Fatalf("request %d: %q; log:\n%s", i, got, w.log())
		}
		res := w.figures()
		if res.Dials != 1 || res.Idle != 1 {
			t.Fatalf("after request %d: %d dialled, %d idle", i, res.Dials, res.Idle)
		}
		s.types([]string{"k\n", "K\n", "K\n", "k\n"}[i])
		s.wait(">>> TLS 1.3, Handshake [length 0005], KeyUpdate")
		if i == 1 || i == 2 {
			s.wait("<<< TLS 1.3, Handshake [length 0005], KeyUpdate")
		}
	}
}

// Of renegotiation, which TLS 1.2 still has, nothing is wanted.
func TestRenegotiationIsRefused(t *testing.T) {
	w := prepareTLS(t)
	s := w.opensslServer("-tls1_2")
	w.start(behindConfig("", "location / { proxy_pass https://"+s.address+"; }"))
	if got := s.exchange(w, "/one"); got != "ok" {
		t.Fatal(got)
	}
	s.types("r\n")
	s.wait("<<< TLS 1.2, Alert [length 0002], warning no_renegotiation")
	if got := s.exchange(w, "/two"); got != "ok" {
		t.Fatal(got)
	}
}

// nginx as the backend sends its tickets when it likes, and says goodbye when a connection has been idle for long enough.
func TestNginxBehind(t *testing.T) {
	w := prepareTLS(t)
	address := coretest.FreeAddress(t)
	nginxtest.Start(t, `
		server { listen 80; }
		server { listen `+address+` ssl; ssl_certificate one.pem; ssl_certificate_key one.key; ssl_protocols TLSv1.2 TLSv1.3; keepalive_timeout 1s;
		location / { return 200 "$ssl_session_reused $ssl_protocol $connection_requests"; } }`, func(dir string) {
		copyFile(t, w.dir+"/one.pem", dir+"/one.pem")
		copyFile(t, w.dir+"/one.key", dir+"/one.key")
	})
	w.start(behindConfig("upstream back { server "+address+"; keepalive 4; keepalive_learn off; }", `
		location /old { proxy_pass https://back; proxy_ssl_protocols TLSv1.2; }
		location / { proxy_pass https://back; }`))
	for _, tt := range []struct{ path, version string }{{"/", "TLSv1.3"}, {"/old", "TLSv1.2"}} {
		w.want(tt.path, ". "+tt.version+" 1")
		w.want(tt.path, ". "+tt.version+" 2")
		for range 500 { // nginx's patience is real time
			if w.figures().Idle == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		w.want(tt.path, "r "+tt.version+" 1")
	}
	if p := w.figures(); p.Dials != 4 || p.Handshake.Count != 4 || p.Handshake.Sum == 0 {
		t.Errorf("%d dialled, %d handshakes in %d µs", p.Dials, p.Handshake.Count, p.Handshake.Sum)
	}
}

// figures are those of the one upstream there is.
func (w *tlsWorld) figures() pool.GroupStats {
	w.t.Helper()
	views := upstream.ViewsOf(w.server.current.Load().Generation, loop.Now())
	if len(views) != 1 {
		w.t.Fatalf("%d upstreams", len(views))
	}
	return views[0].Pool
}
