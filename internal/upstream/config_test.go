package upstream_test

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/headers"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/proxy"
	"hearth/internal/upstream"
)

var modules = []*core.Module{&upstream.Module, &proxy.Module, &headers.Module}

// asNginx are configurations, good and bad, that hearth and nginx are to judge alike.
var asNginx = []string{
	// addresses
	"upstream u { server 127.0.0.1; }", "upstream u { server 127.0.0.1:8080; }", "upstream u { server 127.0.0.1:0; }", "upstream u { server 127.0.0.1:; }",
	"upstream u { server 127.0.0.1:65535; }", "upstream u { server 127.0.0.1:65536; }", "upstream u { server 127.0.0.1:8x; }", "upstream u { server :80; }",
	"upstream u { server unix:; }", "upstream u { server unix:/run/x; }", "upstream u { server unix:/" + strings.Repeat("x", 106) + "; }",
	"upstream u { server unix:/" + strings.Repeat("x", 107) + "; }",
	"upstream u { server [::1; }", "upstream u { server [::1]x; }", "upstream u { server [::1]; }", "upstream u { server [::1]:80; }", "upstream u { server [::1]:; }",
	"upstream u { server ::1; }", "upstream u { server []; }", "upstream u { server [x]; }", "upstream u { server [127.0.0.1]; }",
	"upstream u { server a/b; }", "upstream u { server 127.0.0.1/b; }", "upstream u { server 127.0.0.1?b; }", "upstream u { server \"\"; }",
	"upstream u { server no.such.invalid; }", "upstream u { server no.such.invalid:81; }", "upstream u { server 1.2.3.4.5; }", "upstream u { server localhost; }",
	// parameters
	"upstream u { server 127.0.0.1 backup; }", "upstream u { server 127.0.0.1 down; }", "upstream u { server 127.0.0.1 weight=0; }", "upstream u { server 127.0.0.1 weight=; }",
	"upstream u { server 127.0.0.1 weight; }", "upstream u { server 127.0.0.1 weight=-1; }", "upstream u { server 127.0.0.1 weight=2 weight=3; }",
	"upstream u { server 127.0.0.1 max_fails=x; }", "upstream u { server 127.0.0.1 max_fails=0; }", "upstream u { server 127.0.0.1 max_conns=x; }", "upstream u { server 127.0.0.1 max_conns=0; }",
	"upstream u { server 127.0.0.1 fail_timeout=1x; }", "upstream u { server 127.0.0.1 fail_timeout=10ms; }", "upstream u { server 127.0.0.1 fail_timeout=; }",
	"upstream u { server 127.0.0.1 bogus; }", "upstream u { server 127.0.0.1 bogus=1; }", "upstream u { server 127.0.0.1 backup=1; }", "upstream u { server; }",
	// methods
	"upstream u { ip_hash; server 127.0.0.1 backup; }", "upstream u { server 127.0.0.1; server 127.0.0.2 backup; ip_hash; }", "upstream u { random; server 127.0.0.1 backup; }",
	"upstream u { hash x; server 127.0.0.1 backup; }", "upstream u { least_conn; server 127.0.0.1; server 127.0.0.2 backup; }",
	"upstream u { hash $uri bogus; server 127.0.0.1; }", "upstream u { hash $uri consistent; server 127.0.0.1; }", "upstream u { hash $nothing; server 127.0.0.1; }", "upstream u { hash; server 127.0.0.1; }",
	"upstream u { random three; server 127.0.0.1; }", "upstream u { random two x; server 127.0.0.1; }", "upstream u { random two least_conn; server 127.0.0.1; }", "upstream u { ip_hash x; server 127.0.0.1; }",
	// keepalive
	"upstream u { server 127.0.0.1; keepalive x; }", "upstream u { server 127.0.0.1; keepalive -1; }", "upstream u { server 127.0.0.1; keepalive 1; keepalive 2; }",
	"upstream u { server 127.0.0.1; keepalive_requests x; }", "upstream u { server 127.0.0.1; keepalive_timeout x; }", "upstream u { server 127.0.0.1; keepalive_time x; }",
	"upstream u { server 127.0.0.1; keepalive_requests 1; keepalive_requests 1; }", "upstream u { server 127.0.0.1; keepalive 4; keepalive_timeout 1h; keepalive_time 1d; keepalive_requests 5; }",
	// zones
	"upstream u { server 127.0.0.1; zone z; }", "upstream u { server 127.0.0.1; zone z 1k; }", "upstream u { server 127.0.0.1; zone z x; }", "upstream u { server 127.0.0.1; zone \"\" 64k; }",
	"upstream u { server 127.0.0.1; zone z 64k; }", "upstream u { server 127.0.0.1; zone z 64k; zone z 64k; }", "upstream u { server 127.0.0.1; zone z 64k; } upstream v { server 127.0.0.1; zone z; }",
	"upstream u { server 127.0.0.1; zone z; } upstream v { server 127.0.0.1; zone z 64k; }", "upstream u { server 127.0.0.1; zone z 64k; } upstream v { server 127.0.0.1; zone z 128k; }",
	// names of upstreams
	"upstream u { }", "upstream { server 127.0.0.1; }", "upstream u;", "upstream u { server 127.0.0.1; } upstream u { server 127.0.0.1; }",
	"upstream u { server 127.0.0.1; } upstream U { server 127.0.0.1; }",
	"upstream u { server 127.0.0.1; } server { location / { proxy_pass http://u:80; } }", "server { location / { proxy_pass http://u:81; } } upstream u { server 127.0.0.1; }",
	"server { location / { proxy_pass http://U; } } upstream u { server 127.0.0.1; }", "server { location / { proxy_pass http://u; } location /a { proxy_pass http://u/; } } upstream u { server 127.0.0.1; }",
	"server { location / { proxy_pass http://127.0.0.1; } location /a { proxy_pass http://127.0.0.1:80; } }",
	"server { location / { proxy_pass http://no.such.invalid; } }", "server { location / { proxy_pass http://no.such.invalid:81/x; } }",
	"server { location / { proxy_pass http://127.0.0.1:x; } }", "server { location / { proxy_pass http://:80; } }", "server { location / { proxy_pass http://unix:; } }",
	"server { location / { proxy_pass http://unix:/tmp/x:/y; } }", "server { location / { proxy_pass http://unix:/tmp/x; } location /a { proxy_pass http://unix:/tmp/x:; } }",
	"server { location / { proxy_pass http://[::1]:8080/; } }", "server { location / { proxy_pass http://[::1; } }",
}

func TestConfigurationsAreJudgedAsByNginx(t *testing.T) {
	for _, config := range asNginx {
		if !strings.Contains(config, "server {") {
			config += " server { }"
		}
		config = "http { " + config + " }"
		want := nginxtest.Check(t, config)
		if got := coretest.LoadError(t, modules, config); got != want {
			t.Errorf("%s\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}

// TestNewerDirectives has what Debian's nginx does not know: nginx's documentation and wording of later versions.
func TestNewerDirectives(t *testing.T) {
	for config, want := range map[string]string{
		"upstream u { server a.test resolve; }":                                       `resolving names at run time requires upstream "u" in nginx.conf:1 to be in shared memory`,
		"upstream u { zone z 64k; server a.test resolve; }":                           `no resolver defined to resolve names at run time in upstream "u" in nginx.conf:1`,
		"upstream u { zone z 64k; server a.test resolve; resolver 127.0.0.1; }":       "",
		"resolver 127.0.0.1; upstream u { zone z 64k; server a.test resolve; }":       "",
		"upstream u { zone z 64k; server a.test resolve; } resolver 127.0.0.1;":       "",
		"upstream u { server 127.0.0.1 resolve; }":                                    "",
		"upstream u { server a.test service=http; }":                                  `service upstream "a.test" requires "resolve" parameter in nginx.conf:1`,
		"upstream u { server a.test service= resolve; }":                              `service is empty in nginx.conf:1`,
		"upstream u { server a.test:80 service=http resolve; }":                       `service upstream "a.test:80" may not have port in nginx.conf:1`,
		"upstream u { server 127.0.0.1; keepalive 0; }":                               "",
		"upstream u { server 127.0.0.1; keepalive 8 local; }":                         "",
		"upstream u { server 127.0.0.1; keepalive 8 remote; }":                        `invalid parameter "remote" in nginx.conf:1`,
		"upstream u { server 127.0.0.1; keepalive_min 2; keepalive_learn off; }":      "",
		"upstream u { server 127.0.0.1 slow_start=30s; least_time header inflight; }": "",
		"upstream u { server 127.0.0.1; least_time middle; }":                         `invalid parameter "middle" in nginx.conf:1`,
		"upstream u { server 127.0.0.1; random two least_time=last_byte; }":           "",
	} {
		if got := coretest.LoadError(t, modules, "http { "+config+" server { } }"); got != want {
			t.Errorf("%s\n got  %s\n want %s", config, got, want)
		}
	}
}

func TestAMethodThatIsRedefinedIsWarnedOf(t *testing.T) {
	got := coretest.Warnings(t, modules, "http { upstream u { ip_hash; least_conn; server 127.0.0.1; } server { } }")
	if len(got) != 1 || got[0] != "load balancing method redefined in nginx.conf:1" {
		t.Errorf("%q", got)
	}
}
