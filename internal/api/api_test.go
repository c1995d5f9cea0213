package api

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/proxy"
	"hearth/internal/upstream"
)

var modules = []*core.Module{&upstream.Module, &proxy.Module, &Module}

const config = `location /api { api; } location ~ ^/p/ { api write=off; }
	location /a { proxy_pass http://u; }
	location /b { proxy_pass http://u; proxy_http_version 1.0; }
	location /c { proxy_pass http://u; proxy_set_header Connection "Close"; }
	location /d { proxy_pass http://u; proxy_set_header Connection $http_connection; proxy_http_version 1.0; }
	location /e { proxy_pass http://u; proxy_set_header Connection keep-alive; proxy_http_version 1.0; }
	location /f { proxy_pass http://127.0.0.1:9009; }
	location /g { proxy_pass http://u; proxy_set_header Connection ""; }`

const http = `upstream u { zone z 64k; server 127.0.0.1:9001 weight=3 max_conns=7; server 127.0.0.1:9002 down; server 127.0.0.1:9003 backup;
	keepalive 16; keepalive_requests 50; keepalive_timeout 5s; keepalive_min 2; keepalive_learn off; }`

func newServer(t *testing.T) *coretest.Server {
	return coretest.New(t, modules, "http { "+http+" server { listen 80; "+config+" } }")
}

// get reads the document at a path.
func get(t *testing.T, s *coretest.Server, path string, to any) {
	t.Helper()
	res := s.Get(path)
	if res.Status != 200 || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %v %s", path, res.Status, res.Header, res.Body)
	}
	d := json.NewDecoder(strings.NewReader(res.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		t.Fatalf("%s: %v in %s", path, err, res.Body)
	}
}

func TestListsLeadToDocuments(t *testing.T) {
	s := newServer(t)
	for path, want := range map[string]string{
		"/api": "[9]\n", "/api/": "[9]\n", "/api/9": `["nginx","connections","http"]` + "\n", "/api/9/": `["nginx","connections","http"]` + "\n",
		"/api/9/http": `["requests","upstreams"]` + "\n",
	} {
		if res := s.Get(path); res.Status != 200 || res.Body != want {
			t.Errorf("%s: %d %s", path, res.Status, res.Body)
		}
	}
}

func TestWhatRuns(t *testing.T) {
	var n Nginx
	s := newServer(t)
	get(t, s, "/api/9/nginx", &n)
	if n.Version != core.NginxVersion || n.Build != "hearth/"+core.VersionAndBuild() || n.Generation != s.Gen.Number || n.PID != os.Getpid() ||
		n.Address == "" || n.Loaded.IsZero() || n.Now.IsZero() {
		t.Errorf("%+v", n)
	}
	var c Connections
	get(t, s, "/api/9/connections", &c)
	var r Requests
	get(t, s, "/api/9/http/requests", &r)
}

func TestAnUpstreamWithItsLimits(t *testing.T) {
	var all map[string]Upstream
	s := newServer(t)
	get(t, s, "/api/9/http/upstreams", &all)
	if len(all) != 2 {
		t.Fatalf("%d upstreams: %v", len(all), all)
	}
	implicit := all["127.0.0.1:9009"]
	if l := implicit.Pool.Limits; len(implicit.Peers) != 1 || l.Keepalive != 32 || !l.Local || l.Requests != 1000 || !l.Learn || l.Time != 3_600_000 {
		t.Errorf("the upstream of a proxy_pass: %+v", implicit)
	}
	u := all["u"]
	want := Limits{Keepalive: 16, Loops: 1, Idle: 16, Requests: 50, Time: 3_600_000, Timeout: 5000, Min: 2}
	if u.Pool.Limits != want || u.Zone != "z" {
		t.Errorf("limits %+v, zone %q", u.Pool.Limits, u.Zone)
	}
	for i, want := range []Peer{
		{ID: 0, Server: "127.0.0.1:9001", Name: "127.0.0.1:9001", Weight: 3, MaxConns: 7, State: "up"},
		{ID: 1, Server: "127.0.0.1:9002", Name: "127.0.0.1:9002", Weight: 1, State: "down"},
		{ID: 2, Server: "127.0.0.1:9003", Name: "127.0.0.1:9003", Weight: 1, Backup: true, State: "up"},
	} {
		got := u.Peers[i]
		got.Pool = nil
		if got != want {
			t.Errorf("peer %d: %+v", i, got)
		}
	}
	var one Upstream
	if get(t, s, "/api/9/http/upstreams/u", &one); len(one.Peers) != 3 {
		t.Errorf("by its name: %+v", one)
	}
}

// A location whose requests never leave a connection to be kept is named with the directive that is the reason.
func TestLocationsThatKeepNoConnection(t *testing.T) {
	var u Upstream
	get(t, newServer(t), "/api/9/http/upstreams/u", &u)
	want := []NotKept{{Location: "/b", Directive: "proxy_http_version 1.0"}, {Location: "/c", Directive: `proxy_set_header Connection "Close"`}}
	if len(u.NotKept) != len(want) {
		t.Fatalf("%+v", u.NotKept)
	}
	for i := range want {
		got := u.NotKept[i]
		at := got.At
		if got.At = ""; got != want[i] || !strings.Contains(at, "nginx.conf:") {
			t.Errorf("%+v at %q", got, at)
		}
	}
}

func TestPathsThatAreNone(t *testing.T) {
	s := newServer(t)
	for path, code := range map[string]string{
		"/api/8": "UnknownVersion", "/api/9/x": "PathNotFound", "/api/9/http/upstreams/u/x": "UpstreamNotFound", "/p/9": "UnknownVersion",
	} {
		var f Failure
		res := s.Get(path)
		if err := json.Unmarshal([]byte(res.Body), &f); err != nil || res.Status != 404 || f.Error.Status != 404 || f.Error.Code != code {
			t.Errorf("%s: %d %s", path, res.Status, res.Body)
		}
	}
}

func TestItOnlyReads(t *testing.T) {
	s := newServer(t)
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		if res := s.Do(coretest.Message(method, "/api/9/nginx", "{}")); res.Status != 405 || !strings.Contains(res.Body, "MethodDisabled") {
			t.Errorf("%s: %d %s", method, res.Status, res.Body)
		}
	}
	if res := s.Do(coretest.Message("HEAD", "/api/9/nginx", "")); res.Status != 200 || res.Body != "" {
		t.Errorf("HEAD: %d %q", res.Status, res.Body)
	}
}

func TestParametersThatAreNone(t *testing.T) {
	for parameter, want := range map[string]string{
		"write=on": `"write=on" is not supported, the API is read-only in nginx.conf:1`, "x": `invalid parameter "x" in nginx.conf:1`,
	} {
		if got := coretest.LoadError(t, modules, "location / { api "+parameter+"; }"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", parameter, got)
		}
	}
}
