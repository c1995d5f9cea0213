package frontend

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/loop"
)

// TestOverSockets has many clients ask two real loops at once, under the race detector when that is on: what loops share are the
// counters and the serial numbers.
func TestOverSockets(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := newWorld(t, nil)
	w.shard.engine.serve = func(r *core.Request, _ *core.Address) { echo(r) }
	before := ReadStatus()

	var loops []*loop.Loop
	var running sync.WaitGroup
	for i := range 2 {
		l, err := loop.New(loop.Options{ID: i})
		if err != nil {
			t.Fatal(err)
		}
		shardOf(l).engine = w.shard.engine
		loops = append(loops, l)
	}
	ln, err := conn.Listen(conn.ListenOptions{Addr: conn.MustAddr("127.0.0.1:0"), NoDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Spread(loops, func(c *conn.Conn) { Serve(nil, c) }); err != nil {
		t.Fatal(err)
	}
	for _, l := range loops {
		running.Go(l.Run)
	}

	const clients, requests = 10, 30
	var asking sync.WaitGroup
	for i := range clients {
		asking.Go(func() { askEchoes(t, ln.Addr().String(), i, requests) })
	}
	asking.Wait()

	var ended sync.WaitGroup
	ended.Add(len(loops))
	for i, l := range loops {
		l.Post(func() {
			if i == 0 {
				ln.Close()
			}
			Drain(l)
			CloseAll(l)
			ended.Done()
		})
	}
	ended.Wait()
	for _, l := range loops {
		l.Stop()
	}
	running.Wait()
	after := ReadStatus()
	if n := after.Requests - before.Requests; n != clients*requests {
		t.Errorf("%d requests counted", n)
	}
	if n := after.Accepted - before.Accepted; n != clients {
		t.Errorf("%d connections counted", n)
	}
	if after.Active != before.Active {
		t.Errorf("%d connections left", after.Active-before.Active)
	}
}

// askEchoes posts bodies of growing length over one connection, by length and in chunks in turn, and checks the answers.
func askEchoes(t *testing.T, addr string, client, requests int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for n := range requests {
		body := strings.Repeat(fmt.Sprintf("%d-%d;", client, n), n*n*5)
		request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if n%2 == 1 {
			request = fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Error(err)
			return
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Error(err)
			return
		}
		got, err := io.ReadAll(answer.Body)
		if string(got) != "["+body+"]" || err != nil {
			t.Errorf("client %d, request %d: %d bytes, want %d; %v", client, n, len(got), len(body)+2, err)
			return
		}
	}
}
