package proxy

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"testing"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
)

// BenchmarkProxiedRequestZeroAlloc is one small GET through the whole data path over real sockets, connections kept on
// both sides. Client and backend are of this process and allocate nothing either, so the count is hearth's.
func BenchmarkProxiedRequestZeroAlloc(b *testing.B) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	go answerAll(backend)
	l, err := loop.New(loop.Options{Log: func(msg string) { fmt.Fprintln(os.Stderr, msg) }})
	if err != nil {
		b.Fatal(err)
	}
	config := fmt.Sprintf(`http { upstream u { server %s; keepalive 16; keepalive_requests 1000000000; } server { listen 80; keepalive_requests 1000000000; location / {
		proxy_pass http://u; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } } }`, backend.Addr())
	cfg, err := conf.Load(conf.Options{
		File: "nginx.conf", Prefix: b.TempDir(), Schema: core.NewSchema(modules),
		ReadFile: func(string) ([]byte, error) { return []byte(config), nil },
		Glob:     func(string) ([]string, error) { return nil, os.ErrNotExist },
	})
	if err != nil {
		b.Fatal(err)
	}
	registry := logs.NewRegistry(1)
	errors, err := registry.ErrorLog(logs.Sink{Target: logs.Target{Kind: logs.ToStderr}, Level: logs.Info})
	if err != nil {
		b.Fatal(err)
	}
	gen, err := core.Compile(cfg, core.Options{Number: 1, Modules: modules, Loops: []*loop.Loop{l}, Logs: registry, ErrorLog: errors})
	if err != nil {
		b.Fatal(err)
	}
	port := core.NewPort(gen.Sockets[0])
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer front.Close()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.Run()
	}()
	defer func() {
		l.Stop()
		<-stopped
	}()
	client, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	accepted, err := front.Accept()
	if err != nil {
		b.Fatal(err)
	}
	fd, err := accepted.(*net.TCPConn).File()
	if err != nil {
		b.Fatal(err)
	}
	accepted.Close()
	l.Post(func() {
		c, err := conn.Adopt(l, dup(fd), conn.MustAddr("127.0.0.1:1"))
		if err != nil {
			panic(err)
		}
		frontend.Serve(port, c)
	})
	request := []byte("GET /some/path?with=args HTTP/1.1\r\nHost: example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	answer := make([]byte, 4096)
	exchange := func() {
		if _, err := client.Write(request); err != nil {
			b.Fatal(err)
		}
		n, err := client.Read(answer)
		if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 OK\r\n")) || !bytes.HasSuffix(answer[:n], []byte("hello")) {
			b.Fatalf("%q %v", answer[:n], err)
		}
	}
	for range 100 {
		exchange()
	}
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}

// answerAll is a backend for small requests that come in one piece.
func answerAll(l net.Listener) {
	answer := []byte("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 4096)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}
