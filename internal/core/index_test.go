package core

import (
	"strings"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/http1"
)

// FuzzLocationIndex compares the index with looking at every location.
func FuzzLocationIndex(f *testing.F) {
	f.Add("/ /a /a/b =/a /ab/ ^~/abc", "/a/bc")
	f.Add("=/x /x/ +/x/", "/x")
	f.Fuzz(func(t *testing.T, names, path string) {
		var locations []*Location
		seen := map[string]bool{}
		for _, name := range strings.Fields(names) {
			l := &Location{}
			switch name[0] {
			case '=':
				l.Kind, l.Name = ExactLocation, name[1:]
			case '+':
				l.AutoRedirect, l.Name = true, name[1:]
			default:
				l.Name = name
			}
			key := l.Name
			if l.Kind == ExactLocation {
				key = "=" + key
			}
			if !seen[key] {
				seen[key] = true
				locations = append(locations, l)
			}
		}
		var x locationIndex
		if name, ok := x.build(locations); !ok {
			t.Fatalf("%q is no duplicate", name)
		}
		got, final, redirect := x.match([]byte(path))
		want, wantFinal, wantRedirect := slowMatch(locations, path)
		if got != want || final != wantFinal || redirect != wantRedirect {
			t.Fatalf("%q in %q: %v %v %v, want %v %v %v", path, names, got, final, redirect, want, wantFinal, wantRedirect)
		}
	})
}

func slowMatch(locations []*Location, path string) (best *Location, final, redirect bool) {
	for _, l := range locations {
		if l.Kind == ExactLocation && l.Name == path {
			return l, true, false
		}
	}
	for _, l := range locations {
		if l.Kind != ExactLocation && strings.HasPrefix(path, l.Name) && (best == nil || len(l.Name) > len(best.Name)) {
			best = l
		}
	}
	if best != nil && best.Name == path {
		return best, false, false
	}
	for _, l := range locations {
		if l.AutoRedirect && l.Name == path+"/" {
			return l, true, true
		}
	}
	return best, false, false
}

// FuzzNames compares the table with the rules for one name.
func FuzzNames(f *testing.F) {
	f.Add("a.b", "a.b")
	f.Add("*.b", "x.a.b")
	f.Add("www.*", "www.y.z")
	f.Add(".b", "b")
	f.Fuzz(func(t *testing.T, name, host string) {
		n, ok := readServerName(name)
		if !ok || n.bad {
			return
		}
		var table nameTable
		table.add(n, &Server{})
		suffix, prefix := strings.HasSuffix(host, n.key), strings.HasPrefix(host, n.key) && len(host) > len(n.key)
		want := map[nameKind]bool{
			exactName: host == name, wildcardHead: suffix, wildcardBoth: suffix || host == name[min(1, len(name)):], wildcardTail: prefix,
		}[n.kind]
		if host == "" {
			want = n.kind == exactName && name == ""
		}
		if found := table.find(nil, []byte(host)) != nil; found != want {
			t.Fatalf("%q for %q: %v, want %v", host, name, found, want)
		}
	})
}

// FuzzQueryAndCookies: values are parts of what was sent.
func FuzzQueryAndCookies(f *testing.F) {
	f.Add("a=b&c=d", "a")
	f.Add("a=b; c=d", "c")
	f.Fuzz(func(t *testing.T, sent, name string) {
		r := &Request{Args: []byte(sent)}
		if v, ok := r.Arg(name); ok && !strings.Contains(sent, "="+string(v)) {
			t.Fatalf("argument %q", v)
		}
		if v, ok := http1.CookieValue([]byte(sent), name); ok && !strings.Contains(sent, string(v)) {
			t.Fatalf("cookie %q", v)
		}
	})
}

// FuzzSplitListen: no address makes it panic, and the parts are parts of the argument.
func FuzzSplitListen(f *testing.F) {
	for _, s := range []string{"80", "[::1]:80", "a:1-2", ":", "[", "[]:", "80-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		host, ports, why := splitListen(arg)
		if why == "" && host != "*" && !strings.Contains(arg, host) {
			t.Fatalf("host %q", host)
		}
		if low, high, ok := parsePorts(ports); ok && (low < 1 || high > 65535 || low > high) {
			t.Fatalf("ports %d-%d", low, high)
		}
	})
}

func TestTempPathLevels(t *testing.T) {
	for _, tt := range []struct {
		levels []int
		want   string
	}{
		{nil, "/t/0000012345"}, {[]int{1, 2}, "/t/5/34/0000012345"}, {[]int{3, 3, 3}, "/t/345/012/000/0000012345"},
	} {
		if got := (TempPath{Dir: "/t", Levels: tt.levels}).name(12345); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.levels, got, tt.want)
		}
	}
}

func TestArenaKeepsWhatItHandsOut(t *testing.T) {
	var a arena
	var pieces [][]byte
	for i := range 500 {
		p := a.alloc(i % 1500)
		for j := range p {
			p[j] = byte(i)
		}
		pieces = append(pieces, p)
	}
	for i, p := range pieces {
		if len(p) != i%1500 || len(p) > 0 && (p[0] != byte(i) || p[len(p)-1] != byte(i)) {
			t.Fatalf("piece %d was overwritten", i)
		}
	}
	a.reset()
	if n := testing.AllocsPerRun(10, func() { a.alloc(1000); a.alloc(3000); a.reset() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSocketLookup(t *testing.T) {
	one, all := &Address{Addr: conn.MustAddr("127.0.0.1:80")}, &Address{Addr: conn.MustAddr("0.0.0.0:80")}
	s := &Socket{Addr: all.Addr, Addresses: []*Address{one, all}}
	for local, want := range map[string]*Address{"127.0.0.1:80": one, "10.0.0.1:80": all} {
		if got := NewPort(s).Lookup(func() conn.Addr { return conn.MustAddr(local) }); got != want {
			t.Errorf("%s: %v", local, got.Addr)
		}
	}
}
