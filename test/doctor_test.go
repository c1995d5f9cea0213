package test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// The map of many a configuration, which lets WebSockets through, says close for all other requests. The doctor finds it
// out, of the process that runs, and so it does of the other ways to lose connections.
func TestTheDoctorSaysWhyConnectionsAreNotKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Backend(func(c *Call) {
		c.Say(200, "hello", "Connection: "+map[bool]string{true: "close", false: "keep-alive"}[c.Field("Connection") == "close"])
		if c.Field("Connection") == "close" {
			c.Close()
		}
	})
	p := l.Hearth(site(`
map $http_upgrade $connection_upgrade { default upgrade; '' close; }
upstream well { server %BACK1%; keepalive 8; }
upstream spoilt { server %BACK1%; keepalive 8; }
upstream old { server %BACK1%; keepalive 8; }
server {
	listen %PORT1%;
	location /well { proxy_pass http://well; }
	location /spoilt { proxy_pass http://spoilt; proxy_set_header Connection $connection_upgrade; }
	location /old { proxy_pass http://old; proxy_http_version 1.0; }
	location /api { api; allow 127.0.0.1; deny all; }
}`))
	client := &http.Client{Transport: new(http.Transport), Timeout: patience}
	for range 60 { // on one connection, so that the requests come one after the other to one loop
		for _, path := range []string{"/well", "/spoilt"} {
			if err := fetch(client, p.URL(path)); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
	}
	client.CloseIdleConnections()
	var u struct {
		Peers []struct{ Requests int }
		Pool  struct {
			Leases, Reused, Dials int
			Misses, Closes        map[string]int
		}
	}
	for name, want := range map[string]struct{ dials, closes int }{"well": {1, 0}, "spoilt": {60, 60}} {
		a := l.Get(p.Addr(1), "/api/9/http/upstreams/"+name)
		if err := json.Unmarshal([]byte(a.Body), &u); err != nil {
			t.Fatalf("%v in %s", err, a.Body)
		}
		if u.Pool.Leases != 60 || u.Pool.Dials != want.dials || u.Pool.Misses["no_idle"] != want.dials || u.Pool.Reused != 60-want.dials ||
			u.Pool.Closes["upstream_connection_close"] != want.closes || u.Peers[0].Requests != 60 {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	said, code := doctor(t, p.URL("/api"))
	for _, want := range []string{
		"upstream well\n    requests 60, reused 98.33 %, at once 1 at most; idle connections 1 of at most 16\n    dialled: no_idle 1\n    nothing to improve\n",
		"upstream spoilt\n    requests 60, reused 0.00 %, at once 1 at most; idle connections 0 of at most 16\n    dialled: no_idle 60\n" +
			"    closed:  upstream_connection_close 60\n  - after 100.0 % of requests the connection was closed for upstream_connection_close: ",
		"  - location /old in " + p.Dir + "/", "keeps no connection: proxy_http_version 1.0\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the doctor does not say %q:\n%s", want, said)
		}
	}
	if code != 2 {
		t.Errorf("exit code %d, want 2: there is advice", code)
	}
	if said, code := doctor(t, p.URL("/well")); code != 1 || !strings.Contains(said, "no answer of a status interface") {
		t.Errorf("of another location: exit code %d, %s", code, said)
	}
}

// doctor runs `hearth doctor` to its end.
func doctor(t *testing.T, url string) (said string, code int) {
	t.Helper()
	cmd := exec.Command(hearthBinary, "doctor", url)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
