package upstream_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/resolve"
)

// TestNamesOnRealLoops has two loops ask for names, and names change under them, for the race detector.
func TestNamesOnRealLoops(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })}
	go server.Serve(backend)
	defer server.Close()
	_, port, _ := net.SplitHostPort(backend.Addr().String())
	zone := &names{records: map[string][]string{"a.test A": {"0 IN A 127.0.0.1"}}}
	config := fmt.Sprintf(`http { %s upstream u { zone u 64k; server a.test:%s resolve; keepalive_min 1; }
		server { listen 80; location / { proxy_pass http://u; } location /v { proxy_pass http://$arg_to; } } }`, ipv4, port)
	cfg, err := conf.Load(conf.Options{
		File: "nginx.conf", Prefix: t.TempDir(), Schema: core.NewSchema(modules),
		ReadFile: func(string) ([]byte, error) { return []byte(config), nil },
		Glob:     func(string) ([]string, error) { return nil, os.ErrNotExist },
	})
	if err != nil {
		t.Fatal(err)
	}
	registry := core.NewRegistry()
	core.Carry(registry, "name servers", "", func() resolve.Transport { return zone })
	var loops []*loop.Loop
	for i := range 2 {
		l, err := loop.New(loop.Options{ID: i})
		if err != nil {
			t.Fatal(err)
		}
		loops = append(loops, l)
	}
	g, err := core.Compile(cfg, core.Options{Number: 1, Modules: modules, Loops: loops, Logs: logs.NewRegistry(2), Carried: registry})
	if err != nil {
		t.Fatal(err)
	}
	front := core.NewPort(g.Sockets[0])
	var running, clients sync.WaitGroup
	for _, l := range loops {
		ln, err := conn.Listen(conn.ListenOptions{Addr: conn.MustAddr("127.0.0.1:0"), NoDelay: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := ln.AcceptOn(l, func(c *conn.Conn) { frontend.Serve(front, c) }); err != nil {
			t.Fatal(err)
		}
		running.Go(l.Run)
		defer func() {
			ended := make(chan struct{})
			l.Post(func() { ln.Close(); frontend.CloseAll(l); close(ended) })
			<-ended
			l.Stop()
		}()
		clients.Go(func() { askInTurn(t, ln.Addr().String(), port, zone) })
	}
	clients.Wait()
	g.Close()
	t.Cleanup(running.Wait)
}

// askInTurn asks by both ways, until the followed name is known and then some.
func askInTurn(t *testing.T, addr, port string, zone *names) {
	client := &http.Client{Transport: new(http.Transport), Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	get := func(path string) string {
		res, err := client.Get("http://" + addr + path)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(string(body)))
	}
	for i := 0; get("/") != "200 hello"; i++ {
		if i == 10000 {
			t.Error("the name was never resolved")
			return
		}
	}
	for i := range 50 {
		zone.mu.Lock()
		// Nobody listens at the second address: the first one serves in its stead.
		zone.records["a.test A"] = []string{"0 IN A 127.0.0.1", "0 IN A 127.0.0.2"}[:1+i%2]
		zone.mu.Unlock()
		if got := get("/v?to=a.test:" + port); got != "200 hello" {
			t.Errorf("by a variable: %s", got)
		}
		if got := get("/v?to=127.0.0.1:" + port); got != "200 hello" {
			t.Errorf("by an address: %s", got)
		}
		if got := get("/"); got != "200 hello" {
			t.Errorf("by the upstream: %s", got)
		}
	}
}
