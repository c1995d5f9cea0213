package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"hearth/internal/loop"
)

// zone is a name server's content: for a question "name. TYPE" the lines of its answer.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
	soa     string
	rcode   map[string]int // of a name, other than success and NXDOMAIN
	asked   []string
}

func (z *zone) answer(req *dns.Msg, udp bool) *dns.Msg {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(req)
	q := req.Question[0]
	name := strings.ToLower(q.Name)
	z.asked = append(z.asked, name+" "+dns.TypeToString[q.Qtype])
	if code, ok := z.rcode[name]; ok {
		m.Rcode = code
		return m
	}
	known := false
	for line, text := range z.records {
		known = known || strings.HasPrefix(line, name+" ")
		if line != name+" "+dns.TypeToString[q.Qtype] {
			continue
		}
		for _, rr := range text {
			record, err := dns.NewRR(rr)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, record)
		}
	}
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 && z.soa != "" {
		soa, _ := dns.NewRR(z.soa)
		m.Ns = append(m.Ns, soa)
	}
	if udp {
		m.Truncate(payload)
	}
	return m
}

func (z *zone) questions() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	all := strings.Join(z.asked, ", ")
	z.asked = nil
	return all
}

func (z *zone) set(question string, lines ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.records == nil {
		z.records = map[string][]string{}
	}
	z.records[question] = lines
}

// Exchange makes a zone a Transport without a network. Servers other than the first address are dead.
func (z *zone) Exchange(ctx context.Context, server netip.AddrPort, tcp bool, query []byte, accept func([]byte) bool) error {
	if server != servers[0] {
		return errors.New("connection refused")
	}
	var req dns.Msg
	if err := req.Unpack(query); err != nil {
		return err
	}
	msg, err := z.answer(&req, !tcp).Pack()
	if err != nil {
		return err
	}
	if !accept(msg) {
		return errUnacceptable
	}
	return nil
}

var servers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("192.0.2.54:53")}

// clock is moved by the test.
type clock struct {
	mu sync.Mutex
	at loop.Instant
}

func (c *clock) now() loop.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
}

func withZone(z *zone, conf Config) (*Resolver, *clock) {
	if conf.Servers == nil {
		conf.Servers = servers[:1]
	}
	if !conf.IPv4 && !conf.IPv6 {
		conf.IPv4 = true
	}
	c := &clock{at: loop.SimStart}
	return New(conf, z, c.now), c
}

// listen serves the zone on loopback, by UDP and TCP.
func (z *zone) listen(t *testing.T) netip.AddrPort {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Skipf("the port is taken for TCP: %v", err)
	}
	handler := func(isUDP bool) dns.HandlerFunc {
		return func(w dns.ResponseWriter, req *dns.Msg) { w.WriteMsg(z.answer(req, isUDP)) }
	}
	started := make(chan struct{}, 2)
	for _, s := range []*dns.Server{
		{PacketConn: udp, Handler: handler(true), NotifyStartedFunc: func() { started <- struct{}{} }},
		{Listener: tcp, Handler: handler(false), NotifyStartedFunc: func() { started <- struct{}{} }},
	} {
		go s.ActivateAndServe()
		t.Cleanup(func() { s.Shutdown() })
	}
	<-started
	<-started
	return udp.LocalAddr().(*net.UDPAddr).AddrPort()
}
