package test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// nameServer answers from records, each a name and a line of a zone file ("a.test" and "1 IN A 127.0.0.1").
type nameServer struct {
	Addr    string
	mu      sync.Mutex
	records map[string][]string
}

func (l *Lab) nameServer() *nameServer {
	l.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		l.Fatal(err)
	}
	n := &nameServer{Addr: pc.LocalAddr().String(), records: map[string][]string{}}
	server := &dns.Server{PacketConn: pc, Handler: n}
	go server.ActivateAndServe()
	l.Cleanup(func() { server.Shutdown() })
	return n
}

// set replaces what a name stands for.
func (n *nameServer) set(name string, lines ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records[name] = lines
}

// ServeDNS implements dns.Handler.
func (n *nameServer) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(query)
	q := query.Question[0]
	n.mu.Lock()
	lines := n.records[strings.TrimSuffix(q.Name, ".")]
	n.mu.Unlock()
	for _, line := range lines {
		if rr, err := dns.NewRR(q.Name + " " + line); err == nil && rr.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	if len(lines) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	w.WriteMsg(m)
}

// A server moves to another address: everything that names it follows within the record's time to live, and lets
// go of the connections to where it was.
func TestNamesAreFollowedByTheirTimeToLive(t *testing.T) {
	l := newLab(t)
	old := l.Backend(func(c *Call) { c.Say(200, "old") })
	_, port, _ := net.SplitHostPort(old.Addr)
	moved := l.serve("127.0.0.2:"+port, func(c *Call) { c.Say(200, "new") })
	l.backends = append(l.backends, moved)
	zone := l.nameServer()
	zone.set("a.test", "1 IN A 127.0.0.1")
	zone.set("b.test", "1 IN A 127.0.0.2")
	zone.set("_http._tcp.s.test", "1 IN SRV 1 1 "+port+" a.test.")
	p := l.Hearth(site(`
resolver ` + zone.Addr + ` ipv6=off;
upstream host { zone host 64k; server a.test:` + port + ` resolve; }
upstream service { zone service 64k; server s.test service=http resolve; }
server {
	listen %PORT1%;
	location /host { proxy_pass http://host; }
	location /service { proxy_pass http://service; }
	location /variable { proxy_pass http://$arg_to; }
}`))
	ways := []string{"/host", "/service", "/variable?to=a.test:" + port}
	for _, way := range ways {
		eventually(t, way+" is known", func() bool { return l.Get(p.Addr(1), way).Body == "old" })
	}
	zone.set("a.test", "1 IN A 127.0.0.2")
	zone.set("_http._tcp.s.test", "1 IN SRV 1 1 "+port+" b.test.")
	for _, way := range ways {
		eventually(t, way+" has moved", func() bool { return l.Get(p.Addr(1), way).Body == "new" })
	}
	eventually(t, "the connections to the old address are closed", func() bool {
		old.mu.Lock()
		defer old.mu.Unlock()
		return len(old.open) == 0
	})
}
