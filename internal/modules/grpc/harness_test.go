package grpc

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/headers"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/rewrite"
	"hearth/internal/upstream"
)

// modules is the least list that passes calls on, and what the tests' configurations need else.
var modules = []*core.Module{&headers.Module, &rewrite.Module, &upstream.Module, &Module}

// backend is where a script listens in the tests that need no nginx.
const backend = "127.0.0.1:9000"

// hearth serves a configuration on the fake network, with a script behind it at each address.
func hearth(t testing.TB, config string, s *script, addrs ...string) *coretest.Server {
	t.Helper()
	h := coretest.NewOn(t, modules, config)
	for _, addr := range addrs {
		h.Net.Listen(conn.MustAddr(addr), func(p *conn.Peer) {
			l := s.connect()
			p.OnData = func(p *conn.Peer) {
				l.feed(p.Received())
				l.flush(p)
			}
			l.push = func() {
				l.flush(p)
				h.Sim.Run()
			}
		})
	}
	return h
}

// flush sends what a line has to say.
func (l *line) flush(p *conn.Peer) {
	if out := slices.Clone(l.out.Bytes()); len(out) > 0 {
		l.out.Reset()
		p.Send(out)
	}
	if l.closed {
		p.Close()
	}
}

// pairing runs the same requests through Debian's nginx and through hearth, with servers that follow the same script.
type pairing struct {
	t      *testing.T
	nginx  *nginxtest.Nginx
	hearth *coretest.Server
	mu     sync.Mutex // guards theirs, which nginx's connections use
	theirs script
	ours   script
}

// pair starts both. BACKEND in the configuration is the server's address.
func pair(t *testing.T, config string) *pairing {
	t.Helper()
	p := &pairing{t: t}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go p.serve(l)
	config = strings.ReplaceAll(config, "BACKEND", l.Addr().String())
	p.nginx = nginxtest.Start(t, config)
	p.hearth = hearth(t, config, &p.ours, l.Addr().String())
	return p
}

func (p *pairing) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go p.converse(c)
	}
}

func (p *pairing) converse(c net.Conn) {
	defer c.Close()
	p.mu.Lock()
	line := p.theirs.connect()
	p.mu.Unlock()
	for buf := make([]byte, 64<<10); ; {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		line.feed(buf[:n])
		out := slices.Clone(line.out.Bytes())
		line.out.Reset()
		closed := line.closed
		p.mu.Unlock()
		c.Write(out)
		if closed {
			return
		}
	}
}

// follow has both servers do the same from now on.
func (p *pairing) follow(answer func(q *call)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.theirs = script{answer: answer}
	p.ours = script{answer: answer}
}

// last are the last requests that the servers got from nginx and from hearth.
func (p *pairing) last() (theirs, ours *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.theirs.calls[len(p.theirs.calls)-1], p.ours.calls[len(p.ours.calls)-1]
}
