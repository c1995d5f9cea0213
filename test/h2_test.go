package test

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// h2Site speaks HTTP/1 and HTTP/2 on port 1, the same over TLS on port 2, and in nginx's old way on port 3.
const h2Site = `
	upstream backend { server %BACK1%; keepalive 16; }
	ssl_certificate %DIR%/cert.pem; ssl_certificate_key %DIR%/key.pem;
	server {
		listen %PORT1%; listen %PORT2% ssl; http2 on;
		location / { return 200 "from $server_protocol\n"; }
		location /back/ { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
	}
	server {
		listen %PORT3% ssl http2;
		location / { return 200 "from $server_protocol\n"; }
	}
`

// h2Hearth starts hearth with HTTP/2 in front.
func h2Hearth(t *testing.T) *Proxy {
	l := newLab(t)
	l.Backend(func(c *Call) { c.Say(200, "from behind\n") })
	p := l.prepare(hearthBinary, site(h2Site))
	p.File("cert.pem", identity().cert)
	p.File("key.pem", identity().key)
	p.launch()
	p.waitListening()
	p.opened = p.descriptors()
	return p
}

// buildH2spec builds the version that tools/go.mod says.
func buildH2spec(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "h2spec")
	out, err := exec.Command("go", "build", "-modfile=../tools/go.mod", "-o", file, "github.com/summerwind/h2spec/cmd/h2spec").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// deviations are cases of h2spec that need not pass without TLS, with why.
var deviations = map[string]string{
	"http2/3.5 Sends invalid connection preface": "on a port that speaks HTTP/1 too it is a malformed request of that, which is answered",
}

// Hearth is what h2spec says an HTTP/2 server must be, in its strict mode too, at each of its places.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	p := h2Hearth(t)
	program := buildH2spec(t)
	for name, args := range map[string][]string{
		"h2c":             {"-p", port(p, 1)},
		"TLS":             {"-p", port(p, 2), "-t", "-k"},
		"listen http2":    {"-p", port(p, 3), "-t", "-k"},
		"h2c, proxied to": {"-p", port(p, 1), "-P", "/back/"},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: a case of theirs waits two seconds at most
			report := filepath.Join(t.TempDir(), "report.xml")
			out, _ := exec.Command(program, append(args, "-S", "-j", report)...).CombinedOutput()
			passed := 0
			for _, c := range h2specCases(t, report, out) {
				switch {
				case !c.failed:
					passed++
				case deviations[c.name] != "" && strings.HasPrefix(name, "h2c"):
					t.Logf("%s fails: %s", c.name, deviations[c.name])
				default:
					t.Errorf("%s", c.name)
				}
			}
			if passed < 140 {
				t.Errorf("%d cases passed", passed)
			}
			if t.Failed() {
				t.Logf("h2spec says:\n%.20000s", failures(string(out)))
			}
		})
	}
}

func port(p *Proxy, n int) string { return p.names[fmt.Sprintf("%%PORT%d%%", n)] }

type h2specCase struct {
	name   string // such as "http2/6.5.3 Sends ..."
	failed bool
}

// h2specCases reads h2spec's report.
func h2specCases(t *testing.T, file string, out []byte) (all []h2specCase) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var report struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Name    string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			all = append(all, h2specCase{c.Package + " " + c.Name, c.Failure != nil || c.Error != nil})
		}
	}
	return all
}

// failures is the part of h2spec's output that explains.
func failures(out string) string {
	if at := strings.Index(out, "Failures:"); at >= 0 {
		return out[at:]
	}
	return out
}

func TestCurlSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	p := h2Hearth(t)
	for _, c := range []struct{ name, args, want string }{
		{"prior knowledge", "--http2-prior-knowledge http://%1", "HTTP/2.0"},
		{"HTTP/1 on the same port", "--http1.1 http://%1", "HTTP/1.1"},
		{"an offer to upgrade is not taken", "--http2 http://%1", "HTTP/1.1"},
		{"ALPN", "--http2 https://%2", "HTTP/2.0"},
		{"ALPN for HTTP/1 on the same port", "--http1.1 https://%2", "HTTP/1.1"},
		{"no ALPN", "--no-alpn https://%2", "HTTP/1.1"},
		{"the http2 parameter of listen", "--http2 https://%3", "HTTP/2.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := 1; n <= 3; n++ {
				c.args = strings.ReplaceAll(c.args, fmt.Sprintf("%%%d", n), p.Addr(n))
			}
			out, err := exec.Command("curl", append([]string{"-sSk", "-m", "20", "-d", "a body"}, strings.Fields(c.args)...)...).CombinedOutput()
			if err != nil || string(out) != "from "+c.want+"\n" {
				t.Errorf("%v, %q", err, out)
			}
		})
	}
	for version, want := range map[string]string{"--http2-prior-knowledge": `client sent invalid header: "x_y" while`, "--http1.1": `client sent invalid header line: "X_Y: z" while`} {
		from := len(p.Read("error.log"))
		exec.Command("curl", "-s", "-m", "20", "-H", "X_Y: z", version, "http://"+p.Addr(1)).Run()
		if log := p.Read("error.log")[from:]; !strings.Contains(log, want) {
			t.Errorf("%s: a field that is dropped is not logged:\n%s", version, log)
		}
	}
	if log := p.Read("error.log") + p.Read("stderr"); !strings.Contains(log, `[warn]`) || !strings.Contains(log, `the "listen ... http2" directive is deprecated, use the "http2" directive instead in `) {
		t.Errorf("no warning of the http2 parameter:\n%s", log)
	}
}

// h2load multiplexes as browsers do not: each of its requests has to succeed.
func TestH2Load(t *testing.T) {
	t.Parallel()
	need(t, "h2load")
	p := h2Hearth(t)
	all := regexp.MustCompile(`requests: 3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout`)
	for _, url := range []string{"http://" + p.Addr(1) + "/", "http://" + p.Addr(1) + "/back/", "https://" + p.Addr(2) + "/back/"} {
		out, err := exec.Command("h2load", "-n3000", "-c10", "-m32", url).CombinedOutput()
		if err != nil || !all.Match(out) {
			t.Errorf("%s: %v\n%s", url, err, out)
		}
	}
	// With bodies, which are more than one frame.
	body := p.File("upload", string(data()[:100_000]))
	out, err := exec.Command("h2load", "-n3000", "-c3", "-m100", "-d", body, "http://"+p.Addr(1)+"/back/").CombinedOutput()
	if err != nil || !all.Match(out) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Connections that speak neither protocol are told so, whatever they begin with.
func TestPrefacesThatAreNone(t *testing.T) {
	t.Parallel()
	p := h2Hearth(t)
	for _, c := range []struct{ name, sent, want string }{
		{"HTTP/1", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"a method like it", "PRI / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"its first line alone", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + strings.Repeat("x", 100), ""},
	} {
		client := p.lab.Dial(p.Addr(1))
		io.WriteString(client, c.sent)
		got, _ := io.ReadAll(client)
		if !strings.HasPrefix(string(got), c.want) || strings.Contains(string(got), " 500 ") {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
