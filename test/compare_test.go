package test

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Pair is hearth and nginx with the same configuration, each with backends of its own that run the same script.
type Pair struct {
	testing.TB
	hearth, nginx *Proxy
}

// newPair starts both. setUp, if not nil, is told of each before it starts, to write files.
func newPair(t *testing.T, conf string, setUp func(*Proxy), scripts ...func(*Call)) *Pair {
	if nginxBinary == "" {
		t.Skip("nginx is not installed")
	}
	start := func(binary string) *Proxy {
		l := newLab(t)
		for _, s := range scripts {
			l.Backend(s)
		}
		p := l.prepare(binary, conf)
		if setUp != nil {
			setUp(p)
		}
		p.launch()
		p.waitListening()
		p.opened = p.descriptors()
		return p
	}
	return &Pair{TB: t, hearth: start(hearthBinary), nginx: start(nginxBinary)}
}

// Asked is one conversation of a comparison table.
type Asked struct {
	name string
	raw  string
	// differs says why the answers are meant to differ. Then they must.
	differs string
	// wrong says what hearth does not do yet as it should: the test is skipped as long as that is so.
	wrong string
}

// Compare has each conversation with both, and fails where the client or the backends get to see different things.
func (p *Pair) Compare(t *testing.T, table []Asked) {
	at := make(chan int)
	got, want := make([]string, len(table)), make([]string, len(table))
	var workers sync.WaitGroup
	for range p.atOnce() {
		workers.Go(func() {
			for i := range at {
				var both sync.WaitGroup
				both.Go(func() { got[i] = p.hearth.converse(table[i].raw) })
				both.Go(func() { want[i] = p.nginx.converse(table[i].raw) })
				both.Wait()
			}
		})
	}
	for i := range table {
		at <- i
	}
	close(at)
	workers.Wait()
	for i, a := range table {
		t.Run(a.name, func(t *testing.T) {
			same := got[i] == want[i]
			if !same && a.wrong != "" {
				t.Skipf("known: %s", a.wrong)
			}
			if same == (a.differs != "") {
				t.Errorf("%.300q\nmeant to differ: %q\n--- hearth:\n%s\n--- nginx:\n%s", a.raw, a.differs, got[i], want[i])
			}
		})
	}
}

// atOnce is how many conversations may go on together: only one where it matters what the backends see of it.
func (p *Pair) atOnce() int {
	if len(p.hearth.lab.backends) > 0 {
		return 1
	}
	return 16
}

// quiet is how long a connection must be silent after an answer to count as kept open.
const quiet = 60 * time.Millisecond

// converse sends raw and shows all that came back, and all that the backends saw of it.
func (p *Proxy) converse(raw string) string {
	c := p.lab.Dial(p.Addr(1))
	defer c.Close()
	io.WriteString(c, p.Expand(raw))
	method, _, _ := strings.Cut(strings.TrimLeft(raw, "\r\n"), " ")
	var show strings.Builder
	for {
		a, err := c.Receive(method)
		if err != nil {
			show.WriteString("(closed)\n")
			break
		}
		show.WriteString(p.show(method, a))
		method = "GET"
		c.SetReadDeadline(time.Now().Add(quiet))
		if _, err := c.in.Peek(1); err != nil && err != io.EOF {
			show.WriteString("(open)\n")
			break
		}
		c.SetReadDeadline(time.Now().Add(patience))
	}
	return show.String() + p.showBackends()
}

var (
	dateLine = regexp.MustCompile(`(?m)^Date: .*\r\n`)
	version  = regexp.MustCompile(`hearth/[\w.+-]+`)
	lengthOf = regexp.MustCompile(`Content-Length: \d+\r\n`)
	boundary = regexp.MustCompile(`\b0\d{19}\b`)
)

// show makes an answer comparable: without the date, the server's version, and the length of pages with its name in them.
func (p *Proxy) show(method string, a Answer) string {
	s := sorted(dateLine.ReplaceAllString(a.Head, ""))
	if strings.Contains(a.Body, "<hr><center>") || method == "HEAD" && a.Status >= 300 {
		s = lengthOf.ReplaceAllString(s, "")
	}
	s += a.Body
	if a.Cut {
		s += "(cut)"
	}
	s = version.ReplaceAllString(p.Neutral(s), "hearth")
	s = boundary.ReplaceAllString(s, "BOUNDARY")
	return s + "\n"
}

// sorted orders the fields by name: only the order of those with the same name has a meaning.
func sorted(head string) string {
	first, rest, _ := strings.Cut(strings.TrimSuffix(head, "\r\n"), "\n")
	fields := strings.SplitAfter(rest, "\r\n")
	slices.SortStableFunc(fields, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, ":")
		nameB, _, _ := strings.Cut(b, ":")
		return strings.Compare(strings.ToLower(nameA), strings.ToLower(nameB))
	})
	return first + "\n" + strings.Join(fields, "") + "\r\n"
}

func (p *Proxy) showBackends() string {
	s := ""
	for i, b := range p.lab.backends {
		for _, call := range b.Seen() {
			head, body, _ := strings.Cut(call, "\r\n\r\n")
			s += fmt.Sprintf("backend %d: %s%s\n", i+1, sorted(p.Neutral(head)+"\r\n\r\n"), body)
		}
	}
	return s
}
