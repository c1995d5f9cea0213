package access

import (
	"strings"
	"testing"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
)

// answer is content for requests that were let in; `return` would come before the access phase.
var answer = core.Module{Phases: []core.Phase{{At: core.Content, Run: func(r *core.Request) core.Verdict {
	return r.Reply(200, nil, nil)
}}}}

var modules = []*core.Module{&Module, &answer}

const config = `
error_page 404 =200 /ok;
location /none { }
location /order { deny 10.1.2.3; allow 10.0.0.0/8; deny all; }
location /all { allow all; deny all; }
location /six { allow 2001:db8::/32; allow ::1; deny all; }
location /unix { allow unix:; deny all; }
location /nounix { deny unix:; }
location /inner/ { deny 10.0.0.0/8;
    location /inner/same { }
    location /inner/own { allow 10.0.0.0/8; deny 192.0.2.1; } }
location /bits { allow 10.1.2.3/8; deny all; }
location /except { limit_except GET { deny all; } }
location /any { satisfy any; allow 10.0.0.0/8; deny all; }
`

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	s := coretest.New(t, modules, config)
	for _, c := range []struct {
		path    string
		allowed string
		denied  string
	}{
		{"/none", "10.1.2.3:1 [::1]:1 unix:/x", ""},
		{"/order", "10.1.2.4:1 10.255.0.1:1 [::ffff:10.0.0.1]:1", "10.1.2.3:1 11.0.0.1:1 [::1]:1 unix:/x"},
		{"/all", "10.1.2.3:1 [::1]:1 unix:/x", ""},
		{"/six", "[2001:db8::1]:1 [2001:db8:ffff::]:1 [::1]:1", "[2001:db9::1]:1 127.0.0.1:1 unix:/x"},
		{"/unix", "unix:/x", "127.0.0.1:1 [::1]:1"},
		{"/nounix", "127.0.0.1:1 [::1]:1", "unix:/x"},
		{"/inner/same", "192.0.2.1:1", "10.0.0.1:1"},
		{"/inner/own", "10.0.0.1:1 192.0.2.2:1", "192.0.2.1:1"},
		{"/bits", "10.200.0.1:1", "11.0.0.1:1"},
		{"/any", "10.0.0.1:1", "11.0.0.1:1"},
	} {
		for _, client := range strings.Fields(c.allowed) {
			s.Remote = conn.MustAddr(client)
			if res := s.Get(c.path); res.Status != 200 {
				t.Errorf("%s from %s: %d", c.path, client, res.Status)
			}
		}
		for _, client := range strings.Fields(c.denied) {
			s.Remote = conn.MustAddr(client)
			res := s.Get(c.path)
			if res.Status != 403 || len(res.Log) != 1 || !strings.HasPrefix(res.Log[0], "[error] access forbidden by rule, client: ") {
				t.Errorf("%s from %s: %d %q", c.path, client, res.Status, res.Log)
			}
		}
	}
}

func TestLimitExcept(t *testing.T) {
	s := coretest.New(t, modules, config)
	if res := s.Get("/except"); res.Status != 200 {
		t.Errorf("GET: %d", res.Status)
	}
	if res := s.Do(coretest.Message("POST", "/except", "x")); res.Status != 403 {
		t.Errorf("POST: %d", res.Status)
	}
}

func TestAnswersAndLogAreThoseOfNginx(t *testing.T) {
	n := nginxtest.Start(t, strings.Replace(config, "allow 10.1.2.3/8;", "", 1)+"location = /ok { return 200; }")
	s := coretest.New(t, modules, config)
	s.Remote = conn.Unix("")
	for _, path := range []string{"/order", "/all", "/six", "/unix", "/nounix", "/inner/same", "/inner/own", "/any"} {
		n.Log()
		got, want := s.Get(path), n.Get(path)
		if got.Status != want.Status {
			t.Errorf("%s: %d, nginx %d", path, got.Status, want.Status)
		}
		mine, theirs := forbidden(got.Log), forbidden(n.Log())
		if mine != theirs {
			t.Errorf("%s: log\n hearth: %s\n nginx:  %s", path, mine, theirs)
		}
	}
}

func forbidden(log []string) string {
	for _, line := range log {
		if strings.Contains(line, "forbidden") {
			return line
		}
	}
	return ""
}

func TestMistakesAreRefusedInNginxsWords(t *testing.T) {
	for _, config := range []string{
		"allow;", "allow a;", "allow 1.2.3;", "allow 1.2.3.4/33;", "allow 1.2.3.4/;", "allow 1.2.3.4/x;", "allow 1.2.3.4 5.6.7.8;", "deny 1.2.3.256;", "deny ::/129;",
		"deny ::g;", "deny 2001:db8::1/32;", "allow 10.1.1.1/8;", "allow unix:/x;", "allow ALL;", "deny '';", "allow [::1];", "allow ::1/128;",
		"allow 0.0.0.0/0;", "allow 1.2.3.4/0;", "deny 1.2.3.4/32;", "deny 1.2.3.4/-1;", "deny fe80::1%eth0;",
	} {
		want := nginxtest.Check(t, config)
		got := coretest.LoadError(t, modules, config)
		if got == "" {
			got = strings.Join(coretest.Warnings(t, modules, config), "\n")
		}
		if got != want {
			t.Errorf("%q\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}

func TestACheckAllocatesNothing(t *testing.T) {
	s := coretest.New(t, modules, config)
	s.Remote = conn.MustAddr("10.1.2.4:1")
	serve := s.Repeat(coretest.Get("/order"))
	serve()
	if n := testing.AllocsPerRun(100, serve); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
