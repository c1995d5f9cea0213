package proxy

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
)

func TestAServerThatIsNotAllowedIsPassedOver(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001 max_fails=0; server 127.0.0.1:9002 max_fails=0; }
		server { listen 80; location / { proxy_pass http://u; proxy_allow_upstream yes $arg_ok; proxy_next_upstream denied; }
		location /first { proxy_pass http://u; proxy_allow_upstream $arg_ok; } }`)
	one, two := w.serve("127.0.0.1:9001", hello), w.serve("127.0.0.1:9002", hello)
	wantStatus(t, w.get("/?ok=1"), "200")
	for _, path := range []string{"/", "/?ok=0", "/first"} {
		wantStatus(t, w.get(path), "502")
	}
	if n := len(one.requests) + len(two.requests); n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
	if n := strings.Count(w.errors(), `upstream denied by "proxy_allow_upstream" while connecting to upstream`); n != 5 {
		t.Errorf("%d were denied, want both servers twice and one once:\n%s", n, w.errors())
	}
}

func TestARequestMayDifferFromServerToServer(t *testing.T) {
	w := newWorld(t, `upstream u { server 127.0.0.1:9001; server 127.0.0.1:9002; }
		server { listen 80; location / { proxy_pass http://u; proxy_request_dynamic on; proxy_set_header Host $upstream_last_addr; } }`)
	b := w.serve("127.0.0.1:9002", hello)
	for range 2 {
		wantStatus(t, w.get("/"), "200")
		wantIn(t, b.last(), "Host: 127.0.0.1:9002\r\n")
	}
}

func TestABadLocalAddressIsLoggedAndNotUsed(t *testing.T) {
	w := newWorld(t, `location / { proxy_pass http://127.0.0.1:9001; proxy_bind $arg_from; proxy_bind_dynamic on; }`)
	w.serve("127.0.0.1:9001", hello)
	wantStatus(t, w.get("/?from=x:y"), "200")
	w.wantError(`invalid local address "x:y"`)
	wantStatus(t, w.get("/?from=127.0.0.2"), "200")
}

// What Debian's nginx does not know yet.
func TestNewerDirectivesAreJudged(t *testing.T) {
	for config, want := range map[string]string{
		"proxy_http_version 3;":                                `invalid value "3" in nginx.conf:1`,
		"proxy_next_upstream denied;":                          "",
		"proxy_pass_trailers x;":                               `invalid value "x" in "proxy_pass_trailers" directive, it must be "on" or "off" in nginx.conf:1`,
		"proxy_limit_rate $arg_rate;":                          "",
		"proxy_limit_rate $nosuch;":                            `unknown "nosuch" variable`,
		"proxy_allow_upstream;":                                `invalid number of arguments in "proxy_allow_upstream" directive in nginx.conf:1`,
		"proxy_allow_upstream a $uri; proxy_allow_upstream b;": "",
		"proxy_bind_dynamic x;":                                `invalid value "x" in "proxy_bind_dynamic" directive, it must be "on" or "off" in nginx.conf:1`,
		"proxy_request_dynamic on off;":                        `invalid number of arguments in "proxy_request_dynamic" directive in nginx.conf:1`,
		"proxy_socket_sndbuf 8k; proxy_socket_rcvbuf x;":       `"proxy_socket_rcvbuf" directive invalid value in nginx.conf:1`,
		"proxy_socket_sndbuf 8k; proxy_socket_sndbuf 8k;":      `"proxy_socket_sndbuf" directive is duplicate in nginx.conf:1`,
	} {
		if got := coretest.LoadError(t, configModules, config); got != want {
			t.Errorf("%s\n got  %s\n want %s", config, got, want)
		}
	}
}

func TestDirectivesAreThoseOfTheReference(t *testing.T) {
	for _, slip := range core.NewSchema(configModules).Audit() {
		if strings.HasPrefix(slip, "ngx_http_proxy_module ") {
			t.Error(slip)
		}
	}
}
