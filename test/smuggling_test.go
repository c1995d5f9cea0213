package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A spy takes whatever bytes a proxy sends and answers each request it can make out, the way a strict server would. What
// it makes out tells whether the proxy said the same as it understood.
type spy struct {
	ln net.Listener
	mu sync.Mutex
	in map[string]string // bytes by connection
}

func newSpy(t *testing.T) *spy {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &spy{ln: ln, in: map[string]string{}}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.watch(c)
		}
	}()
	return s
}

// watch answers when a head is complete, and goes on reading: a body, or what was smuggled in as one.
func (s *spy) watch(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 64<<10)
	answered := false
	for {
		n, err := c.Read(buf)
		s.mu.Lock()
		s.in[c.RemoteAddr().String()] += string(buf[:n])
		all := s.in[c.RemoteAddr().String()]
		s.mu.Unlock()
		if err != nil {
			return
		}
		if !answered && complete(all) {
			answered = true
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		}
	}
}

// complete tells whether a head and its body, by whatever framing, have come.
func complete(all string) bool {
	head, body, ok := strings.Cut(all, "\r\n\r\n")
	if !ok {
		return false
	}
	if strings.Contains(strings.ToLower(head), "transfer-encoding") {
		return strings.HasSuffix(body, "0\r\n\r\n")
	}
	n, _ := strconv.Atoi(fieldOf(head, "Content-Length"))
	return len(body) >= n
}

// of returns what came on each connection that a tag was seen on.
func (s *spy) of(tag string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, v := range s.in {
		if strings.Contains(v, tag) {
			all = append(all, v)
		}
	}
	return all
}

// wellFormed says what is wrong with bytes that should be one request in canonical form, "" if nothing is.
func wellFormed(raw string) string {
	head, body, ok := strings.Cut(raw, "\r\n\r\n")
	if !ok {
		return "no end of the head"
	}
	lines := strings.Split(head, "\r\n")
	parts := strings.Split(lines[0], " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0" {
		return "request line"
	}
	count := map[string]int{}
	value := map[string]string{}
	for _, line := range lines[1:] {
		name, v, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t\x00\"(),/:;<=>?@[\\]{}") {
			return fmt.Sprintf("field line %q", line)
		}
		count[strings.ToLower(name)]++
		value[strings.ToLower(name)] = strings.TrimSpace(v)
	}
	if strings.ContainsAny(strings.ReplaceAll(head, "\r\n", ""), "\r\n\x00") {
		return "bare CR, LF or NUL"
	}
	length, chunked := count["content-length"], count["transfer-encoding"]
	switch {
	case count["host"] != 1:
		return "not one Host"
	case length+chunked > 1:
		return "more than one framing"
	case length == 1:
		if n, err := strconv.ParseUint(value["content-length"], 10, 63); err != nil || int(n) != len(body) {
			return fmt.Sprintf("length %q of a body of %d", value["content-length"], len(body))
		}
	case chunked == 1:
		in := bufio.NewReader(strings.NewReader(body))
		if _, err := readChunked(in); err != nil || in.Buffered() > 0 || value["transfer-encoding"] != "chunked" {
			return "chunks"
		}
	case body != "":
		return "body without framing"
	}
	return ""
}

// smuggled are requests that two servers might understand differently. Each hides a request for /hidden.
var smuggled = func() map[string]string {
	const hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
	chunked := "0\r\n\r\n" + hidden
	m := map[string]string{}
	add := func(name, fields, body string) {
		m[name] = "POST /seen HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body
	}
	add("CL.TE", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", chunked)
	add("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))
	for i, te := range []string{"xchunked", "chunked, identity", "identity, chunked", "chunked, chunked", "gzip, chunked", " chunked", "\tchunked", "chunked ", "chunked\t", "chunked;q=1", "\"chunked\"", "CHUNKED", "Chunked", "\vchunked", "chunked\x00", "", "identity", "chunked\r\n chunked", "\r\n chunked"} {
		add(fmt.Sprintf("TE.TE %d %q", i, te), "Transfer-Encoding:"+te+"\r\n", chunked)
		add(fmt.Sprintf("TE.TE with a length %d %q", i, te), "Content-Length: 4\r\nTransfer-Encoding:"+te+"\r\n", chunked)
	}
	for _, name := range []string{"Transfer-Encoding ", " Transfer-Encoding", "Transfer_Encoding", "Transfer-Encoding\t", "Transfer\x00-Encoding", "X: y\nTransfer-Encoding", "X: y\rTransfer-Encoding", "Transfer-Encoding\r\n", "transfer-encoding"} {
		add(fmt.Sprintf("name %q", name), "Content-Length: 4\r\n"+name+": chunked\r\n", chunked)
	}
	add("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked)
	add("two codings, other order", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", chunked)
	for _, cl := range []string{"+4", "-4", "4 ", " 4", "0x4", "4,4", "4, 4", "4 4", "04", "4.0", "4e0", "", "99999999999999999999", "18446744073709551620", "4\x00", "4\v", "٤"} {
		add(fmt.Sprintf("length %q", cl), "Content-Length: "+cl+"\r\n", "abcd"+hidden)
	}
	add("two lengths", "Content-Length: 0\r\nContent-Length: 4\r\n", "abcd"+hidden)
	add("two equal lengths", "Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"+hidden)
	for _, size := range []string{"+4", "-4", "0x4", " 4", "4 ", "4\t", "4;a", "4 ;a=\"b\"", "00000000000000000004", "10000000000000004", "ffffffffffffffff4", "100000004", "4,", "4g", "", "4\n", "4\r", "4;\n", "4;a\rb", "4;a\x00"} {
		add(fmt.Sprintf("chunk size %q", size), "Transfer-Encoding: chunked\r\n", size+"\r\nabcd\r\n"+chunked)
	}
	add("chunk without its end", "Transfer-Encoding: chunked\r\n", "4\r\nabcdef\r\n"+chunked)
	add("chunk that ends in LF", "Transfer-Encoding: chunked\r\n", "4\r\nabcd\n"+chunked)
	add("size that ends in LF", "Transfer-Encoding: chunked\r\n", "4\nabcd\r\n"+chunked)
	add("trailer with framing", "Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 50\r\n\r\n"+hidden)
	add("trailer with a bare LF", "Transfer-Encoding: chunked\r\n", "0\r\nX: y\n\n"+hidden)
	add("trailer without colon", "Transfer-Encoding: chunked\r\n", "0\r\nnonsense\r\n\r\n"+hidden)
	add("folded", "X: a\r\n Content-Length: 60\r\n", hidden)
	add("folded length", "Content-Length:\r\n 4\r\n", "abcd"+hidden)
	add("folded first", " X: a\r\nContent-Length: 4\r\n", "abcd"+hidden)
	add("bare CR in a value", "X: a\rContent-Length: 60\r\n", hidden)
	add("bare LF in a value", "X: a\nContent-Length: 4\r\n", "abcd"+hidden)
	add("CR CR LF", "X: a\r\r\nContent-Length: 4\r\n", "abcd"+hidden)
	add("NUL in a value", "X: a\x00b\r\n", "")
	add("NUL in a name", "X\x00: a\r\n", "")
	add("control character in a value", "X: a\x01b\x7f\r\n", "")
	add("no colon", "nonsense\r\nContent-Length: 4\r\n", "abcd"+hidden)
	add("space before the colon", "Content-Length : 60\r\n", hidden)
	add("empty name", ": x\r\nContent-Length: 4\r\n", "abcd"+hidden)
	add("length hidden by Connection", "Content-Length: 4\r\nConnection: close, Content-Length\r\n", "abcd")
	add("coding hidden by Connection", "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n", "0\r\n\r\n")
	m["two hosts"] = "GET /seen HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
	m["host conflict"] = "GET http://b/seen HTTP/1.1\r\nHost: a\r\n\r\n"
	m["host with a space"] = "GET /seen HTTP/1.1\r\nHost: a b\r\n\r\n"
	m["host with a NUL"] = "GET /seen HTTP/1.1\r\nHost: a\x00b\r\n\r\n"
	m["host with userinfo"] = "GET http://x@b/seen HTTP/1.1\r\nHost: a\r\n\r\n"
	m["line with two spaces"] = "GET  /seen HTTP/1.1\r\nHost: a\r\n\r\n"
	m["line with a tab"] = "GET\t/seen HTTP/1.1\r\nHost: a\r\n\r\n"
	m["line with a third word"] = "GET /seen HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n"
	m["CR in the line"] = "GET /seen\rX HTTP/1.1\r\nHost: a\r\n\r\n"
	m["encoded CRLF in the path"] = "GET /seen%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n"
	m["version 1.10"] = "GET /seen HTTP/1.10\r\nHost: a\r\n\r\n"
	m["chunked in HTTP/1.0"] = "POST /seen HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked
	m["body on GET"] = "GET /seen HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\n\r\n" + hidden
	m["upgrade with a body"] = "POST /seen HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 4\r\n\r\nabcd"
	return m
}()

// smugglingConf passes requests on in each way that builds them differently.
const smugglingConf = `server { listen %PORT1%; keepalive_timeout 75s; lingering_timeout 200ms;
	location / { proxy_pass http://%SPY%; }
	location /keep/ { proxy_pass http://%SPY%/; }
	location /stream/ { proxy_request_buffering off; proxy_pass http://%SPY%/; }
	location /vars/ { rewrite ^/vars(/.*)$ $1 break; proxy_pass http://%SPY%$uri$is_args$args; }
	location /host/ { proxy_set_header Host $http_host; proxy_set_header X-All "$uri$http_x"; proxy_pass http://%SPY%; } }`

func TestNoRequestIsSmuggled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newSpy(t)
	p := l.Hearth(strings.ReplaceAll(site(smugglingConf), "%SPY%", s.ln.Addr().String()))
	type attempt struct{ name, raw, tag string }
	attempts := make(chan attempt)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for a := range attempts {
				l.smuggle(p, s, a.name, a.raw, a.tag)
			}
		})
	}
	for i, way := range []string{"/", "/keep/", "/stream/", "/vars/", "/host/"} {
		for n, name := range sortedKeys(smuggled) {
			tag := fmt.Sprintf("-%d-%d-", i, n)
			raw := strings.Replace(smuggled[name], "/seen", way+"seen"+tag, 1)
			if name != "body on GET" { // whose length counts
				raw = strings.Replace(raw, "/hidden", "/hidden"+tag, 1)
			}
			attempts <- attempt{name + " by " + way, raw, tag}
		}
	}
	close(attempts)
	workers.Wait()
}

// smuggle sends a request in one piece, then checks what the backend saw and what the client got: one answer for each.
func (l *Lab) smuggle(p *Proxy, s *spy, name, raw, tag string) {
	short, _, _ := strings.Cut(name, " by ")
	if smuggledWrong[short]+smuggledWrong[name] != "" {
		return
	}
	c := l.Dial(p.Addr(1))
	defer c.Close()
	io.WriteString(c, raw)
	first, err := c.Receive("POST")
	refused := err != nil || first.Status >= 400
	answers := 1
	for !refused {
		c.SetReadDeadline(time.Now().Add(quiet))
		if a, err := c.Receive("GET"); err != nil || a.Cut {
			break
		}
		answers++
	}
	seen := s.of(tag)
	for _, got := range seen {
		switch bad := wellFormed(got); {
		case bad != "" && !refused:
			l.Errorf("%s: %s\nsent  %q\nproxied %q", name, bad, raw, got)
		case strings.Contains(got, "\r\nX: y") && !strings.Contains(raw, "\nX: y"):
			l.Errorf("%s: a field of the client's making\nsent  %q\nproxied %q", name, raw, got)
		case strings.Contains(got, "/hidden") && !strings.HasPrefix(got, "GET /") && !strings.Contains(got, "\r\n\r\nGET /hidden"):
			l.Errorf("%s: the hidden request went along\nsent  %q\nproxied %q", name, raw, got)
		}
	}
	follows := strings.Contains(raw, "abcdGET ") || strings.Contains(raw, "0\r\n\r\nGET ") // the hidden request is a second one
	switch {
	case refused && !c.Closes(patience/2):
		l.Errorf("%s: refused with %d, and the connection goes on\nsent %q", name, first.Status, raw)
	case len(seen) > answers:
		l.Errorf("%s: %d requests reached the backend, %d answers the client\nsent %q\nproxied %q", name, len(seen), answers, raw, seen)
	case answers > 1 && !follows:
		l.Errorf("%s: %d answers\nsent %q\nproxied %q", name, answers, raw, seen)
	}
}

// smuggledWrong are known faults.
var smuggledWrong = map[string]string{
	`chunk size "100000004"`: "413 comes as soon as a chunk's size exceeds client_max_body_size, not when its bytes do",
}

func TestSmugglingRequestsAreRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newSpy(t)
	p := l.Hearth(strings.ReplaceAll(site(smugglingConf), "%SPY%", s.ln.Addr().String()))
	// Those that are all right as they stand, or harmless because what is strange about them is left out.
	fine := map[string]bool{}
	for _, name := range []string{`TE.TE 5 " chunked"`, `TE.TE 6 "\tchunked"`, `TE.TE 7 "chunked "`, `TE.TE 8 "chunked\t"`, `TE.TE 11 "CHUNKED"`, `TE.TE 12 "Chunked"`,
		`name "Transfer_Encoding"`, `length "4 "`, `length " 4"`, `length "04"`, `chunk size "4;a"`, `chunk size "4 ;a=\"b\""`, `chunk size "4 "`, `chunk size "4\t"`, "version 1.10",
		"bare LF in a value", "trailer with framing", "body on GET", "upgrade with a body", "host conflict", "encoded CRLF in the path", "length hidden by Connection", "coding hidden by Connection", "line with two spaces"} {
		fine[name] = true
	}
	for _, name := range sortedKeys(smuggled) {
		if smuggledWrong[name] != "" {
			continue
		}
		c := l.Dial(p.Addr(1))
		io.WriteString(c, smuggled[name])
		a, _ := c.Receive("POST")
		if refused := a.Status >= 400 || a.Status == 0; refused == fine[name] {
			t.Errorf("%s: %d\n%q", name, a.Status, smuggled[name])
		}
		c.Close()
	}
}

// badAnswers are responses that two readers might understand differently; the client must get 502, or see the message cut.
var badAnswers = map[string]string{
	"two lengths":            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\nok",
	"length list":            "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
	"length with a sign":     "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
	"length negative":        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
	"length too great":       "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
	"both":                   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"unknown coding":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
	"coding after chunked":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
	"two codings":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"bad chunk size":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2g\r\nok\r\n0\r\n\r\n",
	"junk after chunk size":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 x\r\nok\r\n0\r\n\r\n",
	"chunk size overflows":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n",
	"chunk too long":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
	"folded field":           "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
	"NUL in a value":         "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
	"CR in a value":          "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok",
	"space before the colon": "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
	"no colon":               "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok",
	"empty name":             "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 2\r\n\r\nok",
	"status of two digits":   "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
	"status of four digits":  "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
	"status 099":             "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
	"no version":             "200 OK\r\nContent-Length: 2\r\n\r\nok",
	"version 2":              "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"NUL in the reason":      "HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok",
	"CR in the reason":       "HTTP/1.1 200 O\rX: y\r\nContent-Length: 2\r\n\r\nok",
	"leading empty line":     "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"html":                   "<html>hello</html>\r\n\r\n",
	"switch unasked":         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"endless 1xx":            strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 2000) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
}

func TestBadAnswersNeverLookGood(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(func(c *Call) { io.WriteString(c, badAnswers[strings.ReplaceAll(c.Path[1:], "%20", " ")]); c.Close() })
	p := l.Hearth(site("server { listen %PORT1%; location / { proxy_pass http://%BACK1%; } }"))
	for _, name := range sortedKeys(badAnswers) {
		c := l.Dial(p.Addr(1))
		fmt.Fprint(c, get("/"+strings.ReplaceAll(name, " ", "%20")))
		a, err := c.Receive("GET")
		if err == nil && a.Status != 502 && !a.Cut {
			t.Errorf("%s: %d %q\n%s", name, a.Status, a.Body, a.Head)
		}
		if strings.ContainsAny(strings.ReplaceAll(a.Head, "\r\n", ""), "\r\x00") {
			t.Errorf("%s: control characters reached the client: %q", name, a.Head)
		}
		c.Close()
	}
}

// Bytes after a response must not become the next client's.
func TestBytesBeyondAResponseAreNobodysAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	later, sent := make(chan bool), make(chan bool)
	b := l.Backend(func(c *Call) {
		switch {
		case c.Method == "HEAD":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"+extra)
		case strings.HasPrefix(c.Path, "/extra"):
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"+extra)
		case strings.HasPrefix(c.Path, "/late"):
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			later <- true
			io.WriteString(c, extra)
			sent <- true
		case strings.HasPrefix(c.Path, "/204"):
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"+extra)
		case strings.HasPrefix(c.Path, "/304"):
			io.WriteString(c, "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n"+extra)
		case strings.HasPrefix(c.Path, "/chunks"):
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"+extra)
		default:
			c.Say(200, "clean")
		}
	})
	p := l.Hearth(site("upstream u { server %BACK1%; keepalive 8; } server { listen %PORT1%; location / { proxy_pass http://u; } location /nobuf/ { proxy_buffering off; proxy_pass http://u/; } }"))
	c := l.Dial(p.Addr(1))
	for range 5 {
		for _, ask := range []string{request("HEAD", "/head"), get("/extra"), get("/204"), get("/304"), get("/chunks"), get("/late"), get("/nobuf/extra"), get("/nobuf/chunks"), request("HEAD", "/nobuf/head")} {
			method, _, _ := strings.Cut(ask, " ")
			fmt.Fprint(c, ask)
			if a, err := c.Receive(method); err != nil || strings.Contains(a.Body, "poison") {
				t.Fatalf("%q: %q %v", ask, a.Body, err)
			}
			if strings.Contains(ask, "/late") {
				<-later
				<-sent
				time.Sleep(5 * time.Millisecond) // for it to arrive; sooner it could be the next answer to anybody
			}
			fmt.Fprint(c, get("/clean"))
			if a, err := c.Receive("GET"); err != nil || a.Status != 200 || a.Body != "clean" {
				t.Fatalf("after %q: %d %q %v", ask, a.Status, a.Body, err)
			}
		}
	}
	b.Close()
}
