// Package backend starts the servers behind the proxies, each in a process of its own: nginx where files or
// TLS are wanted, a lean server where small answers are, and a counting one where the proxy's behaviour
// towards its backend is what is measured.
package backend

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hearth/bench/child"
)

// Stats is what a backend has seen since it started. The nginx backend knows Accepted, Requests and Open.
type Stats struct {
	Accepted     int64 // connections
	Requests     int64 // answered
	Open         int64 // connections now
	Bytes        int64 // of bodies received
	PeakRequests int64 // most requests under way at once
	ClosedByPeer int64 // connections which the proxy closed
	Repeated     int64 // requests whose X-Bench-Id had arrived before
}

// Backend is a running server.
type Backend struct {
	Addrs   []string // where it listens
	process *child.Process
	control string
	read    func(*bufio.Reader, net.Conn) (Stats, error)
	// conn is where the figures are asked for: one connection that stays open, so that asking changes only
	// the nginx backend's Requests, by one each time.
	conn net.Conn
	in   *bufio.Reader
}

// Stats asks the backend for its figures.
func (b *Backend) Stats() (Stats, error) {
	if b.conn == nil {
		c, err := net.Dial("tcp", b.control)
		if err != nil {
			return Stats{}, err
		}
		b.conn, b.in = c, bufio.NewReader(c)
	}
	return b.read(b.in, b.conn)
}

// Stop ends the server.
func (b *Backend) Stop() {
	if b.conn != nil {
		b.conn.Close()
	}
	b.process.Stop()
}

// StartCounting starts n listeners of the counting backend in one process: this program again, with the
// argument "backend".
func StartCounting(ctx context.Context, ports *child.Ports, n int, how Behaviour) (*Backend, error) {
	addrs, control, err := addresses(ports, n)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := child.Start("counting backend", os.Stderr, self, "backend",
		"-listen", strings.Join(addrs, ","), "-control", control,
		"-idle", how.Idle.String(), "-close-on-reuse="+strconv.FormatBool(how.CloseOnReuse), "-grpc="+strconv.FormatBool(how.GRPC),
		"-lean="+strconv.FormatBool(how.Lean))
	if err != nil {
		return nil, err
	}
	return ready(ctx, &Backend{Addrs: addrs, control: control, process: p, read: readJSON})
}

// WriteFiles writes the files which the nginx backend serves, name to size, below dir/files.
func WriteFiles(dir string, sizes map[string]int64) error {
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o755); err != nil {
		return err
	}
	for name, size := range sizes {
		if err := os.WriteFile(filepath.Join(dir, "files", name), bytes.Repeat([]byte("hearth "), int(size)/7+1)[:size], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// StartNginx starts an nginx that serves /small from memory and the files of dir below /files/, over TLS if there is a
// certificate. Its own files go to dir, too.
func StartNginx(ctx context.Context, ports *child.Ports, dir, certificate string) (*Backend, error) {
	addrs, control, err := addresses(ports, 1)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "backend.conf")
	if err := os.WriteFile(conf, []byte(nginxConf(dir, addrs[0], control, certificate)), 0o644); err != nil {
		return nil, err
	}
	p, err := child.Start("nginx backend", nil, "nginx", "-p", dir, "-e", "backend.log", "-c", conf, "-g", "daemon off;")
	if err != nil {
		return nil, err
	}
	return ready(ctx, &Backend{Addrs: addrs, control: control, process: p, read: readStubStatus})
}

// addresses takes n addresses to serve on and one to be asked on.
func addresses(ports *child.Ports, n int) (serve []string, control string, err error) {
	for range n {
		addr, err := ports.Next()
		if err != nil {
			return nil, "", err
		}
		serve = append(serve, addr)
	}
	control, err = ports.Next()
	return serve, control, err
}

func ready(ctx context.Context, b *Backend) (*Backend, error) {
	for _, addr := range append([]string{b.control}, b.Addrs...) {
		if err := b.process.WaitListening(ctx, addr); err != nil {
			b.Stop()
			return nil, err
		}
	}
	return b, nil
}

func nginxConf(dir, addr, control, certificate string) string {
	user, ssl := "", ""
	if certificate != "" {
		addr += " ssl"
		ssl = fmt.Sprintf("ssl_certificate %[1]s; ssl_certificate_key %[1]s.key; ssl_protocols TLSv1.2 TLSv1.3;", certificate)
	}
	if os.Getuid() == 0 {
		user = "user root;" // the files lie in a directory that only their owner can enter
	}
	return fmt.Sprintf(`%s
worker_processes 1;
pid backend.pid;
events { worker_connections 16384; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    keepalive_time 24h;
    server {
        listen %s backlog=4096; %s
        location = /small { default_type text/plain; return 200 "a small answer\n"; }
        location /files/ { root %s; }
    }
    server { listen %s; location / { stub_status; } }
}
`, user, addr, ssl, dir, control)
}

// readJSON asks the counting backend.
func readJSON(in *bufio.Reader, c net.Conn) (s Stats, err error) {
	body, err := ask(in, c)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// readStubStatus asks nginx's stub_status.
func readStubStatus(in *bufio.Reader, c net.Conn) (Stats, error) {
	body, err := ask(in, c)
	if err != nil {
		return Stats{}, err
	}
	return parseStubStatus(string(body))
}

// parseStubStatus reads the page of ngx_http_stub_status_module: the third line holds the numbers of
// accepted connections, handled ones and requests.
func parseStubStatus(page string) (s Stats, err error) {
	var handled int64
	_, err = fmt.Sscanf(page, "Active connections: %d\nserver accepts handled requests\n %d %d %d",
		&s.Open, &s.Accepted, &handled, &s.Requests)
	if err != nil {
		err = fmt.Errorf("not a stub_status page: %q: %w", page, err)
	}
	return s, err
}

// ask sends a GET on c and returns the answer's body.
func ask(in *bufio.Reader, c net.Conn) ([]byte, error) {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
