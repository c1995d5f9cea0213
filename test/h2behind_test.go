package test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// nginx ends a connection after keepalive_requests with GOAWAY, and what was on its way above that is not processed: a
// client of hearth's sees nothing of it, whatever it asks.
func TestNginxAsAnHTTP2Backend(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	behind := l.Nginx(site(`
	server {
		listen 127.0.0.1:%PORT1% http2; keepalive_requests 50; client_max_body_size 0;
		root %DIR%/html;
		location = /hello { return 200 "hello\n"; }
		location = /none { return 204; }
		location = /take { return 200 "taken\n"; }
	}`))
	big := strings.Repeat("0123456789abcdef", 1<<18) // 4 MB
	behind.File("html/big", big)
	p := l.Hearth(site(`upstream behind { server ` + behind.Addr(1) + `; }
	server {
		listen 127.0.0.1:%PORT1%; client_max_body_size 0;
		location / { proxy_pass http://behind; proxy_http_version 2; }
		location /direct/ { proxy_pass http://behind/; proxy_http_version 2; proxy_buffering off; proxy_request_buffering off; }
	}`))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()

	var failed atomic.Int64
	check := func(method, path string, body io.Reader, status int, want string) {
		r, _ := http.NewRequest(method, p.URL(path), body)
		response, err := client.Do(r)
		if err != nil {
			if failed.Add(1) < 5 {
				t.Errorf("%s %s: %v", method, path, err)
			}
			return
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != status || string(got) != want {
			if failed.Add(1) < 5 {
				t.Errorf("%s %s: %d, %d bytes, %v", method, path, response.StatusCode, len(got), err)
			}
		}
	}
	var clients sync.WaitGroup
	for i := range 48 {
		clients.Go(func() {
			for n := range 60 {
				switch {
				case n%20 == 19:
					check("GET", "/big", nil, 200, big)
				case n%20 == 9:
					check("GET", "/direct/big", nil, 200, big)
				case n%5 == 4:
					check("GET", "/none", nil, 204, "")
				case i%2 == 0:
					check("HEAD", "/hello", nil, 200, "")
				default:
					check("GET", "/direct/hello", nil, 200, "hello\n")
				}
			}
		})
	}
	clients.Wait()
	upload := bytes.Repeat([]byte("x"), 3<<20)
	check("PUT", "/take", bytes.NewReader(upload), 200, "taken\n")
	check("PUT", "/direct/take", bytes.NewReader(upload), 200, "taken\n")
	if n := failed.Load(); n > 0 {
		t.Errorf("%d requests failed\n%s", n, tail(p.Read("error.log")))
	}
}

// nginx has a connection for each request that its backend is at work on; hearth has one for a hundred of them on each loop.
func TestManyExchangesShareFewConnections(t *testing.T) {
	t.Parallel()
	const exchanges = 300
	l := newLab(t)
	var conns, inside atomic.Int64
	all := make(chan struct{})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Protocols: protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100},
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				conns.Add(1)
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if inside.Add(1) == exchanges {
				close(all)
			}
			select {
			case <-all:
			case <-time.After(patience):
			}
			fmt.Fprint(w, r.URL.Path)
		}),
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	p := l.Hearth(site(`server { listen 127.0.0.1:%PORT1%; location / { proxy_pass http://` + ln.Addr().String() + `; proxy_http_version 2; } }`))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var clients sync.WaitGroup
	for i := range exchanges {
		clients.Go(func() {
			path := fmt.Sprintf("/%d", i)
			response, err := client.Get(p.URL(path))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if got, _ := io.ReadAll(response.Body); string(got) != path {
				t.Errorf("%s: %d %q", path, response.StatusCode, got)
			}
		})
	}
	clients.Wait()
	if n := conns.Load(); n > exchanges/10 {
		t.Errorf("%d connections for %d exchanges at once", n, exchanges)
	} else {
		t.Logf("%d connections for %d exchanges at once", n, exchanges)
	}
	server.Close() // hearth notices, and the lab finds nothing left open
}
