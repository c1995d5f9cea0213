package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"hearth/internal/conf"
	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/loop"
	"hearth/internal/pool"
	"hearth/internal/resolve"
	"hearth/internal/upstream"
)

// world is hearth on a fake clock, network and name server. Backends answer with their own address.
type world struct {
	t     testing.TB
	sim   *loop.Sim
	loop  *loop.Loop
	net   *conn.FakeNet
	dns   *names
	logs  *logs.Registry
	log   *logs.ErrorLog
	gen   *core.Generation
	port  *core.Port
	dir   string
	peers map[string][]*conn.Peer // by address, in order of connecting
}

func newWorld(t testing.TB, config string) *world {
	t.Helper()
	w := &world{t: t, sim: loop.NewSim(), dns: &names{records: map[string][]string{}}, logs: logs.NewRegistry(1), dir: t.TempDir(), peers: map[string][]*conn.Peer{}}
	w.loop = w.sim.Loop()
	w.net = conn.NewFakeNet(w.sim)
	var err error
	if w.log, err = w.logs.ErrorLog(logs.Sink{Target: logs.Target{Kind: logs.ToMemory, Size: 1 << 20}, Level: logs.Info}); err != nil {
		t.Fatal(err)
	}
	w.load(config)
	t.Cleanup(func() {
		w.gen.Close()
		w.sim.Run()
		w.sim.Stop()
	})
	return w
}

// load makes and starts the next generation.
func (w *world) load(config string) {
	w.t.Helper()
	old := w.gen
	g, err := w.compile(config, false)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gen = g
	if old == nil {
		w.port = core.NewPort(g.Sockets[0])
	} else {
		w.port.Swap(g.Sockets[0])
		old.Close()
	}
	w.sim.Run()
}

func (w *world) compile(config string, hold bool) (*core.Generation, error) {
	if !strings.Contains(config, "server {") {
		config += " server { listen 80; location / { proxy_pass http://u; } }"
	}
	cfg, err := conf.Load(conf.Options{
		File: "nginx.conf", Prefix: w.dir, Schema: core.NewSchema(modules),
		ReadFile: func(string) ([]byte, error) { return []byte("http { " + config + "}"), nil },
		Glob:     func(string) ([]string, error) { return nil, os.ErrNotExist },
	})
	if err != nil {
		return nil, err
	}
	registry, number := core.NewRegistry(), 1
	if w.gen != nil {
		registry, number = w.gen.Carried.Next(), w.gen.Number+1
	}
	core.Carry(registry, "name servers", "", func() resolve.Transport { return w.dns })
	return core.Compile(cfg, core.Options{
		Number: number, Modules: modules, Loops: []*loop.Loop{w.loop}, Logs: w.logs, Carried: registry, Dialer: w.net, ErrorLog: w.log, Hold: hold,
	})
}

// serve has backends at addresses.
func (w *world) serve(addrs ...string) *world {
	for _, addr := range addrs {
		w.net.Listen(conn.MustAddr(addr), func(p *conn.Peer) {
			w.peers[addr] = append(w.peers[addr], p)
			p.OnData = func(p *conn.Peer) {
				for range bytes.Count(p.Received(), []byte("\r\n\r\n")) {
					fmt.Fprintf(sender{p}, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(addr), addr)
				}
			}
		})
	}
	return w
}

type sender struct{ *conn.Peer }

func (s sender) Write(p []byte) (int, error) {
	s.Send(p)
	return len(p), nil
}

// get is the body of the response, or its status where that is not 200.
func (w *world) get(path string, header ...string) string {
	w.t.Helper()
	head, body := w.ask(path, header...)
	if !strings.HasPrefix(head, "HTTP/1.1 200") {
		return head[min(len(head), 9):min(len(head), 12)]
	}
	return body
}

// ask is a request on a connection of its own.
func (w *world) ask(path string, header ...string) (head, body string) {
	w.t.Helper()
	c, peer := conn.Pair(w.loop)
	w.sim.Do(w.loop, func() { frontend.Serve(w.port, c) })
	peer.Send([]byte("GET " + path + " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n" + strings.Join(append(header, ""), "\r\n") + "\r\n"))
	w.sim.Run()
	head, body, _ = strings.Cut(string(peer.Received()), "\r\n\r\n")
	peer.Close()
	w.sim.Run()
	return head, body
}

// gets are the bodies of n responses, sorted.
func (w *world) gets(n int) string {
	w.t.Helper()
	var all []string
	for range n {
		all = append(all, w.get("/"))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// stats are the figures of the upstream of a name.
func (w *world) stats(name string) (found pool.GroupStats) {
	w.t.Helper()
	upstream.Each(w.gen, func(n string, s *upstream.Shared) {
		if n == name {
			found = s.Pool.Stats(w.loop.Now())
		}
	})
	return found
}

// logged are the error log's messages since the last call, without the context of the request.
func (w *world) logged() string {
	var lines []string
	for _, ring := range w.log.Rings() {
		for line := range strings.Lines(string(ring)) {
			_, line, _ = strings.Cut(strings.TrimSpace(line), ": ")
			line, _, _ = strings.Cut(line, ", client: ")
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func want(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// names is a fake name server: "a.test A" -> lines of a zone file. A resolver asks several questions at once; between
// look-ups the test has it to itself.
type names struct {
	mu      sync.Mutex
	records map[string][]string
	asked   int
	down    bool
}

func (z *names) set(question string, lines ...string) { z.records[question] = lines }

// Exchange implements resolve.Transport.
func (z *names) Exchange(_ context.Context, _ netip.AddrPort, _ bool, query []byte, accept func([]byte) bool) error {
	var req dns.Msg
	if err := req.Unpack(query); err != nil {
		return err
	}
	m := new(dns.Msg)
	m.SetReply(&req)
	q := req.Question[0]
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	lines, ok := z.records[strings.TrimSuffix(q.Name, ".")+" "+dns.TypeToString[q.Qtype]]
	switch {
	case z.down:
		m.Rcode = dns.RcodeServerFailure
	case !ok:
		m.Rcode = dns.RcodeNameError
	}
	for _, line := range lines {
		rr, err := dns.NewRR(strings.TrimSuffix(q.Name, ".") + ". " + line)
		if err != nil {
			return err
		}
		m.Answer = append(m.Answer, rr)
	}
	msg, err := m.Pack()
	if err != nil {
		return err
	}
	if !accept(msg) {
		return errors.New("refused by the resolver")
	}
	return nil
}

const minute = time.Minute
