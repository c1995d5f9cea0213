package frontend

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http2"
)

const h2OracleServer = `
	server_tokens off;
	default_type text/plain;
	location / { SAY "$uri|$args|$request_method|$connection_requests|$http_x|$http_cookie|$http_host|$host|$server_protocol|$request|$content_length|$scheme"; }
	location /missing { ANSWER 404; }
	location /broken { ANSWER 500; }
	location /gone { ANSWER 444; }
	location /small { client_max_body_size 5; SAY "small"; }
`

// h2Asked are requests that nginx and hearth take alike: the first line, fields, and after an empty line the body. Known not
// to be among them: malformed requests, which are reset here, Host beside :authority, and trailers; see docs/DIFFERENCES.md.
var h2Asked = []string{
	"GET /a?b=c",
	"GET /",
	"HEAD /head",
	"GET /fields\nx: y\ncookie: a=1\ncookie: b=2\ncookie: c=3",
	"GET /under\nx_y: z",
	"POST /post\ncontent-length: 3\n\nabc",
	"POST /post\n\nabc",
	"POST /empty\ncontent-length: 0",
	"GET /missing",
	"HEAD /missing",
	"GET /broken",
	"GET /gone",
	"POST /small\ncontent-length: 9\n\n123456789",
	"GET /../up",
	"GET /a%20b//c/./d/../e?f#g",
	"GET /twice\nauthorization: 1\nauthorization: 2",
	"GET /agents\nuser-agent: 1\nuser-agent: 2",
	"get /lower",
	"TRACE /t",
	"GET /" + strings.Repeat("u", 5000),
	"GET /x\nx: " + strings.Repeat("v", 5000),
}

// TestTheSameAnswersOverHTTP2AsNginx compares heads with all of their fields but Date, bodies, and resets.
func TestTheSameAnswersOverHTTP2AsNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	socket := startNginx(t, nginx, h2OracleServer, "http2")
	s := newSite(t, strings.NewReplacer("SAY", "say", "ANSWER", "answer").Replace(h2OracleServer))
	s.Gen.Servers[0].Conf.HTTP2 = core.HTTP2Conf{On: true, MaxStreams: 128, Preread: 64 << 10}
	want := make([]string, len(h2Asked))
	var all sync.WaitGroup
	for i, request := range h2Asked {
		all.Go(func() { want[i] = askH2Nginx(t, socket, request) })
	}
	all.Wait()
	for i, request := range h2Asked {
		got := askH2Site(s, request)
		if want := strings.ReplaceAll(want[i], "nginx", "hearth"); unsizedH2(got) != unsizedH2(want) {
			t.Errorf("%.100q\nhearth: %.600s\nnginx:  %.600s", request, got, want)
		}
	}
}

// unsizedH2 leaves out the length of built-in pages, which end in the server's name, and the code of a reset: nginx has
// PROTOCOL_ERROR for 444, which the client has nothing to do with.
func unsizedH2(answer string) string {
	if strings.Contains(answer, "</center>") || strings.HasPrefix(answer, " 404") {
		answer = h2PageLength.ReplaceAllString(answer, "")
	}
	return strings.ReplaceAll(answer, "reset PROTOCOL_ERROR", "reset INTERNAL_ERROR")
}

var h2PageLength = regexp.MustCompile(`content-length=\d+`)

// askH2 puts a request on a new wire.
func askH2(request string) *h2client {
	c := &h2client{streams: map[uint32]*http2.Stream{}, told: map[uint32]string{}, fields: true}
	c.wire = http2.NewClient(&http2.Options{}, c)
	c.put(request)
	return c
}

// put puts another request on the wire.
func (c *h2client) put(request string) {
	head, body, _ := strings.Cut(request, "\n\n")
	lines := strings.Split(head, "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	s, _ := c.wire.Open(nil, method == "HEAD")
	hw := c.wire.Headers(s)
	hw.Request([]byte(method), []byte("http"), []byte("a:81"), []byte(path))
	writeFields(hw, lines[1:])
	hw.End(body == "")
	if body != "" {
		c.wire.WriteData(s, []byte(body), true)
	}
}

func (c *h2client) transcript() string { return c.told[1] + c.goaway }

func askH2Site(s *site, request string) string {
	c, p := askH2(request), s.connect()
	err := c.talkTo(s, p)
	p.Close()
	s.Sim.Run()
	if err != nil {
		return fmt.Sprint(c.transcript(), err)
	}
	return c.transcript()
}

// talkTo sends what is on the wire and takes the answers.
func (c *h2client) talkTo(s *site, p *conn.Peer) error {
	for range 3 {
		p.Send(append([]byte(nil), c.wire.Output()...))
		c.wire.Sent(len(c.wire.Output()))
		s.Sim.Run()
		if err := c.wire.Feed(p.Received(), 0); err != nil {
			return err
		}
	}
	return nil
}

func askH2Nginx(t *testing.T, socket, request string) string {
	c := askH2(request)
	server, err := net.Dial("unix", socket)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(5 * time.Second))
	in := make([]byte, 64<<10)
	for !strings.Contains(c.told[1], " end") && !strings.Contains(c.told[1], " reset") {
		out := c.wire.Output()
		if _, err := server.Write(out); err != nil {
			return fmt.Sprint(c.transcript(), err)
		}
		c.wire.Sent(len(out))
		n, err := server.Read(in)
		if err != nil {
			return fmt.Sprint(c.transcript(), err)
		}
		if err := c.wire.Feed(in[:n], 0); err != nil {
			return fmt.Sprint(c.transcript(), err)
		}
	}
	return c.transcript()
}

func TestANewGenerationServesOldConnectionsOfHTTP2(t *testing.T) {
	s := newSite(t, `location / { say "old"; }`)
	on := core.HTTP2Conf{On: true, MaxStreams: 128, Preread: 64 << 10}
	s.Gen.Servers[0].Conf.HTTP2 = on
	c, p := askH2("GET /1"), s.connect()
	before := c.talkTo(s, p)
	old := s.Reload(`location / { say "new"; }`)
	defer old.Close()
	s.Gen.Servers[0].Conf.HTTP2 = on
	s.port.Swap(s.Gen.Sockets[0])
	c.put("GET /3")
	after := c.talkTo(s, p)
	if before != nil || after != nil || !strings.Contains(c.told[1], "[old]") || !strings.Contains(c.told[3], "[new]") {
		t.Errorf("%v %v %v", c.told, before, after)
	}
}
